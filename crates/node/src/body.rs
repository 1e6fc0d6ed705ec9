//! What a caller's response body is made of.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use fal_engine::Reported;
use fal_policy::Outcome;
use fal_supervisor::ResponseBody;
use fal_types::RequestId;
use http::uri::PathAndQuery;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Sleep;

pub use fal_supervisor::{RequestBody, UploadBody, UploadError};

use crate::{
    exchange::{self, Lease},
    runners::Slot,
};

/// A response body: held whole, or passed on as the runner sends it.
#[derive(Debug)]
pub enum Body {
    /// All of it; `None` once it has been taken.
    Whole(Option<Bytes>),
    /// As it comes.
    Stream(Box<Streamed>),
}

/// Why a streamed body ended before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The runner cut it short.
    #[error("runner's response ended before it was complete")]
    Truncated,
    /// `request_timeout` has passed.
    #[error("request_timeout has passed while the response was streamed")]
    TimedOut,
}

/// A body on its way, with the slot it holds until its end.
#[derive(Debug)]
pub struct Streamed {
    inner: ResponseBody,
    open: Option<Open>,
    deadline: Pin<Box<Sleep>>,
}

#[derive(Debug)]
struct Open {
    lease: Lease,
    reported: Reported,
    /// Where the cancel signal goes if the caller leaves.
    slot: Arc<Slot>,
    path: PathAndQuery,
    request: RequestId,
}

impl Body {
    /// A body that is all there.
    #[must_use]
    pub const fn whole(bytes: Bytes) -> Self {
        Self::Whole(Some(bytes))
    }

    pub(crate) fn stream(
        inner: ResponseBody,
        deadline: Pin<Box<Sleep>>,
        lease: Lease,
        reported: Reported,
        (slot, path, request): (Arc<Slot>, PathAndQuery, RequestId),
    ) -> Self {
        let open = Some(Open { lease, reported, slot, path, request });
        Self::Stream(Box::new(Streamed { inner, open, deadline }))
    }
}

impl Streamed {
    fn end(&mut self, outcome: Option<Outcome>) {
        if let Some(open) = self.open.take() {
            let reported = outcome.map_or(open.reported, exchange::reported);
            let _direct_calls_have_none = open.lease.settle(reported);
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match Pin::new(&mut self.inner).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                if self.inner.is_end_stream() {
                    self.end(None);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(None) => {
                self.end(None);
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => {
                self.end(Some(exchange::cut_short(&error)));
                Poll::Ready(Some(Err(BodyError::Truncated)))
            }
            Poll::Pending => match self.deadline.as_mut().poll(cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(()) => {
                    self.end(Some(Outcome::TimedOut));
                    Poll::Ready(Some(Err(BodyError::TimedOut)))
                }
            },
        }
    }
}

impl Drop for Streamed {
    fn drop(&mut self) {
        let Some(open) = self.open.take() else { return };
        drop(open.lease);
        let signal = async move {
            exchange::signal_cancel(&open.slot, open.path.path(), open.request).await;
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(signal);
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Whole(bytes) => {
                let bytes = bytes.take().filter(|bytes| !bytes.is_empty());
                Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
            }
            Self::Stream(streamed) => streamed.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.as_ref().is_none_or(Bytes::is_empty),
            Self::Stream(streamed) => streamed.open.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                let length = bytes.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
            Self::Stream(streamed) => streamed.inner.size_hint(),
        }
    }
}
