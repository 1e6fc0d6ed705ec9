//! How an attempt can end.

use std::time::Duration;

use fal_types::Status;

/// How one attempt at one runner ended.
///
/// There is no variant for what the platform answers in its own name, so no such answer can be
/// taken for a runner's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The runner answered. Of a streamed answer this is known from its status line on, and holds
    /// only if the body then came whole.
    Responded(Answer),
    /// The runner began to answer and did not finish.
    Truncated,
    /// The connection broke after the request was sent: the runner crashed, or was ended.
    Disconnected,
    /// `request_timeout` passed.
    TimedOut,
    /// The runner's port refused the connection.
    Refused,
    /// Connecting took too long.
    ConnectTimedOut,
    /// Connecting failed in another way.
    ConnectFailed,
    /// The caller of a direct call left, or the platform itself could not go on.
    Abandoned,
    /// The request was cancelled before the attempt ended, and no answer came.
    Cancelled,
}

/// What the policy reads of a runner's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The code of the status line.
    pub status: Status,
    /// `X-Fal-Needs-Retry`, if it was there and understood.
    pub needs_retry: Option<Flag>,
    /// `x-fal-stop-runner`, if it was there and understood.
    pub stop_runner: Option<Flag>,
    /// `Retry-After`; read on a 429 only, and counted for
    /// [300 seconds](crate::headers::LONGEST_RETRY_AFTER) at most.
    pub retry_after: Option<Duration>,
}

/// What a header that overrides the table says. A value that is neither is no flag at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flag {
    /// `1` or `true`.
    Yes,
    /// `0` or `false`.
    No,
}

impl Outcome {
    /// The runner's answer, where it gave one.
    #[must_use]
    pub const fn answer(&self) -> Option<&Answer> {
        match self {
            Self::Responded(answer) => Some(answer),
            Self::Truncated
            | Self::Disconnected
            | Self::TimedOut
            | Self::Refused
            | Self::ConnectTimedOut
            | Self::ConnectFailed
            | Self::Abandoned
            | Self::Cancelled => None,
        }
    }
}

impl Answer {
    /// An answer with none of the headers.
    #[must_use]
    pub const fn new(status: Status) -> Self {
        Self { status, needs_retry: None, stop_runner: None, retry_after: None }
    }
}
