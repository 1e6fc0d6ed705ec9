//! Whom the client trusts, and what a connection that was never made means.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{HeaderValue, Request, Response, Version};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring::default_provider, pki_types::PrivateKeyDer},
    server::TlsStream,
};

use crate::{
    Client, Error, SetupError, TransportError,
    tests::{
        AT_ONCE,
        server::{self, Say, Server},
    },
};

/// What a server with a certificate for `localhost` needs, and the PEM of who vouches for it.
fn identity() -> (ServerConfig, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let own = own.signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.der().clone()], key)
        .unwrap();
    (config, pem(authority.der()))
}

/// A server that is trusted by who has the PEM. The first connections are closed before the handshake.
async fn secure(script: Vec<Say>, dropped: usize) -> (Server, String, Arc<AtomicUsize>) {
    let (config, pem) = identity();
    let (acceptor, connections) =
        (TlsAcceptor::from(Arc::new(config)), Arc::new(AtomicUsize::new(0)));
    let counter = Arc::clone(&connections);
    let wrap = move |stream: TcpStream| {
        let (acceptor, number) = (acceptor.clone(), counter.fetch_add(1, Ordering::SeqCst));
        async move {
            if number < dropped {
                return None;
            }
            let accepted: Option<TlsStream<TcpStream>> = acceptor.accept(stream).await.ok();
            accepted
        }
    };
    (Server::wrapped(script, wrap).await, pem, connections)
}

fn pem(der: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let lines = der.chunks(48).map(|line| {
        let groups = line.chunks(3).map(|group| {
            let bits =
                (0..3).fold(0, |bits, at| bits << 8 | u32::from(*group.get(at).unwrap_or(&0)));
            let digit = |at: usize| char::from(DIGITS[(bits >> (18 - 6 * at) & 63) as usize]);
            (0..4).map(|at| if at <= group.len() { digit(at) } else { '=' }).collect::<String>()
        });
        groups.collect::<String>() + "\n"
    });
    let lines: String = lines.collect();
    format!("-----BEGIN CERTIFICATE-----\n{lines}-----END CERTIFICATE-----\n")
}

fn builder(server: &Server) -> crate::Builder {
    Client::builder().base(&format!("https://localhost:{}", server.port())).retries(AT_ONCE)
}

#[tokio::test]
async fn an_authority_can_be_trusted() {
    let (server, pem, _) = secure(vec![server::json(200, "7"), server::json(200, "8")], 0).await;
    let client = builder(&server).trust(pem.clone()).build().unwrap();
    assert_eq!(client.run::<_, u32>("demo/lab", &json!(1)).await.unwrap(), 7);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ca.pem");
    std::fs::write(&path, pem).unwrap();
    let client = builder(&server).trust_file(&path).build().unwrap();
    assert_eq!(client.run::<_, u32>("demo/lab", &json!(1)).await.unwrap(), 8);
    let missing = builder(&server).trust_file(dir.path().join("none")).build().unwrap_err();
    assert!(
        matches!(&missing, SetupError::NoRoot { path, .. } if path.ends_with("none")),
        "{missing:?}"
    );
    for pem in
        ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
    {
        let bad = builder(&server).trust(pem).build();
        assert!(matches!(bad, Err(SetupError::BadRoot(_))), "{pem}");
    }
}

#[tokio::test]
async fn a_stranger_is_sent_nothing_and_asked_once() {
    let (server, _, connections) = secure(vec![server::json(200, "7")], 0).await;
    let client = builder(&server).build().unwrap();
    let error = client.run::<_, Value>("demo/lab", &json!(1)).await.unwrap_err();
    assert!(matches!(&error, Error::Transport(TransportError::Tls { .. })), "{error:?}");
    assert!(error.is_unsent() && !error.is_retryable());
    assert_eq!((connections.load(Ordering::SeqCst), server.seen().len()), (1, 0));
}

//= docs/contract.md#rust-client-retries
//= type=test
//# A direct call MUST NOT be sent again unless nothing of it was sent.
#[tokio::test]
async fn a_call_whose_connection_was_never_made_is_made_again() {
    let (server, pem, connections) = secure(vec![server::json(200, "7")], 2).await;
    let client = builder(&server).trust(pem).build().unwrap();
    assert_eq!(client.run::<_, u32>("demo/lab", &json!(1)).await.unwrap(), 7);
    assert_eq!((connections.load(Ordering::SeqCst), server.seen().len()), (3, 1));
    let (server, pem, connections) = secure(vec![], usize::MAX).await;
    let client = builder(&server).trust(pem).build().unwrap();
    let error = client.run::<_, Value>("demo/lab", &json!(1)).await.unwrap_err();
    assert!(matches!(&error, Error::Transport(TransportError::Connect { .. })), "{error:?}");
    assert_eq!((connections.load(Ordering::SeqCst), server.seen().len()), (4, 0));
}

#[tokio::test]
async fn a_connection_that_takes_too_long_was_never_made() {
    // It is accepted, and the handshake is never answered.
    let wrap = |stream: TcpStream| async move {
        std::future::pending::<()>().await;
        Some(stream)
    };
    let server = Server::wrapped([], wrap).await;
    let limit = std::time::Duration::from_millis(50);
    let client = builder(&server).connect_timeout(limit).build().unwrap();
    let error = client.run::<_, Value>("demo/lab", &json!(1)).await.unwrap_err();
    assert!(matches!(&error, Error::Transport(TransportError::Connect { .. })), "{error:?}");
    assert!(error.is_unsent() && error.is_retryable());
}

/// Answers a call, and a stream that is reset after its first event.
async fn answer(
    request: Request<Incoming>,
    heard: Arc<Notify>,
) -> Result<Response<UnsyncBoxBody<Bytes, std::io::Error>>, std::io::Error> {
    assert_eq!((request.version(), request.headers().get("host")), (Version::HTTP_2, None));
    if !request.uri().path().ends_with("/stream") {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        return Ok(Response::new(Full::new(body).map_err(|never| match never {}).boxed_unsync()));
    }
    let event = async { Ok(Frame::data(Bytes::from_static(b"data: 1\n\n"))) };
    let reset = async move {
        heard.notified().await;
        Err(std::io::Error::other("the runner is gone"))
    };
    let frames = stream::once(event).chain(stream::once(reset));
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    response.headers_mut().insert("content-type", HeaderValue::from_static("text/event-stream"));
    Ok(response)
}

#[tokio::test]
async fn where_there_is_http2_it_is_spoken() {
    let (mut config, pem) = identity();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let heard = Arc::new(Notify::new());
    let told = Arc::clone(&heard);
    let served = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let stream = TokioIo::new(acceptor.accept(stream).await.unwrap());
        let http2 = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        http2
            .serve_connection(stream, service_fn(|request| answer(request, Arc::clone(&told))))
            .await
    });
    let client = Client::builder().base(&url).trust(pem).retries(AT_ONCE).build().unwrap();
    let call = async |number: u32| client.run::<_, u32>("demo/lab", &number).await.unwrap();
    assert_eq!(call(0).await, 0);
    assert_eq!(tokio::join!(call(1), call(2)), (1, 2), "over the one connection that there is");
    let mut stream: crate::EventStream<u32> = client.stream("demo/lab", &1).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), 1);
    heard.notify_one();
    assert!(matches!(stream.next().await, Some(Err(Error::Cut(_)))));
    drop((client, stream));
    served.await.unwrap().unwrap();
}
