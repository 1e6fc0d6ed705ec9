//! Forwarding one request to a runner over a kept connection.
//!
//! There is no task, and for a whole body no box, per request: the caller's task writes to the connection's
//! and reads from it. Connections are kept last in, first out, so that a quiet runner keeps few alive.

use std::{io, sync::Arc};

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, Version, header};

mod body;
mod link;
mod tunnel;
mod wire;

use body::Upload;
pub use body::{BodyError, RequestBody, ResponseBody, UploadBody, UploadError};
use link::Connection;
pub(crate) use link::{Link, dial};
pub use tunnel::{Switch, Tunnel};

/// All headers of an answer together, in bytes.
const MAX_HEAD: usize = 16 * 1024;

/// What a header costs beyond its name and value: `: ` and the line end.
const HEADER_SEPARATORS: usize = 4;

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// Nothing listens on the runner's port.
    #[error("the runner refused the connection")]
    Refused,
    /// The connection was not made in time.
    #[error("connecting to the runner timed out")]
    ConnectTimedOut,
    /// The connection could not be made for another reason.
    #[error("could not connect to the runner")]
    ConnectFailed(#[source] io::Error),
    /// The connection broke after the request was sent and before the head of an answer was there.
    #[error("the runner closed the connection before it answered")]
    Disconnected(#[source] hyper::Error),
    /// What came is not an HTTP answer.
    #[error("the runner's answer is not HTTP")]
    Malformed(#[source] Option<hyper::Error>),
    /// The headers of the answer are longer than 16 KiB together, or more than a hundred.
    #[error("the runner's answer has too large a head")]
    HeadTooLarge,
    /// The request's own streamed body ended in an error. The runner is not to blame.
    #[error("the request's body ended early")]
    Upload(#[source] UploadError),
    /// The runner's connections were cut, see [`Runner::cut`](crate::Runner::cut).
    #[error("the runner's connections were cut")]
    Cut,
}

/// An exchange that brought no head.
struct Broken {
    error: hyper::Error,
    /// Some of an answer arrived.
    heard: bool,
    /// None of the request was written.
    unsent: bool,
}

impl Link {
    pub(crate) async fn forward(
        self: &Arc<Self>,
        mut request: Request<RequestBody>,
    ) -> Result<Response<ResponseBody>, ForwardError> {
        self.prepare(&mut request);
        let upload = request.body().upload();
        if upload == Upload::Whole
            && let Some(used) = self.idle().await
        {
            let copy = duplicate(&request);
            return match self.exchange(used, request, upload).await {
                Ok(response) => Self::checked(response),
                Err(broken) => self.again(broken, copy).await,
            };
        }
        let new = self.connect().await?;
        match self.exchange(new, request, upload).await {
            Ok(response) => Self::checked(response),
            Err(broken) => Err(self.fault(broken)),
        }
    }

    /// A used connection broke. If nothing was heard on it, the runner may just have closed it for being
    /// idle: only a new connection can tell.
    //= docs/contract.md#crash
    //# A pooled connection that the runner closed before it answered anything on it MUST be replaced by a new one without blaming the runner.
    async fn again(
        self: &Arc<Self>,
        broken: Broken,
        copy: Option<Request<RequestBody>>,
    ) -> Result<Response<ResponseBody>, ForwardError> {
        let Some(request) = copy.filter(|_| !broken.heard && self.is_open()) else {
            return Err(self.fault(broken));
        };
        let new = match self.connect().await {
            Ok(new) => new,
            // It took the request and is gone since: it broke while it had the request.
            Err(ForwardError::Refused) if !broken.unsent => return Err(self.fault(broken)),
            Err(error) => return Err(error),
        };
        match self.exchange(new, request, Upload::Whole).await {
            Ok(response) => Self::checked(response),
            Err(broken) => Err(self.fault(broken)),
        }
    }

    async fn exchange(
        self: &Arc<Self>,
        mut connection: Connection,
        request: Request<RequestBody>,
        upload: Upload,
    ) -> Result<Response<ResponseBody>, Broken> {
        let before = connection.heard();
        match connection.sender.try_send_request(request).await {
            Ok(response) => {
                Ok(response.map(|body| ResponseBody::new(body, self, connection, upload)))
            }
            Err(mut error) => Err(Broken {
                unsent: error.take_message().is_some(),
                error: error.into_error(),
                heard: connection.heard() != before,
            }),
        }
    }

    fn prepare(&self, request: &mut Request<RequestBody>) {
        if !request.headers().contains_key(header::HOST) {
            let host: HeaderValue = self.host().clone();
            request.headers_mut().insert(header::HOST, host);
        }
        *request.version_mut() = Version::HTTP_11;
        if request.uri().authority().is_some() {
            let path = request.uri().path_and_query().cloned();
            *request.uri_mut() = path.map(Uri::from).unwrap_or_default();
        }
    }

    fn checked(response: Response<ResponseBody>) -> Result<Response<ResponseBody>, ForwardError> {
        if size(response.headers()) > MAX_HEAD {
            return Err(ForwardError::HeadTooLarge);
        }
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(ForwardError::Malformed(None));
        }
        Ok(response)
    }

    fn fault(&self, Broken { error, .. }: Broken) -> ForwardError {
        if self.is_cut() {
            ForwardError::Cut
        } else if let Some(upload) = UploadError::within(&error) {
            ForwardError::Upload(upload)
        } else if error.is_parse_too_large() {
            ForwardError::HeadTooLarge
        } else if error.is_parse() {
            ForwardError::Malformed(Some(error))
        } else {
            ForwardError::Disconnected(error)
        }
    }
}

/// A request to send once more; `None` for one whose body cannot be had twice.
fn duplicate(request: &Request<RequestBody>) -> Option<Request<RequestBody>> {
    let RequestBody::Whole(bytes) = request.body() else { return None };
    let mut copy = Request::new(RequestBody::Whole(bytes.clone()));
    copy.method_mut().clone_from(request.method());
    copy.uri_mut().clone_from(request.uri());
    copy.headers_mut().clone_from(request.headers());
    Some(copy)
}

fn size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + HEADER_SEPARATORS).sum()
}
