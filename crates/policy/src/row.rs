//! The status table: what each outcome means before anybody overrides it.
//!
//! | row | runner | queued request |
//! |---|---|---|
//! | 2XX, 3XX, 4XX | kept | ends |
//! | 429 | kept | goes again, unless `retry_429 = false` |
//! | 503 | ended | goes again |
//! | 504 | port checked | goes again |
//! | 500, 502, every other number | port checked | ends |
//! | broken, cut, late or refused | ended | goes again |
//! | caller gone, cancelled | kept | ends |

use fal_types::{Condition, Status};

use crate::{Cause, Impact, Outcome};

/// The row of the status table that an outcome falls into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Row {
    /// 200 to 299.
    Success,
    /// 300 to 399.
    Redirection,
    /// 400 to 499 without 429.
    ClientError,
    /// 429.
    TooManyRequests,
    /// 500.
    InternalError,
    /// 502.
    BadGateway,
    /// 503.
    RunnerBroken,
    /// 504.
    GatewayTimeout,
    /// Every other number: the rest of 5XX, and what is no final HTTP status at all.
    OtherStatus,
    /// The answer was cut short.
    Truncated,
    /// The connection broke.
    Disconnected,
    /// `request_timeout` passed.
    TimedOut,
    /// The connection was refused.
    Refused,
    /// Connecting took too long.
    ConnectTimedOut,
    /// Connecting failed in another way.
    ConnectFailed,
    /// Nobody waits for the answer any more.
    Abandoned,
    /// The request was cancelled.
    Cancelled,
}

impl Row {
    /// The row of an outcome.
    #[must_use]
    pub const fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Responded(answer) => Self::of_status(answer.status),
            Outcome::Truncated => Self::Truncated,
            Outcome::Disconnected => Self::Disconnected,
            Outcome::TimedOut => Self::TimedOut,
            Outcome::Refused => Self::Refused,
            Outcome::ConnectTimedOut => Self::ConnectTimedOut,
            Outcome::ConnectFailed => Self::ConnectFailed,
            Outcome::Abandoned => Self::Abandoned,
            Outcome::Cancelled => Self::Cancelled,
        }
    }

    //= docs/contract.md#status-other-5xx
    //# Every other 5XX, and any status outside 100 to 599, MUST be treated as a 500.
    const fn of_status(status: Status) -> Self {
        match status.code() {
            200..=299 => Self::Success,
            300..=399 => Self::Redirection,
            429 => Self::TooManyRequests,
            400..=499 => Self::ClientError,
            500 => Self::InternalError,
            502 => Self::BadGateway,
            503 => Self::RunnerBroken,
            504 => Self::GatewayTimeout,
            // An informational answer is never the final one, so HTTP keeps it from getting here;
            // it has a row all the same, for the table is total.
            0..=199 | 501 | 505.. => Self::OtherStatus,
        }
    }

    /// What the row means for the runner.
    pub(crate) const fn impact(self) -> Impact {
        match self {
            //= docs/contract.md#status-2xx
            //# A 2XX MUST keep the runner, and completes the request.
            Self::Success => Impact::Keep,
            //= docs/contract.md#status-3xx
            //# A 3XX MUST be passed on verbatim, MUST NOT be followed, and keeps the runner.
            Self::Redirection => Impact::Keep,
            //= docs/contract.md#status-4xx
            //# A 4XX MUST keep the runner, and MUST NOT be retried.
            Self::ClientError => Impact::Keep,
            //= docs/contract.md#status-429
            //# A 429 MUST keep the runner.
            Self::TooManyRequests => Impact::Keep,
            //= docs/contract.md#status-500
            //# A 500 MUST start a TCP check of its runner, and MUST NOT be retried.
            Self::InternalError | Self::OtherStatus => Impact::Probe,
            //= docs/contract.md#status-502
            //# A 502 MUST start a TCP check of its runner, and MUST NOT be retried.
            Self::BadGateway => Impact::Probe,
            //= docs/contract.md#status-503
            //# A 503 MUST end its runner at once, after a single one, and the runner is replaced.
            Self::RunnerBroken => Impact::Terminate(Cause::Status503),
            //= docs/contract.md#status-504
            //# A 504 MUST start a TCP check of its runner, which is not ended by the status alone.
            Self::GatewayTimeout => Impact::Probe,
            //= docs/contract.md#truncation
            //# A response that its runner cut short MUST terminate the runner.
            Self::Truncated => Impact::Terminate(Cause::Truncated),
            //= docs/contract.md#crash
            //# A connection that breaks while a request is in flight MUST terminate its runner.
            Self::Disconnected => Impact::Terminate(Cause::Disconnected),
            //= docs/contract.md#timeout
            //# A runner that exceeds it MUST be terminated.
            Self::TimedOut => Impact::Terminate(Cause::TimedOut),
            //= docs/contract.md#refused
            //# A runner that refuses a connection, or does not accept one in time, MUST be
            //# terminated.
            Self::Refused => Impact::Terminate(Cause::Refused),
            Self::ConnectTimedOut => Impact::Terminate(Cause::ConnectTimedOut),
            Self::ConnectFailed => Impact::Terminate(Cause::ConnectFailed),
            //= docs/contract.md#abandoned
            //# A caller that hangs up MUST NOT count as a fault of the runner, and the runner is
            //# kept.
            Self::Abandoned | Self::Cancelled => Impact::Keep,
        }
    }

    /// The condition under which the row is retried. Every row but 429 that is retried has one.
    #[must_use]
    pub const fn condition(self) -> Option<Condition> {
        match self {
            //= docs/contract.md#status-503
            //# A queued request that gets a 503 MUST be retried.
            Self::RunnerBroken => Some(Condition::ServerError),
            //= docs/contract.md#status-504
            //# A queued request that gets a 504 MUST be retried.
            Self::GatewayTimeout => Some(Condition::ServerError),
            //= docs/contract.md#truncation
            //# A queued request whose response was cut short MUST be retried.
            Self::Truncated => Some(Condition::ServerError),
            //= docs/contract.md#crash
            //# A queued request whose connection broke MUST be retried.
            Self::Disconnected => Some(Condition::ServerError),
            //= docs/contract.md#timeout
            //# A queued request that exceeds it MUST be retried.
            Self::TimedOut => Some(Condition::Timeout),
            //= docs/contract.md#refused
            //# A queued request that could not connect MUST be retried.
            Self::Refused | Self::ConnectTimedOut | Self::ConnectFailed => {
                Some(Condition::ConnectionError)
            }
            Self::Success
            | Self::Redirection
            | Self::ClientError
            | Self::TooManyRequests
            | Self::InternalError
            | Self::BadGateway
            | Self::OtherStatus
            | Self::Abandoned
            | Self::Cancelled => None,
        }
    }

    /// The clause of `docs/contract.md` that the row stands in.
    #[must_use]
    pub const fn clause(self) -> &'static str {
        match self {
            Self::Success => "status-2xx",
            Self::Redirection => "status-3xx",
            Self::ClientError => "status-4xx",
            Self::TooManyRequests => "status-429",
            Self::InternalError => "status-500",
            Self::BadGateway => "status-502",
            Self::RunnerBroken => "status-503",
            Self::GatewayTimeout => "status-504",
            Self::OtherStatus => "status-other-5xx",
            Self::Truncated => "truncation",
            Self::Disconnected => "crash",
            Self::TimedOut => "timeout",
            Self::Refused | Self::ConnectTimedOut | Self::ConnectFailed => "refused",
            Self::Abandoned => "abandoned",
            Self::Cancelled => "queue-cancel",
        }
    }
}
