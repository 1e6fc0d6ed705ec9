//! How far one connection has come with the request on it: what a stop may wait for, and what not.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Shared between a connection and the request on it. HTTP/1 has one at a time.
#[derive(Debug, Default, Clone)]
pub(super) struct Progress(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    /// A request is being answered, up to the last byte of its answer that was handed over.
    busy: AtomicBool,
    /// The caller has sent the whole of it.
    whole: AtomicBool,
}

impl Progress {
    /// A request has begun; its answer holds the guard.
    pub(super) fn begin(&self) -> Busy {
        self.0.whole.store(false, Ordering::Release);
        self.0.busy.store(true, Ordering::Release);
        Busy(self.clone())
    }

    /// Whether somebody waits for an answer whose question is complete.
    pub(super) fn is_working(&self) -> bool {
        self.0.busy.load(Ordering::Acquire) && self.0.whole.load(Ordering::Acquire)
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Busy(Progress);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.0.busy.store(false, Ordering::Release);
    }
}

/// A body that notes when its caller has sent the whole of it.
pub(super) struct Sent<B> {
    pub(super) body: B,
    pub(super) progress: Progress,
}

/// A body that is busy until it has been handed over.
pub(super) struct Leaving<B> {
    pub(super) body: B,
    pub(super) _busy: Busy,
}

impl<B: Body<Data = Bytes> + Unpin> Sent<B> {
    pub(super) fn new(body: B, progress: Progress) -> Self {
        let sent = Self { body, progress };
        sent.note();
        sent
    }

    fn note(&self) {
        if self.body.is_end_stream() {
            self.progress.0.whole.store(true, Ordering::Release);
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Sent<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(frame, Poll::Ready(None)) {
            self.progress.0.whole.store(true, Ordering::Release);
        } else {
            self.note();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Leaving<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
