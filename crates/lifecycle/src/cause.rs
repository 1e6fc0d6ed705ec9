//! Why a runner is where it is.

/// Why a runner entered its state. A runner that ends keeps the cause of its end until it is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// There is more work than the runners can take.
    ScaledUp,
    /// It takes the place of a runner that failed.
    Replaces,
    /// It is kept ready for the death of another.
    Spare,
    /// It has waited long enough after failed starts.
    BackoffOver,
    /// Another runner has started successfully, so this one need not wait.
    Woken,
    /// Its port has opened.
    Ready,
    /// A request was placed on it.
    Leased,
    /// Its last request has ended.
    Released,
    /// Its process could not be started.
    StartFailed,
    /// Its process ended before the port had opened.
    SetupExited,
    /// Its port had not opened within `startup_timeout`.
    StartupTimedOut,
    /// It answered 503.
    Status503,
    /// Its answer asked for its end.
    StopHeader,
    /// A connection to it broke while a request was in flight.
    Disconnected,
    /// It cut an answer short.
    Truncated,
    /// It exceeded `request_timeout`.
    RequestTimedOut,
    /// It refused a connection.
    Refused,
    /// It did not accept a connection in time.
    ConnectTimedOut,
    /// A connection to it could not be made for another reason.
    ConnectFailed,
    /// It failed the TCP check.
    ProbeFailed,
    /// It failed its health probes.
    HealthFailed,
    /// It did not answer a cancelled request in time.
    CancelIgnored,
    /// Its process ended while it was ready, unasked.
    Exited,
    /// It had nothing to do for `keep_alive`.
    KeepAlive,
    /// Fewer runners are wanted.
    ScaledDown,
    /// Another app waits for what it holds of the machine.
    MadeRoom,
    /// The platform stops.
    Shutdown,
    /// Its app's configuration or program has changed: it is of the old revision and goes, or of the new one and comes.
    Reloaded,
}

impl Cause {
    /// Its name in logs and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ScaledUp => "scaled_up",
            Self::Replaces => "replaces",
            Self::Spare => "spare",
            Self::BackoffOver => "backoff_over",
            Self::Woken => "woken",
            Self::Ready => "ready",
            Self::Leased => "leased",
            Self::Released => "released",
            Self::StartFailed => "start_failed",
            Self::SetupExited => "setup_exited",
            Self::StartupTimedOut => "startup_timed_out",
            Self::Status503 => "status_503",
            Self::StopHeader => "stop_header",
            Self::Disconnected => "disconnected",
            Self::Truncated => "truncated",
            Self::RequestTimedOut => "request_timed_out",
            Self::Refused => "refused",
            Self::ConnectTimedOut => "connect_timed_out",
            Self::ConnectFailed => "connect_failed",
            Self::ProbeFailed => "probe_failed",
            Self::HealthFailed => "health_failed",
            Self::CancelIgnored => "cancel_ignored",
            Self::Exited => "exited",
            Self::KeepAlive => "keep_alive",
            Self::ScaledDown => "scaled_down",
            Self::MadeRoom => "made_room",
            Self::Shutdown => "shutdown",
            Self::Reloaded => "reloaded",
        }
    }

    /// The same in words, of a runner.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::ScaledUp => "there was more work than the runners could take",
            Self::Replaces => "it takes the place of a runner that failed",
            Self::Spare => "it is kept ready for the death of another",
            Self::BackoffOver => "it had waited long enough after failed starts",
            Self::Woken => "another runner had started, so it need not wait any more",
            Self::Ready => "its setup is done and its port is open",
            Self::Leased => "a request was placed on it",
            Self::Released => "its last request has ended",
            Self::StartFailed => "its process could not be started",
            Self::SetupExited => "its process ended before its port was open",
            Self::StartupTimedOut => "its port was not open within startup_timeout",
            Self::Status503 => "it answered 503",
            Self::StopHeader => "its answer asked for it with x-fal-stop-runner",
            Self::Disconnected => "a connection to it broke while a request was in flight",
            Self::Truncated => "it cut an answer short",
            Self::RequestTimedOut => "it did not answer within request_timeout",
            Self::Refused => "it refused a connection",
            Self::ConnectTimedOut => "it did not accept a connection in time",
            Self::ConnectFailed => "a connection to it could not be made",
            Self::ProbeFailed => "its port did not accept a connection when it was checked",
            Self::HealthFailed => "its health checks failed",
            Self::CancelIgnored => "it did not answer a cancelled request in time",
            Self::Exited => "its process ended by itself",
            Self::KeepAlive => "it had nothing to do for keep_alive",
            Self::ScaledDown => "fewer runners were wanted",
            Self::MadeRoom => "another app waited for what it held of the machine",
            Self::Shutdown => "the platform stopped",
            Self::Reloaded => "its app's configuration or program was changed",
        }
    }

    /// The cause with this [`Cause::name`], for records that were written down.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.name() == name)
    }

    /// Every cause.
    pub const ALL: [Self; 28] = [
        Self::ScaledUp,
        Self::Replaces,
        Self::Spare,
        Self::BackoffOver,
        Self::Woken,
        Self::Ready,
        Self::Leased,
        Self::Released,
        Self::StartFailed,
        Self::SetupExited,
        Self::StartupTimedOut,
        Self::Status503,
        Self::StopHeader,
        Self::Disconnected,
        Self::Truncated,
        Self::RequestTimedOut,
        Self::Refused,
        Self::ConnectTimedOut,
        Self::ConnectFailed,
        Self::ProbeFailed,
        Self::HealthFailed,
        Self::CancelIgnored,
        Self::Exited,
        Self::KeepAlive,
        Self::ScaledDown,
        Self::MadeRoom,
        Self::Shutdown,
        Self::Reloaded,
    ];

    /// Whether the runner may finish what it works on before it is told to end: nobody stops the platform, and a
    /// program that knows nothing of SIGTERM would drop it.
    #[must_use]
    pub const fn is_patient(self) -> bool {
        matches!(self, Self::Reloaded | Self::MadeRoom)
    }

    /// Whether somebody wanted the runner to end, and not a fault: then no other takes its place.
    #[must_use]
    pub const fn is_planned(self) -> bool {
        match self {
            Self::KeepAlive
            | Self::ScaledDown
            | Self::MadeRoom
            | Self::Shutdown
            | Self::Reloaded => true,
            Self::ScaledUp
            | Self::Replaces
            | Self::Spare
            | Self::BackoffOver
            | Self::Woken
            | Self::Ready
            | Self::Leased
            | Self::Released
            | Self::StartFailed
            | Self::SetupExited
            | Self::StartupTimedOut
            | Self::Status503
            | Self::StopHeader
            | Self::Disconnected
            | Self::Truncated
            | Self::RequestTimedOut
            | Self::Refused
            | Self::ConnectTimedOut
            | Self::ConnectFailed
            | Self::ProbeFailed
            | Self::HealthFailed
            | Self::CancelIgnored
            | Self::Exited => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_found_by_its_name() {
        for cause in Cause::ALL {
            assert_eq!(Cause::from_name(cause.name()), Some(cause), "{}", cause.reason());
        }
        assert_eq!(Cause::from_name("other"), None);
    }
}
