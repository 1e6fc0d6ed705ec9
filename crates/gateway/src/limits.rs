//! What a caller may send.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use fal_node::{UploadBody, UploadError};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use tokio::time::Sleep;

use crate::direct::Refused;

/// Bounds on requests, so that no caller can take the platform down.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The largest request body, in bytes. Larger ones get 413.
    pub body: usize,
    /// The largest head (request line and headers together), in bytes, at least 8192. Larger ones get 431.
    pub head: usize,
    /// How long a caller may take to send its head.
    pub head_timeout: Duration,
    /// How long a caller may take to send a body that is held whole.
    pub body_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 100 * 1024 * 1024,
            head: 64 * 1024,
            head_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(60),
        }
    }
}

/// What a streamed body fails with that is longer than its limit.
const TOO_LARGE: &str = "the request body is too large";
/// What a streamed body fails with whose caller sends nothing for too long.
const TOO_SLOW: &str = "the request body did not arrive in time";

/// A streamed body that fails once it is longer than it may be, or comes to a halt for too long.
pub(crate) fn limited(body: Incoming, limits: Limits) -> UploadBody {
    let (most, pause) = (limits.body, limits.body_timeout);
    let name = |error: Box<dyn std::error::Error + Send + Sync>| {
        let text =
            if error.is::<LengthLimitError>() { TOO_LARGE } else { "the caller's body broke off" };
        UploadError(text.to_owned())
    };
    let inner = Limited::new(body, most).map_err(name).boxed_unsync();
    Paced { inner, pause, late: Box::pin(tokio::time::sleep(pause)) }.boxed_unsync()
}

/// What a body that failed with this is answered with.
pub(crate) fn refused(error: &UploadError) -> Refused {
    match error.0.as_str() {
        TOO_LARGE => Refused::TooLarge,
        TOO_SLOW | fal_node::LATE_UPLOAD => Refused::TooSlow,
        _ => Refused::Broken,
    }
}

/// A body whose caller may not pause for long.
struct Paced {
    inner: UploadBody,
    pause: Duration,
    late: Pin<Box<Sleep>>,
}

impl Body for Paced {
    type Data = Bytes;
    type Error = UploadError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) {
            this.late.set(tokio::time::sleep(this.pause));
            return Poll::Ready(frame);
        }
        this.late.as_mut().poll(cx).map(|()| Some(Err(UploadError(TOO_SLOW.to_owned()))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
