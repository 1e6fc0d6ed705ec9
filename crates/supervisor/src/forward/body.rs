//! What goes to a runner and what comes back.

use std::{
    error::Error as _,
    fmt, io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;

use super::link::{Connection, Link};

/// A streamed body of a request.
pub type UploadBody = UnsyncBoxBody<Bytes, UploadError>;

/// Why a streamed body of a request ended early. What the text says is the maker's affair.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UploadError(pub String);

impl UploadError {
    /// The one that made hyper give up, if it was one.
    pub(super) fn within(error: &hyper::Error) -> Option<Self> {
        error.source()?.downcast_ref::<Self>().cloned()
    }
}

/// The body of a request to a runner.
pub enum RequestBody {
    /// All of it is here, so it can be sent again.
    Whole(Bytes),
    /// It comes bit by bit and can be sent only once.
    Stream(UploadBody),
}

/// Whether all of a request's body was there when it was sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Upload {
    Whole,
    Stream,
}

impl RequestBody {
    pub(super) const fn upload(&self) -> Upload {
        match self {
            Self::Whole(_) => Upload::Whole,
            Self::Stream(_) => Upload::Stream,
        }
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(bytes) => write!(f, "Whole({} bytes)", bytes.len()),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = UploadError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Stream(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Stream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream(body) => body.size_hint(),
        }
    }
}

/// Why the body of an answer ended early. The head had arrived before.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The runner's connection ended before the body did.
    #[error("the runner's answer was cut short")]
    Truncated(#[source] hyper::Error),
    /// The runner's framing of the body is not HTTP.
    #[error("the runner's answer is not HTTP")]
    Malformed(#[source] hyper::Error),
    /// The runner's connections were cut, see [`Runner::cut`](crate::Runner::cut).
    #[error("the runner's connections were cut")]
    Cut,
}

/// The body of a runner's answer. Read to its end, it gives the connection back for the next request;
/// dropped before, it closes the connection.
pub struct ResponseBody {
    inner: Incoming,
    lease: Option<Lease>,
}

/// A connection in use.
struct Lease {
    link: Arc<Link>,
    connection: Connection,
    upload: Upload,
}

impl ResponseBody {
    pub(super) fn new(
        inner: Incoming,
        link: &Arc<Link>,
        connection: Connection,
        upload: Upload,
    ) -> Self {
        let lease = Lease { link: Arc::clone(link), connection, upload };
        let mut body = Self { inner, lease: Some(lease) };
        body.settle_if_ended();
        body
    }

    fn settle_if_ended(&mut self) {
        if self.inner.is_end_stream() {
            self.settle();
        }
    }

    fn settle(&mut self) {
        if let Some(Lease { link, connection, upload }) = self.lease.take() {
            link.give_back(connection, upload);
        }
    }

    /// An error ends the connection too.
    //= docs/contract.md#truncation
    //# Streams and longer bodies are forwarded as they come, and a cut MUST show as a cut.
    fn fault(&mut self, error: hyper::Error) -> BodyError {
        if self.lease.take().is_some_and(|lease| lease.link.is_cut()) {
            BodyError::Cut
        } else if error.is_incomplete_message() || is_disconnect(&error) {
            BodyError::Truncated(error)
        } else {
            BodyError::Malformed(error)
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        Poll::Ready(match ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
            Some(Ok(frame)) => {
                this.settle_if_ended();
                Some(Ok(frame))
            }
            Some(Err(error)) => Some(Err(this.fault(error))),
            None => {
                this.settle();
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody")
            .field("left", &self.inner.size_hint())
            .finish_non_exhaustive()
    }
}

/// Bad framing shows as invalid data; all else that reading reports is the connection's end.
fn is_disconnect(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| {
        !matches!(cause.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput)
    })
}
