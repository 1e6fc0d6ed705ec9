//! Deliveries over real sockets.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
};

use fal_types::RequestId;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinHandle,
};

use super::*;
use crate::{
    key::{Key, Signed},
    schedule,
};

mod answers;
mod encrypted;
mod exactly;
mod places;

const BODY: &str = r#"{"status":"OK","payload":{"seed": 7}}"#;
const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const LIMIT: Duration = Duration::from_secs(30);

/// A listener on loopback.
async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let port = listener.local_addr().expect("a bound port").port();
    (listener, port)
}

/// Answers one request and gives back what it was.
async fn serve(answer: impl Into<String>) -> (u16, JoinHandle<String>) {
    let (listener, port) = listen().await;
    let answer = answer.into();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        exchange_once(&mut stream, &answer).await
    });
    (port, task)
}

async fn exchange_once(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), answer: &str) -> String {
    let heard = read_request(stream).await;
    stream.write_all(answer.as_bytes()).await.expect("the sender still listens");
    stream.flush().await.expect("the sender still listens");
    heard
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut heard = Vec::new();
    while !heard.ends_with(BODY.as_bytes()) {
        let read = stream.read_buf(&mut heard).await.expect("the request can be read");
        assert_ne!(read, 0, "the request ended early");
    }
    String::from_utf8(heard).expect("the request is text")
}

fn sender(private: Private) -> Sender {
    Sender::new(private, Roots::from_der([]))
}

/// One that knows names of its own.
fn knowing(private: Private, name: &'static str, addresses: &[&str]) -> Sender {
    let addresses: Vec<IpAddr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
    Sender { names: Names::Table(BTreeMap::from([(name, addresses)])), ..sender(private) }
}

fn target(url: &str) -> Target {
    Target::parse(url, Private::Allowed).expect("a target")
}

fn local(port: u16) -> Target {
    target(&format!("http://127.0.0.1:{port}/hook?id=7"))
}

fn message(key: &Key) -> Message {
    let body = Bytes::from_static(BODY.as_bytes());
    let request_id = RequestId::from_bits(0xff);
    let signed = Signed { request_id, user_id: "acme", timestamp_secs: 1_790_000_000, body: &body };
    Message::new(key, signed).expect("a message")
}

fn any() -> Message {
    message(&Key::generate().expect("a key"))
}

/// What comes of a delivery to a server that answers so.
async fn answer_to(answer: impl Into<String>) -> Answer {
    let (port, _server) = serve(answer).await;
    sender(Private::Allowed).send(&local(port), &any(), LIMIT).await
}

/// Nobody has connected.
async fn assert_untouched(listener: &TcpListener) {
    assert!(timeout(Duration::ZERO, listener.accept()).await.is_err(), "somebody connected");
}
