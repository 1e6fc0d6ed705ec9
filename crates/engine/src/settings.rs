//! What an app's owner decides about its runners.

use std::time::Duration;

use fal_lifecycle::Limits;
use fal_policy::Rules;
use fal_queue::Backoff;

/// Everything the engine wants to know of an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The bounds of one runner's life.
    pub limits: Limits,
    /// How many runners there are.
    pub scale: Scale,
    /// Requests in flight on one runner, at least 1.
    pub max_multiplexing: u32,
    /// Which outcomes are retried.
    pub rules: Rules,
    /// How long a retry waits.
    pub retry_backoff: Backoff,
    /// How long a new start waits after failed ones.
    pub crash_backoff: CrashBackoff,
    /// Runners that are kept set up beside those that serve, for the death of one; 0 for none.
    pub spares: u32,
    /// At how many deaths of runners a request may have been in flight before it is not tried again; 0 for any
    /// number.
    pub poison_limit: u32,
    /// What becomes of a runner that does not answer a cancelled request.
    pub cancel: Cancel,
    /// Whether its runners need something of the machine that others may hold.
    pub needs: Needs,
}

/// Whether a runner can be started without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Needs {
    /// It needs nothing that anybody else could hold.
    #[default]
    Nothing,
    /// What it needs has to be allotted to it first.
    Share,
}

/// What becomes of a runner that does not answer a cancelled request in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cancel {
    /// How long it has; none for as long as it likes.
    pub grace: Option<Duration>,
    /// Whether it is ended also while it serves other requests.
    pub despite_others: bool,
}

/// How many runners an app has, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scale {
    /// Runners that are kept whatever the load.
    pub min: u32,
    /// Runners that are never exceeded, those that are ending not counted. At least 1.
    pub max: u32,
    /// Runners beyond what the load needs.
    pub buffer: u32,
    /// The same, as a percentage of what the load needs; the larger of the two counts.
    pub buffer_percent: u32,
    /// How long load waits before it starts a runner.
    pub delay: Duration,
    /// How long a runner may be idle.
    pub keep_alive: Duration,
}

/// The wait before a start that follows failed ones: `step` times their number, at most `max`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrashBackoff {
    /// The wait after the first failure.
    pub step: Duration,
    /// The longest wait.
    pub max: Duration,
}

impl Scale {
    /// Whether there are to be runners beyond what the load needs.
    pub(crate) const fn is_buffered(&self) -> bool {
        self.buffer > 0 || self.buffer_percent > 0
    }
}

impl CrashBackoff {
    /// The wait after so many failures in a row.
    #[must_use]
    pub fn wait(&self, failures: u32) -> Duration {
        self.step.saturating_mul(failures).min(self.max)
    }
}

impl Default for Scale {
    fn default() -> Self {
        let keep_alive = Duration::from_secs(60);
        Self { min: 0, max: 4, buffer: 0, buffer_percent: 0, delay: Duration::ZERO, keep_alive }
    }
}

impl Default for CrashBackoff {
    //= docs/contract.md#crash-backoff
    //# The wait is 30 seconds times the number of consecutive failures, and 600 seconds at most.
    fn default() -> Self {
        Self { step: Duration::from_secs(30), max: Duration::from_secs(600) }
    }
}

impl Default for Settings {
    fn default() -> Self {
        let limits = Limits {
            startup_timeout: Duration::from_secs(600),
            grace: Duration::from_secs(5),
            health: None,
        };
        let retry_backoff =
            Backoff { initial: Duration::from_millis(500), max: Duration::from_secs(30) };
        Self {
            limits,
            scale: Scale::default(),
            max_multiplexing: 1,
            rules: Rules::default(),
            retry_backoff,
            crash_backoff: CrashBackoff::default(),
            spares: 0,
            poison_limit: 0,
            cancel: Cancel::default(),
            needs: Needs::default(),
        }
    }
}
