//! Streams of inputs: what a realtime endpoint takes to hear a whole session.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;
use futures_util::StreamExt as _;

/// The inputs of one session, as they come: what a realtime endpoint takes instead of one input.
///
/// They end when the session has been idle for its `session_timeout`, when it is cancelled, and when
/// the runner stops; an endpoint may also return before that. A client that leaves drops the endpoint
/// at its next `await`.
///
/// ```
/// use fal_app::{prelude::*, Inputs};
///
/// # struct Sum;
/// # #[derive(Debug, thiserror::Error, AppError)]
/// # #[error("failed")]
/// # #[status(500)]
/// # struct Failed;
/// # #[derive(Debug, Deserialize, JsonSchema)]
/// # struct Number { value: u64 }
/// # #[derive(Debug, PartialEq, Serialize, JsonSchema)]
/// # struct Total { value: u64 }
/// # impl Sum {
/// async fn sum(&self, mut numbers: Inputs<Number>) -> Result<Total, Failed> {
///     let mut value = 0;
///     while let Some(number) = numbers.next().await {
///         value += number.value;
///     }
///     Ok(Total { value })
/// }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let numbers = Inputs::of([Number { value: 1 }, Number { value: 2 }]);
/// assert_eq!(Sum.sum(numbers).await.unwrap(), Total { value: 3 });
/// # }
/// ```
pub struct Inputs<I> {
    values: Pin<Box<dyn Stream<Item = I> + Send>>,
}

impl<I: Send + 'static> Inputs<I> {
    /// The inputs of this stream.
    #[must_use]
    pub fn new(values: impl Stream<Item = I> + Send + 'static) -> Self {
        Self { values: Box::pin(values) }
    }

    /// Inputs that are already there: for tests.
    #[must_use]
    pub fn of<V>(values: V) -> Self
    where
        V: IntoIterator<Item = I>,
        V::IntoIter: Send + 'static,
    {
        Self::new(futures_util::stream::iter(values))
    }

    /// The next input; `None` after the last. Safe to drop and to call again.
    pub async fn next(&mut self) -> Option<I> {
        self.values.next().await
    }
}

impl<I> Stream for Inputs<I> {
    type Item = I;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<I>> {
        self.values.as_mut().poll_next(cx)
    }
}

impl<I> fmt::Debug for Inputs<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inputs").finish_non_exhaustive()
    }
}
