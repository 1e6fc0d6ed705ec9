//! The one HTTP exchange of a delivery.

use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use fal_types::{Status, StatusClass};
use http::{Method, Request, header::HOST};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinSet,
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, crypto::ring::default_provider, pki_types::ServerName},
};

use crate::{
    answer::{Answer, Failure, Refusal, Reply},
    message::Message,
    private::Private,
    roots::Roots,
    target::{Host, Scheme, Target},
};

mod names;
#[cfg(test)]
mod tests;

use self::names::Names;

/// Bytes of an answer's body that are kept.
const EXCERPT: usize = 4096;

/// How long an answer's body may take that nothing depends on.
const BODY_LIMIT: Duration = Duration::from_secs(5);

/// How long each of several addresses may take before the next one is tried: one that is dead must not use up the
/// delivery's time.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Posts messages to targets, one connection each. A clone is cheap.
#[derive(Clone)]
pub struct Sender {
    private: Private,
    names: Names,
    /// None where nobody is trusted.
    tls: Option<TlsConnector>,
}

/// An answer whose head has arrived.
struct Heard {
    status: Status,
    body: Incoming,
    /// Reads and writes the connection, and ends with this.
    _driver: JoinSet<()>,
}

impl Sender {
    /// A sender that refuses or allows private addresses, and trusts these authorities.
    #[must_use]
    pub fn new(private: Private, roots: Roots) -> Self {
        let tls = (!roots.is_empty()).then(|| TlsConnector::from(Arc::new(config(roots))));
        Self { private, names: Names::System, tls }
    }

    /// Posts the message once, within `limit` from the name's resolution to the answer's head. Redirects are not
    /// followed. Dropping the future ends the attempt.
    ///
    /// A body that is still coming when the time is up, or 5 s after the head, changes nothing: its head has told
    /// what came of the delivery.
    ///
    /// Runs within a Tokio runtime with its time and its I/O.
    pub async fn send(&self, target: &Target, message: &Message, limit: Duration) -> Answer {
        let deadline = Instant::now() + limit;
        match timeout_at(deadline, self.post(target, message)).await {
            Ok(Ok(heard)) => heard.answer(deadline.min(Instant::now() + BODY_LIMIT)).await,
            Ok(Err(answer)) => answer,
            Err(_elapsed) => Answer::Failed(Failure::TimedOut(limit)),
        }
    }

    async fn post(&self, target: &Target, message: &Message) -> Result<Heard, Answer> {
        let addresses = self.addresses(target).await?;
        self.open(target, &addresses, request(target, message)).await.map_err(Answer::Failed)
    }

    /// Where the host is, as far as webhooks may go there.
    //= docs/contract.md#webhook-targets
    //# A webhook MUST NOT be sent to a private address unless `webhook_allow_private` is set, whatever name stands for the address.
    async fn addresses(&self, target: &Target) -> Result<Vec<SocketAddr>, Answer> {
        let host = || target.host.to_string();
        let found = match &target.host {
            Host::Address(address) => vec![SocketAddr::new(*address, target.port)],
            Host::Name(name) => {
                let found = self.names.lookup(name.as_ref(), target.port).await;
                found
                    .map_err(|error| Answer::Failed(Failure::Unresolved { host: host(), error }))?
            }
        };
        let refused = found.first().copied();
        let admitted: Vec<_> =
            found.into_iter().filter(|address| self.private.admits(address.ip())).collect();
        match refused {
            Some(address) if admitted.is_empty() => {
                Err(Answer::Refused(Refusal::Private { host: host(), address: address.ip() }))
            }
            Some(_) | None => Ok(admitted),
        }
    }

    async fn open(
        &self,
        target: &Target,
        addresses: &[SocketAddr],
        request: Request<Full<Bytes>>,
    ) -> Result<Heard, Failure> {
        // Before the connection: without roots it would be in vain.
        let tls = match target.scheme {
            Scheme::Http => None,
            Scheme::Https => Some(self.tls.as_ref().ok_or(Failure::NoRoots)?),
        };
        let stream = connect(target, addresses).await?;
        let Some(tls) = tls else { return exchange(stream, request).await };
        let name = match &target.host {
            Host::Name(name) => ServerName::DnsName(name.clone()),
            Host::Address(address) => ServerName::IpAddress((*address).into()),
        };
        let failed = |error| Failure::Tls { host: target.host.to_string(), error };
        exchange(tls.connect(name, stream).await.map_err(failed)?, request).await
    }
}

fn config(roots: Roots) -> ClientConfig {
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has cipher suites for the versions that are the default")
        .with_root_certificates(roots.store)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

/// hyper adds the body's length.
fn request(target: &Target, message: &Message) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(message.body().clone()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = target.path.clone().into();
    *request.headers_mut() = message.headers().clone();
    request.headers_mut().insert(HOST, target.authority.clone());
    request
}

/// The first of these addresses at which somebody listens.
async fn connect(target: &Target, addresses: &[SocketAddr]) -> Result<TcpStream, Failure> {
    let Some((last, others)) = addresses.split_last() else {
        let error = std::io::Error::other("it has no address");
        return Err(Failure::Unresolved { host: target.host.to_string(), error });
    };
    for address in others {
        if let Ok(Ok(stream)) = timeout(CONNECT_LIMIT, TcpStream::connect(address)).await {
            return Ok(stream);
        }
    }
    TcpStream::connect(last).await.map_err(|error| Failure::Unconnected { address: *last, error })
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Heard, Failure> {
    let mut builder = http1::Builder::new();
    // Receivers ought to ignore the case, and some look for the names as the documents spell them.
    builder.title_case_headers(true);
    let handshake = builder.handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(Failure::Broken)?;
    let mut driver = JoinSet::new();
    driver.spawn(async move {
        if let Err(error) = connection.await {
            tracing::trace!(%error, "a connection to a webhook's target ended");
        }
    });
    let (head, body) = sender.send_request(request).await.map_err(Failure::Broken)?.into_parts();
    Ok(Heard { status: Status::new(head.status.as_u16()), body, _driver: driver })
}

impl Heard {
    async fn answer(mut self, deadline: Instant) -> Answer {
        let status = self.status;
        let reply = Reply { status, excerpt: self.excerpt(deadline).await };
        match status.class() {
            StatusClass::Success => Answer::Delivered(reply),
            StatusClass::Redirection => Answer::Refused(Refusal::Redirect(reply)),
            StatusClass::Informational
            | StatusClass::ClientError
            | StatusClass::ServerError
            | StatusClass::Unknown => Answer::Failed(Failure::Status(reply)),
        }
    }

    /// What came of the body before it ended, broke off, was enough or took too long.
    async fn excerpt(&mut self, deadline: Instant) -> String {
        let mut excerpt = Vec::new();
        while excerpt.len() < EXCERPT {
            let Ok(Some(Ok(frame))) = timeout_at(deadline, self.body.frame()).await else { break };
            excerpt.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
        }
        excerpt.truncate(EXCERPT);
        String::from_utf8_lossy(&excerpt).into_owned()
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("private", &self.private).finish_non_exhaustive()
    }
}
