//! Following a request.

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_core::Stream;
use futures_util::{StreamExt as _, stream};
use tokio::time;

use crate::{
    error::{DecodeError, Error},
    handle::{
        Handle,
        status::{LogLine, Logs, State, Status, Wire},
    },
    stream::Sse,
    transport::within,
};

/// How a request is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Follow {
    logs: Logs,
    way: Way,
    interval: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Streaming,
    Polling,
}

/// How often a request is asked after whose stream cannot be had.
const INTERVAL: Duration = Duration::from_millis(500);

/// By the platform's stream of statuses, without logs.
impl Default for Follow {
    fn default() -> Self {
        Self::streaming()
    }
}

impl Follow {
    /// By the platform's stream of statuses. Where there is none, or it breaks or is held back, by asking twice a second.
    #[must_use]
    pub const fn streaming() -> Self {
        Self { logs: Logs::LeftOut, way: Way::Streaming, interval: INTERVAL }
    }

    /// By asking this often.
    #[must_use]
    pub const fn polling(interval: Duration) -> Self {
        Self { logs: Logs::LeftOut, way: Way::Polling, interval }
    }

    /// With what the app prints.
    #[must_use]
    pub const fn with_logs(mut self) -> Self {
        self.logs = Logs::Wanted;
        self
    }
}

/// The changes of a request, up to its end, which is the last of them; or up to an error.
///
/// Each status is another than the one before, and has the lines that are new. Dropping it changes nothing.
pub struct Events {
    inner: Pin<Box<dyn Stream<Item = Result<Status, Error>> + Send>>,
}

impl Events {
    pub(super) fn new(handle: Handle, follow: Follow) -> Self {
        let follower = Some(Follower::new(handle, follow));
        Self { inner: Box::pin(stream::unfold(follower, next).fuse()) }
    }

    /// The next change; none after the end.
    pub async fn next(&mut self) -> Option<Result<Status, Error>> {
        poll_fn(|cx| self.inner.as_mut().poll_next(cx)).await
    }
}

impl Stream for Events {
    type Item = Result<Status, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.inner.as_mut().poll_next(cx)
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

/// The next change, and the follower if there may be another.
async fn next(follower: Option<Follower>) -> Option<(Result<Status, Error>, Option<Follower>)> {
    let mut follower = follower?;
    let change = follower.change().await;
    let goes_on = change.as_ref().is_ok_and(|status| !status.is_completed());
    Some((change, goes_on.then_some(follower)))
}

/// Looks for changes. After the end there are none, so it is not asked again then.
pub(super) struct Follower {
    handle: Handle,
    follow: Follow,
    source: Source,
    /// The lines that were given.
    seen: Vec<LogLine>,
    last: Option<State>,
}

enum Source {
    Unopened,
    Open(Box<Sse>),
    Polled { pause: Duration },
}

impl Follower {
    pub(super) const fn new(handle: Handle, follow: Follow) -> Self {
        let source = match follow.way {
            Way::Streaming => Source::Unopened,
            Way::Polling => Source::Polled { pause: Duration::ZERO },
        };
        Self { handle, follow, source, seen: Vec::new(), last: None }
    }

    /// Waits for the next change.
    pub(super) async fn change(&mut self) -> Result<Status, Error> {
        loop {
            let Some(status) = self.look().await? else { continue };
            let status = self.news(status);
            if !status.logs.is_empty() || self.last.as_ref() != Some(&status.state) {
                self.last = Some(status.state.clone());
                return Ok(status);
            }
        }
    }

    /// What is heard next; none where nothing was, and something else is to be tried.
    async fn look(&mut self) -> Result<Option<Status>, Error> {
        match &mut self.source {
            Source::Unopened => {
                self.source = match self.handle.stream(self.follow.logs).await {
                    Ok(answer) => {
                        let limit = self.handle.client.bounds(None).length;
                        Source::Open(Box::new(Sse::new(answer, limit)))
                    }
                    Err(error) if is_final(&error) => return Err(error),
                    Err(error) => self.fall_back(&error.to_string()),
                };
                Ok(None)
            }
            Source::Open(sse) => {
                let heard = match within(self.handle.client.silence(), sse.heard()).await {
                    Ok(Some(heard)) => heard.and_then(|data| {
                        data.map(|data| DecodeError::read::<Wire>(&data, sse.reply())).transpose()
                    }),
                    Ok(None) => return Ok(self.turn("it ended before the request")),
                    Err(silence) => return Ok(self.turn(&silence.to_string())),
                };
                match heard {
                    Ok(status) => Ok(status.map(Status::from)),
                    Err(error) => Ok(self.turn(&error.to_string())),
                }
            }
            Source::Polled { pause } => {
                time::sleep(*pause).await;
                *pause = self.follow.interval;
                self.handle.status(self.follow.logs).await.map(Some)
            }
        }
    }

    fn turn(&mut self, why: &str) -> Option<Status> {
        self.source = self.fall_back(why);
        None
    }

    /// Asking is slower than listening, and always works where anything does.
    fn fall_back(&self, why: &str) -> Source {
        let request = self.handle.request_id();
        tracing::debug!(request, why, "its statuses are not streamed; asking instead");
        Source::Polled { pause: Duration::ZERO }
    }

    /// The status with the lines that are new.
    fn news(&mut self, mut status: Status) -> Status {
        // This platform tells all lines each time, and fal's stream only those that are new.
        let known = if status.logs.starts_with(&self.seen) { self.seen.len() } else { 0 };
        status.logs.drain(..known);
        self.seen.extend(status.logs.iter().cloned());
        status
    }
}

/// Whether the status would be refused for the same reason.
const fn is_final(error: &Error) -> bool {
    matches!(
        error,
        Error::BadCall(_) | Error::NotFound(_) | Error::Unauthorized(_) | Error::Forbidden(_)
    )
}
