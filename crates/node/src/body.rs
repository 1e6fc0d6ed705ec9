//! What a caller's response body is made of.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use fal_engine::Reported;
use fal_policy::Outcome;
use fal_supervisor::ResponseBody;
pub use fal_supervisor::{RequestBody, UploadBody, UploadError};
use fal_types::RequestId;
use http::uri::PathAndQuery;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use parking_lot::Mutex;
use tokio::{task::AbortHandle, time::Instant};

use crate::exchange::{self, Lease};

/// How long a runner may go on with an answer whose caller has left.
const LEFT_ALONE: Duration = Duration::from_secs(5);

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
    flow: Arc<Mutex<Flow>>,
    watchdog: AbortHandle,
}

/// Shared with the watchdog, because nobody polls a body whose caller does not read.
#[derive(Debug)]
struct Flow {
    /// `None` once it has ended, in whatever way.
    open: Option<Open>,
    /// The caller has taken all there was: the runner has yet to send more.
    waits_for_runner: bool,
    /// It has ended as it should.
    is_whole: bool,
    /// How it was cut, which is not said before what came first is on its way: a connection that is told of an error
    /// drops what it has not written yet.
    cut: Option<BodyError>,
    /// Whoever waits for the runner's next word, and must hear it if there will be none.
    reader: Option<Waker>,
}

/// An answer that is being passed on.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) inner: ResponseBody,
    pub(crate) lease: Lease,
    /// What the head says.
    pub(crate) reported: Reported,
    pub(crate) path: PathAndQuery,
    pub(crate) request: RequestId,
}

impl Body {
    /// A body that is all there.
    #[must_use]
    pub const fn whole(bytes: Bytes) -> Self {
        Self::Whole(Some(bytes))
    }

    /// A body that is passed on until its end, or until `deadline`, when `request_timeout` has passed.
    pub(crate) fn stream(open: Open, deadline: Instant) -> Self {
        let flow = Flow {
            open: Some(open),
            waits_for_runner: true,
            is_whole: false,
            cut: None,
            reader: None,
        };
        let flow = Arc::new(Mutex::new(flow));
        let watchdog = tokio::spawn(watch(Arc::clone(&flow), deadline)).abort_handle();
        Self::Stream(Box::new(Streamed { flow, watchdog }))
    }
}

/// Ends a body whose time is up. A runner that waits for a caller who does not read has not timed out.
async fn watch(flow: Arc<Mutex<Flow>>, deadline: Instant) {
    tokio::time::sleep_until(deadline).await;
    let mut flow = flow.lock();
    let outcome = flow.waits_for_runner.then_some(Outcome::TimedOut);
    let (ended, reader) = (flow.open.take(), flow.reader.take());
    drop(flow);
    if let Some(open) = ended {
        open.end(outcome);
    }
    if let Some(reader) = reader {
        reader.wake();
    }
}

impl Open {
    /// Settles with this outcome, or with what the head said: the status line stands, whoever hears the rest.
    fn end(self, outcome: Option<Outcome>) {
        let reported = outcome.map_or(self.reported, exchange::reported);
        let _direct_calls_have_none = self.lease.settle(reported);
    }
}

impl Streamed {
    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut flow = self.flow.lock();
        if let Some(cut) = flow.cut.take() {
            return Poll::Ready(Some(Err(cut)));
        }
        let Some(open) = &mut flow.open else {
            return Poll::Ready((!flow.is_whole).then_some(Err(BodyError::TimedOut)));
        };
        let polled = Pin::new(&mut open.inner).poll_frame(cx);
        let is_over = open.inner.is_end_stream();
        flow.waits_for_runner = polled.is_pending();
        let (frame, outcome) = match polled {
            Poll::Pending => {
                flow.reader = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(Some(Ok(frame))) if !is_over => return Poll::Ready(Some(Ok(frame))),
            Poll::Ready(Some(Ok(frame))) => (Some(Ok(frame)), None),
            Poll::Ready(None) => (None, None),
            Poll::Ready(Some(Err(error))) => (None, Some(exchange::cut_short(&error))),
        };
        flow.is_whole = outcome.is_none();
        flow.cut = outcome.is_some().then_some(BodyError::Truncated);
        let ended = flow.open.take();
        drop(flow);
        self.watchdog.abort();
        //= docs/contract.md#truncation
        //# What came before the cut MUST reach a caller that reads.
        let is_cut = outcome.is_some();
        if let Some(open) = ended {
            open.end(outcome);
        }
        if is_cut {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.flow.lock().is_whole
    }

    fn size_hint(&self) -> SizeHint {
        let flow = self.flow.lock();
        flow.open.as_ref().map_or_else(SizeHint::default, |open| open.inner.size_hint())
    }
}

impl Drop for Streamed {
    /// The caller has left. The runner hears of it, and its slot is free when it has ended its answer, or when it has
    /// gone on for so long that its connection is cut.
    fn drop(&mut self) {
        self.watchdog.abort();
        let Some(mut open) = self.flow.lock().open.take() else { return };
        let slot = Arc::clone(open.lease.slot());
        let (path, request) = (open.path.clone(), open.request);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move { exchange::signal_cancel(&slot, path.path(), request).await });
        runtime.spawn(async move {
            let rest = async { while let Some(Ok(_)) = open.inner.frame().await {} };
            let _either = tokio::time::timeout(LEFT_ALONE, rest).await;
            open.end(None);
        });
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
            Self::Stream(streamed) => streamed.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                let length = bytes.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
            Self::Stream(streamed) => streamed.size_hint(),
        }
    }
}
