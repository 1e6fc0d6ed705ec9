//! Accepting connections.

use std::{future::Future, time::Duration};

use fal_tls::{Acceptor, Protocol};
use http::uri::Scheme;
use hyper::{
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::{Gateway, service::Arrival};

/// How long the listener rests when the system has no room for another connection.
const NO_ROOM: Duration = Duration::from_millis(50);

/// How long a caller is silent before the system asks whether it is there, and how soon it asks again.
const SILENCE: Duration = Duration::from_secs(30);
const ASK_AGAIN: Duration = Duration::from_secs(10);

/// Calls at once on one connection of HTTP/2.
const STREAMS: u32 = 1_000;

/// How long a caller may take to agree on TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Where callers connect, and how they are spoken to there.
#[derive(Debug)]
pub struct Listener {
    /// Where they connect.
    pub socket: TcpListener,
    /// What makes TLS of their connections; none for plain HTTP.
    pub tls: Option<Acceptor>,
}

/// Serves until `stop` resolves; then accepts nothing more, tells kept connections to close, and returns when the
/// last request has been answered or `grace` is over.
pub async fn serve(
    listener: Listener,
    gateway: Gateway,
    stop: impl Future<Output = ()>,
    grace: Duration,
) {
    let (closing, closed) = watch::channel(false);
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.socket.accept() => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, _)) => {
                // Small answers must not wait for an acknowledgement; where it cannot be set, they just do.
                let _slow = stream.set_nodelay(true);
                keep_alive(&stream);
                let (gateway, closed) = (gateway.clone(), closed.clone());
                match listener.tls.clone() {
                    None => drop(tokio::spawn(plain(stream, gateway, closed))),
                    Some(tls) => drop(tokio::spawn(secured(tls, stream, gateway, closed))),
                }
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(NO_ROOM).await;
            }
        }
    }
    drop(listener);
    drop(closed);
    let _nobody_left = closing.send(true).is_err();
    let _late = tokio::time::timeout(grace, closing.closed()).await;
}

//= docs/contract.md#sessions
//# A caller that leaves without a close MUST NOT count as a fault of the runner, which gets the cancel signal.
/// Has the system find out about callers that have gone without a word: they may hold slots.
fn keep_alive(stream: &TcpStream) {
    let often = TcpKeepalive::new().with_time(SILENCE).with_interval(ASK_AGAIN).with_retries(3);
    // Where it cannot be set, it is the system's hours that count.
    let _slower = SockRef::from(stream).set_tcp_keepalive(&often);
}

async fn plain(stream: TcpStream, gateway: Gateway, closing: watch::Receiver<bool>) {
    http1(TokioIo::new(stream), gateway, Scheme::HTTP, closing).await;
}

async fn secured(
    tls: Acceptor,
    stream: TcpStream,
    gateway: Gateway,
    closing: watch::Receiver<bool>,
) {
    match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
        Err(_) => tracing::debug!("a caller did not agree on TLS in time"),
        Ok(Err(error)) => tracing::debug!(%error, "a caller could not agree on TLS"),
        Ok(Ok((stream, Protocol::Http1))) => {
            http1(TokioIo::new(stream), gateway, Scheme::HTTPS, closing).await;
        }
        Ok(Ok((stream, Protocol::Http2))) => http2(TokioIo::new(stream), gateway, closing).await,
    }
}

async fn http1(
    stream: TokioIo<impl AsyncRead + AsyncWrite + Unpin + Send + 'static>,
    gateway: Gateway,
    scheme: Scheme,
    mut closing: watch::Receiver<bool>,
) {
    let limits = gateway.limits();
    let arrival = Arrival { scheme, closing: closing.clone() };
    let service = service_fn(move |request| gateway.clone().handle(request, arrival.clone()));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(limits.head.max(8192))
        .serve_connection(stream, service)
        .with_upgrades();
    tokio::pin!(connection);
    tokio::select! {
        ended = &mut connection => quiet(ended),
        () = closed(&mut closing) => {
            connection.as_mut().graceful_shutdown();
            quiet(connection.await);
        }
    }
}

async fn http2(
    stream: TokioIo<impl AsyncRead + AsyncWrite + Unpin + Send + 'static>,
    gateway: Gateway,
    mut closing: watch::Receiver<bool>,
) {
    let limits = gateway.limits();
    let arrival = Arrival { scheme: Scheme::HTTPS, closing: closing.clone() };
    let service = service_fn(move |request| gateway.clone().handle(request, arrival.clone()));
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(SILENCE))
        .max_header_list_size(u32::try_from(limits.head).unwrap_or(u32::MAX))
        .max_concurrent_streams(STREAMS)
        .serve_connection(stream, service);
    tokio::pin!(connection);
    tokio::select! {
        ended = &mut connection => quiet(ended),
        () = closed(&mut closing) => {
            connection.as_mut().graceful_shutdown();
            quiet(connection.await);
        }
    }
}

/// Resolves when the gateway closes.
pub(crate) async fn closed(closing: &mut watch::Receiver<bool>) {
    // A sender that is gone means the same as its word.
    let _word = closing.wait_for(|closing| *closing).await.is_ok();
}

/// A connection that ends badly is its caller's affair; what it held was settled on the way.
fn quiet(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended early");
    }
}
