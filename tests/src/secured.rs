//! A caller over TLS, who trusts one authority and no other.

use std::{fs, net::SocketAddr, path::Path, sync::Arc};

use http::{Request, Version, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring::default_provider,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

/// What came back over TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The answer's status.
    pub status: u16,
    /// What was spoken.
    pub version: Version,
    /// The body.
    pub text: String,
    /// The certificate that the platform showed, in DER.
    pub certificate: Vec<u8>,
}

/// Calls a platform over TLS, trusting what is in this file; offers these protocols. An error says why it is not trusted.
///
/// # Errors
/// When there is no trust.
///
/// # Panics
/// When there is trust, and then no answer.
pub fn fetch(
    addr: SocketAddr,
    authority: &Path,
    path: &str,
    protocols: &[&str],
) -> Result<Fetched, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("there is room for a runtime").block_on(async {
        let stream = connect(addr, authority, protocols).await?;
        let (_, connection) = stream.get_ref();
        let shown = connection.peer_certificates().and_then(|chain| chain.first());
        let certificate = shown.expect("a server shows its certificate").to_vec();
        let is_h2 = connection.alpn_protocol() == Some(b"h2");
        let request = Request::post(format!("https://{addr}{path}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::HOST, addr.to_string())
            .body(Full::new(Bytes::from_static(b"{}")))
            .expect("the path is part of a URL");
        let stream = TokioIo::new(stream);
        let response = if is_h2 {
            let new = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await;
            let (mut sender, connection) = new.expect("HTTP/2 is spoken");
            drop(tokio::spawn(connection));
            sender.send_request(request).await
        } else {
            let new = hyper::client::conn::http1::handshake(stream).await;
            let (mut sender, connection) = new.expect("HTTP/1.1 is spoken");
            drop(tokio::spawn(connection));
            sender.send_request(request).await
        };
        let response: http::Response<Incoming> = response.expect("there is an answer");
        let (status, version) = (response.status().as_u16(), response.version());
        let body = response.into_body().collect().await.expect("the body comes whole").to_bytes();
        let text = String::from_utf8_lossy(&body).into_owned();
        Ok(Fetched { status, version, text, certificate })
    })
}

async fn connect(
    addr: SocketAddr,
    authority: &Path,
    protocols: &[&str],
) -> Result<TlsStream<TcpStream>, String> {
    let authority = fs::read(authority).expect("the authority's certificate is there");
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(&authority).expect("it is in PEM");
    roots.add(authority).expect("it is a certificate");
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("there are versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(addr).await.expect("the platform accepts connections");
    let name = ServerName::IpAddress(addr.ip().into());
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(name, stream).await.map_err(|error| error.to_string())
}
