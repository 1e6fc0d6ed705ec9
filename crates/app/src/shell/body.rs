//! The bodies of answers.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_core::Stream;
use http_body::{Frame, SizeHint};
use serde::Serialize;

use crate::{
    endpoint::event_stream::EventStream, request, setup::panic_text, shell::serving::Serving,
};

/// The body of an answer: known whole, streamed as events, or made by a route the author added.
///
/// Known bodies, which nearly all answers have, cost no box and no dynamic call.
pub struct Body(Kind);

enum Kind {
    Whole(Option<Bytes>),
    Events(Events),
    Added(axum::body::Body),
}

struct Events {
    lines: Pin<Box<Lines>>,
    /// The request is in flight until its last event: so is its place among the others. `None`
    /// before the shell has handed it over.
    serving: Option<Serving>,
    ended: bool,
}

/// A stream that ended in the middle: the caller sees a body cut short.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// A value could not be serialised.
    #[error("an event could not be serialised")]
    Serialize(#[source] serde_json::Error),
    /// The stream panicked.
    #[error("the event stream panicked")]
    Panicked,
    /// A body that an added route made failed.
    #[error("the body of an added route failed")]
    Added(#[source] axum::Error),
}

impl Body {
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self(Kind::Whole(Some(bytes.into())))
    }

    pub(crate) fn events<T: Serialize + Send + 'static>(stream: EventStream<T>) -> Self {
        use futures_util::StreamExt as _;
        let lines = Box::pin(stream.values.map(|value| event(&value)));
        Self(Kind::Events(Events { lines, serving: None, ended: false }))
    }

    pub(crate) const fn added(body: axum::body::Body) -> Self {
        Self(Kind::Added(body))
    }

    /// Lets a stream go on serving its request after the endpoint has returned; with any other body
    /// the request has been served.
    pub(crate) fn keep(&mut self, serving: Serving) {
        match &mut self.0 {
            Kind::Events(events) => events.serving = Some(serving),
            Kind::Whole(_) | Kind::Added(_) => serving.finish(),
        }
    }
}

impl Default for Body {
    fn default() -> Self {
        Self(Kind::Whole(None))
    }
}

fn event(value: &impl Serialize) -> Result<Bytes, serde_json::Error> {
    let mut line = b"data: ".to_vec();
    serde_json::to_writer(&mut line, value)?;
    line.extend_from_slice(b"\n\n");
    Ok(line.into())
}

type Lines = dyn Stream<Item = Result<Bytes, serde_json::Error>> + Send;

/// One step of a stream; what breaks it is logged, because no status can tell it any more.
fn poll_caught(
    lines: Pin<&mut Lines>,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Bytes, BodyError>>> {
    let endpoint = request::endpoint();
    match catch_unwind(AssertUnwindSafe(|| lines.poll_next(cx))) {
        Ok(Poll::Ready(Some(Err(error)))) => {
            tracing::error!(endpoint, %error, "an event could not be serialised: its stream is cut");
            Poll::Ready(Some(Err(BodyError::Serialize(error))))
        }
        Ok(polled) => polled.map(|next| next.map(|line| line.map_err(BodyError::Serialize))),
        Err(payload) => {
            let panic = panic_text(&*payload);
            let at = request::current().and_then(|request| request.panicked_at());
            tracing::error!(endpoint, panic, at, "the event stream panicked: it is cut");
            Poll::Ready(Some(Err(BodyError::Panicked)))
        }
    }
}

impl Events {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let lines = &mut self.lines;
        let polled = match &self.serving {
            Some(serving) => serving.request.enter(|| poll_caught(lines.as_mut(), cx)),
            None => poll_caught(lines.as_mut(), cx),
        };
        let next = ready!(polled);
        if !matches!(next, Some(Ok(_))) {
            self.ended = true;
            if let Some(serving) = self.serving.take() {
                serving.finish();
            }
        }
        Poll::Ready(next)
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.0 {
            Kind::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Events(events) => {
                events.poll(cx).map(|next| next.map(|line| line.map(Frame::data)))
            }
            Kind::Added(body) => Pin::new(body).poll_frame(cx).map_err(BodyError::Added),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(bytes) => bytes.is_none(),
            Kind::Events(events) => events.ended,
            Kind::Added(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Kind::Events(_) => SizeHint::default(),
            Kind::Added(body) => body.size_hint(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.0 {
            Kind::Whole(_) => "Whole",
            Kind::Events(_) => "Events",
            Kind::Added(_) => "Added",
        };
        f.debug_tuple("Body").field(&kind).finish()
    }
}
