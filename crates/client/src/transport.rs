//! One exchange over HTTP.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Either, Full};
use hyper::body::{Body as _, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use tokio::{net::TcpStream, time};
use tokio_rustls::rustls::ClientConfig;
use tower_service::Service;

use crate::{
    content::Chunks,
    error::{Cut, Error, TimedOut, TransportError},
    reach::{Names, OutOfReach, Reach},
    reply::Reply,
};

/// What is sent: what lies in memory, or a part of a file.
pub(crate) type Body = Either<Full<Bytes>, Chunks>;

/// How long an idle connection is kept. Servers close theirs after some time, and a request that meets the close
/// could not be repeated; most servers wait for a minute.
const IDLE: Duration = Duration::from_secs(20);
/// How often a connection that says nothing is asked whether it is still there.
const PROBE: Duration = Duration::from_secs(20);
/// How many such questions in a row may go unanswered.
const PROBES: u32 = 3;

/// Connections to hosts, shared by all clones.
#[derive(Debug, Clone)]
pub(crate) struct Transport {
    http: Client<Connector, Body>,
}

/// How patient an exchange is, and how much it takes in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// How long nothing need be heard of it.
    pub(crate) silence: Option<Duration>,
    /// The longest answer, in bytes.
    pub(crate) length: u64,
}

impl Transport {
    pub(crate) fn new(tls: ClientConfig, connect_timeout: Duration, reach: Reach) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Names::new(reach));
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // What takes an hour to answer and what is gone look alike without these.
        tcp.set_keepalive(Some(PROBE));
        tcp.set_keepalive_interval(Some(PROBE));
        tcp.set_keepalive_retries(Some(PROBES));
        let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
        let https = https.enable_all_versions().wrap_connector(tcp);
        let http = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .http2_keep_alive_interval(PROBE)
            .http2_keep_alive_timeout(PROBE)
            .build(Connector { https, limit: connect_timeout, reach });
        Self { http }
    }

    /// Sends a request and waits for the head of the answer.
    pub(crate) async fn head(
        &self,
        request: Request<Body>,
        silence: Option<Duration>,
    ) -> Result<Response<Incoming>, Error> {
        let host = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        let answered = within(silence, self.http.request(request)).await?;
        answered.map_err(|error| Error::Transport(TransportError::new(host, error)))
    }

    /// Sends a request and reads the whole answer, whatever its status.
    pub(crate) async fn whole(
        &self,
        request: Request<Body>,
        bounds: Bounds,
    ) -> Result<Reply, Error> {
        collect(self.head(request, bounds.silence).await?, bounds).await
    }
}

/// Reads the rest of an answer.
pub(crate) async fn collect(answer: Response<Incoming>, bounds: Bounds) -> Result<Reply, Error> {
    let (head, mut body) = answer.into_parts();
    let limit = bounds.length;
    if body.size_hint().lower() > limit {
        return Err(Error::TooLarge { limit });
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = within(bounds.silence, body.frame()).await? {
        let received = whole.len() as u64;
        let frame = frame.map_err(|error| {
            let reply = Reply::new(head.clone(), Bytes::new());
            Error::Cut(Cut::new(received, reply, Some(error)))
        })?;
        let Ok(data) = frame.into_data() else { continue };
        if received + data.len() as u64 > limit {
            return Err(Error::TooLarge { limit });
        }
        whole.extend_from_slice(&data);
    }
    Ok(Reply::new(head, whole.freeze()))
}

/// What the future comes to, if it does in time.
pub(crate) async fn within<T>(
    limit: Option<Duration>,
    future: impl Future<Output = T>,
) -> Result<T, Error> {
    let Some(after) = limit else { return Ok(future.await) };
    let timed_out = |_elapsed| Error::Timeout(TimedOut { after, request_id: None });
    time::timeout(after, future).await.map_err(timed_out)
}

/// Connects within a time, TLS included, which the connectors below do not do.
#[derive(Debug, Clone)]
struct Connector {
    https: HttpsConnector<HttpConnector<Names>>,
    limit: Duration,
    reach: Reach,
}

type Connecting = Pin<Box<dyn Future<Output = std::io::Result<Stream>> + Send>>;
type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = std::io::Error;
    type Future = Connecting;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.https.poll_ready(cx).map_err(std::io::Error::other)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        if !self.reach.admits_host(&uri) {
            return Box::pin(async { Err(std::io::Error::other(OutOfReach)) });
        }
        let (connecting, limit) = (self.https.call(uri), self.limit);
        Box::pin(async move {
            let late = |_elapsed| {
                let text = format!("no connection within {limit:?}");
                std::io::Error::new(std::io::ErrorKind::TimedOut, text)
            };
            let connected = time::timeout(limit, connecting).await.map_err(late)?;
            connected.map_err(std::io::Error::other)
        })
    }
}
