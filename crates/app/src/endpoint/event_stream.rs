//! Streams of events: what an endpoint returns to answer bit by bit.

use std::{fmt, pin::Pin};

use futures_core::Stream;

/// A stream of values, each sent as one server-sent event `data: <json>` as soon as it is there.
///
/// The status is sent before the first value, so a stream cannot fail with a status any more:
/// check what can fail before returning it. A panic in it, or a value that cannot be serialised, cuts
/// the answer short, for which the platform ends the runner and tries a queued request again.
/// Dropped with the connection when it closes.
///
/// ```
/// use fal_app::EventStream;
///
/// let tokens = EventStream::of(["a", "b"]);
/// ```
pub struct EventStream<T> {
    pub(crate) values: Pin<Box<dyn Stream<Item = T> + Send>>,
}

impl<T: Send + 'static> EventStream<T> {
    /// The events of this stream.
    #[must_use]
    pub fn new(values: impl Stream<Item = T> + Send + 'static) -> Self {
        Self { values: Box::pin(values) }
    }

    /// Events whose values are already there.
    #[must_use]
    pub fn of<I>(values: I) -> Self
    where
        I: IntoIterator<Item = T>,
        I::IntoIter: Send + 'static,
    {
        Self::new(futures_util::stream::iter(values))
    }
}

impl<T> fmt::Debug for EventStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").finish_non_exhaustive()
    }
}
