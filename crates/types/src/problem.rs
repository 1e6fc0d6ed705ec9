//! The errors that the platform answers in its own name.

use crate::Status;

/// An error of the platform, as its callers see it: a status, and a name under `error_type`.
///
/// Never a runner's answer: nothing here enters the policy. See contract clause `platform-errors`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Problem {
    /// The runner took longer than `request_timeout`.
    RequestTimeout,
    /// No runner was ready in time.
    StartupTimeout,
    /// The caller's own deadline for the start has passed.
    StartDeadline,
    /// No runner can be started.
    SchedulingFailure,
    /// Connecting to the runner took too long.
    ConnectionTimeout,
    /// The runner went away while it worked on the request.
    Disconnected,
    /// The runner's port refused the connection.
    ConnectionRefused,
    /// The connection to the runner failed in another way.
    ConnectionError,
    /// The runner's answer ended before it was whole.
    IncompleteResponse,
    /// The caller went away.
    ClientDisconnected,
    /// The caller cancelled the request.
    ClientCancelled,
    /// The request cannot be understood.
    BadRequest,
    /// The platform itself failed.
    Internal,
}

impl Problem {
    /// Every problem, for tables and tests.
    pub const ALL: [Self; 13] = [
        Self::RequestTimeout,
        Self::StartupTimeout,
        Self::StartDeadline,
        Self::SchedulingFailure,
        Self::ConnectionTimeout,
        Self::Disconnected,
        Self::ConnectionRefused,
        Self::ConnectionError,
        Self::IncompleteResponse,
        Self::ClientDisconnected,
        Self::ClientCancelled,
        Self::BadRequest,
        Self::Internal,
    ];

    /// The HTTP status it is answered with.
    #[must_use]
    pub const fn status(self) -> Status {
        Status::new(match self {
            Self::RequestTimeout | Self::StartupTimeout | Self::StartDeadline => 504,
            Self::SchedulingFailure
            | Self::ConnectionTimeout
            | Self::Disconnected
            | Self::ConnectionRefused
            | Self::ConnectionError => 503,
            Self::IncompleteResponse => 502,
            Self::ClientDisconnected | Self::ClientCancelled => 499,
            Self::BadRequest => 400,
            Self::Internal => 500,
        })
    }

    /// Its name in the body's `error_type` and in the header `X-Fal-Error-Type`.
    #[must_use]
    pub const fn error_type(self) -> &'static str {
        match self {
            Self::RequestTimeout => "request_timeout",
            Self::StartupTimeout | Self::StartDeadline => "startup_timeout",
            Self::SchedulingFailure => "runner_scheduling_failure",
            Self::ConnectionTimeout => "runner_connection_timeout",
            Self::Disconnected => "runner_disconnected",
            Self::ConnectionRefused => "runner_connection_refused",
            Self::ConnectionError => "runner_connection_error",
            Self::IncompleteResponse => "runner_incomplete_response",
            Self::ClientDisconnected => "client_disconnected",
            Self::ClientCancelled => "client_cancelled",
            Self::BadRequest => "bad_request",
            Self::Internal => "internal_error",
        }
    }

    /// One sentence for the caller, where nothing more exact is known.
    #[must_use]
    pub const fn detail(self) -> &'static str {
        match self {
            Self::RequestTimeout => "The runner did not answer within the app's request_timeout",
            Self::StartupTimeout => "No runner was ready in time",
            Self::StartDeadline => {
                "The request did not start before the deadline that its caller set"
            }
            Self::SchedulingFailure => "No runner could be started for this app",
            Self::ConnectionTimeout => "Connecting to the runner took too long",
            Self::Disconnected => "The runner went away while it worked on the request",
            Self::ConnectionRefused => "The runner refused the connection",
            Self::ConnectionError => "The connection to the runner failed",
            Self::IncompleteResponse => "The runner's response ended before it was complete",
            Self::ClientDisconnected => "The client disconnected before the response was complete",
            Self::ClientCancelled => "The request was cancelled by the client",
            Self::BadRequest => "The request could not be understood",
            Self::Internal => "The platform failed; its log has the reason",
        }
    }

    /// Whether the caller's own deadline caused it, which `X-Fal-Request-Timeout-Type: user` tells the caller.
    #[must_use]
    pub const fn is_user_timeout(self) -> bool {
        matches!(self, Self::StartDeadline)
    }
}
