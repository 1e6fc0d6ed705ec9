//! Targets behind TLS.

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::PrivatePkcs8KeyDer},
};

use super::*;

/// What the server saw of one delivery.
struct Seen {
    name: Option<String>,
    protocol: Option<Vec<u8>>,
    request: String,
}

fn certified(name: &str) -> CertifiedKey<KeyPair> {
    generate_simple_self_signed([name.to_owned()]).expect("a certificate")
}

fn acceptor(certified: &CertifiedKey<KeyPair>) -> TlsAcceptor {
    let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key.into())
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config).into()
}

/// Answers one request, if the handshake comes to an end.
async fn serve_tls(acceptor: TlsAcceptor) -> (u16, JoinHandle<Option<Seen>>) {
    let (listener, port) = listen().await;
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        let mut stream = acceptor.accept(stream).await.ok()?;
        let (name, protocol) = {
            let (_, session) = stream.get_ref();
            let name = session.server_name().map(str::to_owned);
            (name, session.alpn_protocol().map(<[u8]>::to_vec))
        };
        Some(Seen { name, protocol, request: exchange_once(&mut stream, OK).await })
    });
    (port, task)
}

/// One that trusts this certificate, and finds `hook.test` on loopback.
fn trusting(certificate: &[u8]) -> Sender {
    let names = knowing(Private::Allowed, "hook.test", &["127.0.0.1"]).names;
    Sender { names, ..Sender::new(Private::Allowed, Roots::from_der([certificate])) }
}

#[tokio::test]
async fn a_trusted_certificate_is_accepted() {
    let certified = certified("hook.test");
    let (port, server) = serve_tls(acceptor(&certified)).await;
    let hook = target(&format!("https://hook.test:{port}/a"));
    let answer = trusting(certified.cert.der()).send(&hook, &any(), LIMIT).await;
    assert!(matches!(answer, Answer::Delivered(_)), "{answer}");
    let seen = server.await.unwrap().expect("the handshake came to an end");
    assert_eq!(seen.name.as_deref(), Some("hook.test"));
    assert_eq!(seen.protocol.as_deref(), Some(b"http/1.1".as_slice()));
    assert!(seen.request.starts_with("POST /a HTTP/1.1\r\n"), "{}", seen.request);
}

#[tokio::test]
async fn a_certificate_may_be_for_an_address() {
    let certified = certified("127.0.0.1");
    let (port, _server) = serve_tls(acceptor(&certified)).await;
    let hook = target(&format!("https://127.0.0.1:{port}/"));
    let answer = trusting(certified.cert.der()).send(&hook, &any(), LIMIT).await;
    assert!(matches!(answer, Answer::Delivered(_)), "{answer}");
}

#[tokio::test]
async fn a_strangers_certificate_is_not_accepted() {
    let (port, server) = serve_tls(acceptor(&certified("hook.test"))).await;
    let hook = target(&format!("https://hook.test:{port}/"));
    let answer = trusting(certified("hook.test").cert.der()).send(&hook, &any(), LIMIT).await;
    assert!(matches!(answer, Answer::Failed(Failure::Tls { .. })), "{answer}");
    assert!(
        answer
            .to_string()
            .starts_with("TLS with hook.test failed: its certificate is not accepted (")
    );
    assert!(server.await.unwrap().is_none());
}

#[tokio::test]
async fn another_names_certificate_is_not_accepted() {
    let certified = certified("other.test");
    let (port, server) = serve_tls(acceptor(&certified)).await;
    let hook = target(&format!("https://hook.test:{port}/"));
    let answer = trusting(certified.cert.der()).send(&hook, &any(), LIMIT).await;
    assert!(matches!(answer, Answer::Failed(Failure::Tls { .. })), "{answer}");
    assert!(answer.to_string().contains("other.test"), "{answer}");
    assert!(server.await.unwrap().is_none());
}

#[tokio::test]
async fn a_server_without_tls_is_tried_again() {
    let (listener, port) = listen().await;
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        stream.read_to_end(&mut Vec::new()).await
    });
    let hook = target(&format!("https://hook.test:{port}/"));
    let answer = trusting(certified("hook.test").cert.der()).send(&hook, &any(), LIMIT).await;
    assert!(matches!(answer, Answer::Failed(Failure::Tls { .. })), "{answer}");
    assert!(server.await.is_ok());
}

#[tokio::test]
async fn without_roots_nobody_is_called() {
    let (listener, port) = listen().await;
    let hook = target(&format!("https://127.0.0.1:{port}/"));
    let answer = sender(Private::Allowed).send(&hook, &any(), LIMIT).await;
    assert!(matches!(answer, Answer::Failed(Failure::NoRoots)), "{answer}");
    assert!(answer.to_string().contains("SSL_CERT_FILE"), "{answer}");
    assert_untouched(&listener).await;
}
