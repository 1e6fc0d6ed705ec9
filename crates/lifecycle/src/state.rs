//! Where a runner stands.

use fal_types::Moment;

/// Where a runner stands, with the deadline that ends its wait there.
///
/// Pulling an image, which fal has a state for, is not done on this platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Wanted; what it needs of the machine is held by others.
    Pending,
    /// Not started yet, because earlier starts of the app failed.
    CrashBackoff {
        /// When it is started, unless it is woken before.
        until: Moment,
    },
    /// Started; its port has not opened.
    Setup {
        /// When it has taken too long.
        deadline: Moment,
    },
    /// Ready, with nothing in flight.
    Idle,
    /// Ready, with at least one request in flight.
    Running,
    /// Told to stop; finishes what is in flight and gets nothing new.
    Draining {
        /// When what is still in flight is cut and the process killed. None where it may take as long as each
        /// request may.
        deadline: Option<Moment>,
    },
    /// Told to stop, with nothing left that may finish.
    Terminating {
        /// When the process is killed. None once it has been.
        kill_at: Option<Moment>,
    },
    /// There is no process, and there will be none.
    Terminated,
}

impl State {
    /// The name that fal gives the state.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::CrashBackoff { .. } => "CRASH_BACKOFF",
            Self::Setup { .. } => "SETUP",
            Self::Idle => "IDLE",
            Self::Running => "RUNNING",
            Self::Draining { .. } => "DRAINING",
            Self::Terminating { .. } => "TERMINATING",
            Self::Terminated => "TERMINATED",
        }
    }
}
