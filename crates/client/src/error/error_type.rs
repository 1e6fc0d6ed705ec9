//! The types of the platform's own errors.

use std::fmt;

/// What kind of error the platform speaks of, in `error_type` and in `X-Fal-Error-Type`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorType {
    /// 504 `request_timeout`: an attempt took longer than the app's `request_timeout`.
    RequestTimeout,
    /// 504 `startup_timeout`: no runner was ready in time. With
    /// [`is_user_timeout`](super::Error::is_user_timeout) it is the caller's own deadline that has passed.
    StartupTimeout,
    /// 503 `runner_scheduling_failure`: no runner can be had.
    RunnerSchedulingFailure,
    /// 503 `runner_connection_timeout`: connecting to the runner took too long.
    RunnerConnectionTimeout,
    /// 503 `runner_disconnected`: the runner went away while it worked on the request.
    RunnerDisconnected,
    /// 503 `runner_connection_refused`: the runner's port refused the connection.
    RunnerConnectionRefused,
    /// 503 `runner_connection_error`: the connection to the runner failed in another way.
    RunnerConnectionError,
    /// 502 `runner_incomplete_response`: the runner's answer ended before it was whole.
    RunnerIncompleteResponse,
    /// 500 `runner_server_error`: the runner failed.
    RunnerServerError,
    /// 499 `client_disconnected`: the caller hung up.
    ClientDisconnected,
    /// 499 `client_cancelled`: the caller cancelled. As an error it is
    /// [`Error::Cancelled`](super::Error::Cancelled).
    ClientCancelled,
    /// 400 `bad_request`: the request cannot be understood, as a timeout that is no number.
    BadRequest,
    /// 500 `internal_error`: the platform itself failed.
    InternalError,
    /// 429 `concurrent_requests_limit`: more calls at once than the account may have.
    ConcurrentRequestsLimit,
    /// One that is not known here, by its name.
    Unknown(String),
}

impl ErrorType {
    /// Every type that is known here.
    pub const ALL: [Self; 14] = [
        Self::RequestTimeout,
        Self::StartupTimeout,
        Self::RunnerSchedulingFailure,
        Self::RunnerConnectionTimeout,
        Self::RunnerDisconnected,
        Self::RunnerConnectionRefused,
        Self::RunnerConnectionError,
        Self::RunnerIncompleteResponse,
        Self::RunnerServerError,
        Self::ClientDisconnected,
        Self::ClientCancelled,
        Self::BadRequest,
        Self::InternalError,
        Self::ConcurrentRequestsLimit,
    ];

    /// The type of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        let known = Self::ALL.into_iter().find(|known| known.name() == name);
        known.unwrap_or_else(|| Self::Unknown(name.to_owned()))
    }

    /// Its name on the wire.
    #[must_use]
    pub const fn name(&self) -> &str {
        match self {
            Self::RequestTimeout => "request_timeout",
            Self::StartupTimeout => "startup_timeout",
            Self::RunnerSchedulingFailure => "runner_scheduling_failure",
            Self::RunnerConnectionTimeout => "runner_connection_timeout",
            Self::RunnerDisconnected => "runner_disconnected",
            Self::RunnerConnectionRefused => "runner_connection_refused",
            Self::RunnerConnectionError => "runner_connection_error",
            Self::RunnerIncompleteResponse => "runner_incomplete_response",
            Self::RunnerServerError => "runner_server_error",
            Self::ClientDisconnected => "client_disconnected",
            Self::ClientCancelled => "client_cancelled",
            Self::BadRequest => "bad_request",
            Self::InternalError => "internal_error",
            Self::ConcurrentRequestsLimit => "concurrent_requests_limit",
            Self::Unknown(name) => name.as_str(),
        }
    }

    /// Whether it is of one moment, so that another try may go well; none for a type that is not known.
    pub(super) const fn is_transient(&self) -> Option<bool> {
        match self {
            Self::RequestTimeout
            | Self::StartupTimeout
            | Self::RunnerSchedulingFailure
            | Self::RunnerConnectionTimeout
            | Self::RunnerDisconnected
            | Self::RunnerConnectionRefused
            | Self::RunnerConnectionError
            | Self::RunnerIncompleteResponse
            | Self::InternalError
            | Self::ConcurrentRequestsLimit => Some(true),
            Self::RunnerServerError
            | Self::ClientDisconnected
            | Self::ClientCancelled
            | Self::BadRequest => Some(false),
            Self::Unknown(_) => None,
        }
    }
}

impl fmt::Display for ErrorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
