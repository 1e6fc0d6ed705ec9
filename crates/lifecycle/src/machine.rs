//! The machine of one runner.
//!
//! ```text
//!   Start::After         Start::Now
//!        |                   |
//!        v                   v
//! +---------------+     +---------+            +-------+            +------+     Leased      +---------+
//! | CRASH_BACKOFF |---->| PENDING |----------->| SETUP |----------->| IDLE |---------------->| RUNNING |
//! +---------------+     +---------+  Allotted  +-------+ PortOpened |      |<----------------|         |
//!   |   Elapsed,          |                      |   |              +------+  last Released  +---------+
//!   |   Woken             |                      |   |                 |                      |     |
//!   |                     |                      |   | Elapsed,        | StopRequested,       |     | StopRequested
//!   |                     |                      |   | Condemned,      | Condemned,           |     v
//!   |                     |                      |   | StopRequested   | a probe failed       |  +----------+
//!   |                     |                      |   |                 |                      |  | DRAINING |
//!   |                     |                      |   |                 |           Condemned, |  +----------+
//!   |                     |                      |   |                 |       a probe failed |     | last Released,
//!   |                     |                      |   v                 v                      v     v Elapsed, Condemned
//!   |                     |                      |  +----------------------------------------------------+
//!   | StopRequested       | StopRequested        |  |                     TERMINATING                    |
//!   |                     |                      |  +----------------------------------------------------+
//!   |                     |         SpawnFailed, |                       | Exited,
//!   |                     |               Exited |                       | SpawnFailed (of one stopped in SETUP)
//!   v                     v                      v                       v
//! +-----------------------------------------------------------------------------------------------------+
//! |                                             TERMINATED                                              |
//! +-----------------------------------------------------------------------------------------------------+
//! ```
//!
//! Not drawn: IDLE, RUNNING and DRAINING go to TERMINATED too when the process exits unasked, and with a grace
//! of zero DRAINING is left out. A runner whose deadline comes in DRAINING or TERMINATING is killed, and then
//! waits in TERMINATING for its exit, which nothing can hold up any more.
//!
//! A runner that drains is told so by SIGTERM, at once. Only after a cause that [is patient](Cause::is_patient) it is
//! not told before it has finished what is in flight, or, after [`Cause::Reloaded`], its grace is over; then it drains
//! on, told, for one grace more.
//!
//! The cause of an end is the first that was given for it, except that a fault while draining takes the place
//! of the order to stop: what follows by itself (the last request done, the grace over, the exit) keeps it.
//!
//! Terminal state:
//! - `TERMINATED`: there is no process; nothing but the return of slots that were still held counts any more.

use fal_types::Moment;

use crate::{Cause, Effect, Event, Limits, State, Step, health::Watch};

mod ending;
mod ready;
mod starting;
#[cfg(test)]
mod tests;

/// When a new runner is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// As soon as the machine has what it needs.
    Now,
    /// At this moment, or when another runner of the app has started successfully.
    After(Moment),
}

/// Whether a runner that drains has been told so by SIGTERM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Notice {
    Given,
    Withheld,
}

/// One runner, from the decision to have it until it is gone. See the module for the diagram.
#[derive(Debug, Clone)]
pub struct Machine {
    state: State,
    entered: Moment,
    cause: Cause,
    /// Slots that are held. At least 1 in RUNNING and DRAINING, 0 in every state before RUNNING; a runner that
    /// ends may still have some, until their requests have noticed.
    in_flight: u32,
    /// When its port opened.
    ready_since: Option<Moment>,
    has_served: bool,
    /// Whether a TCP check is in progress.
    is_probed: bool,
    notice: Notice,
    /// None before the runner is ready, and where the app names no health endpoint.
    watch: Option<Watch>,
    limits: Limits,
}

impl Machine {
    /// A runner that is wanted for `cause`, and what to do for it first.
    #[must_use]
    pub fn new(now: Moment, start: Start, cause: Cause, limits: Limits) -> (Self, Vec<Effect>) {
        //= docs/contract.md#crash-backoff
        //# After a failed start the next start of that app MUST wait.
        let (state, effects) = match start {
            Start::After(until) => (State::CrashBackoff { until }, Vec::new()),
            Start::Now => (State::Pending, vec![Effect::Allot]),
        };
        let machine = Self {
            state,
            entered: now,
            cause,
            in_flight: 0,
            ready_since: None,
            has_served: false,
            is_probed: false,
            notice: Notice::Given,
            watch: None,
            limits,
        };
        (machine, effects)
    }

    /// Takes an event that happened at `now`, which is never before the last one.
    ///
    /// Does not allocate for [`Event::Leased`] and [`Event::Released`] of a runner that is ready.
    #[inline]
    pub fn step(&mut self, now: Moment, event: Event) -> Step {
        match self.state {
            State::Idle | State::Running => self.when_ready(now, event),
            State::Pending => self.when_pending(now, event),
            State::CrashBackoff { until } => self.when_backing_off(now, event, until),
            State::Setup { deadline } => self.when_setting_up(now, event, deadline),
            State::Draining { deadline } => self.when_draining(now, event, deadline),
            State::Terminating { kill_at } => self.when_terminating(now, event, kill_at),
            State::Terminated => self.when_terminated(event),
        }
    }

    /// When [`Event::Elapsed`] is to be told, unless another event comes before.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        match self.state {
            State::CrashBackoff { until } => Some(until),
            State::Setup { deadline } => Some(deadline),
            State::Draining { deadline } => deadline,
            State::Idle | State::Running => self.watch.as_ref()?.due(),
            State::Terminating { kill_at } => kill_at,
            State::Pending | State::Terminated => None,
        }
    }

    /// Where the runner stands.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// When it entered its state.
    #[must_use]
    pub const fn entered(&self) -> Moment {
        self.entered
    }

    /// Why it entered its state.
    #[must_use]
    pub const fn cause(&self) -> Cause {
        self.cause
    }

    /// How many requests hold a slot of it.
    #[must_use]
    pub const fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// Whether a request may be placed on it.
    //= docs/contract.md#startup-ready
    //# No request MUST reach a runner before it is ready.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        matches!(self.state, State::Idle | State::Running)
    }

    /// When it became ready, if it ever did.
    #[must_use]
    pub const fn ready_since(&self) -> Option<Moment> {
        self.ready_since
    }

    /// Whether it has ever been ready.
    #[must_use]
    pub const fn was_ready(&self) -> bool {
        self.ready_since.is_some()
    }

    /// Whether a request was ever placed on it.
    #[must_use]
    pub const fn has_served(&self) -> bool {
        self.has_served
    }

    /// Since when it has had nothing to do. None unless it is idle.
    #[must_use]
    pub const fn idle_since(&self) -> Option<Moment> {
        if matches!(self.state, State::Idle) { Some(self.entered) } else { None }
    }

    /// Whether the health probe in progress is one that the app asked for. Such a probe carries a header that
    /// says so.
    #[must_use]
    pub fn health_on_demand(&self) -> bool {
        self.is_ready() && self.watch.as_ref().is_some_and(Watch::is_demanded)
    }

    #[inline]
    const fn enter(&mut self, now: Moment, state: State, cause: Cause) {
        self.state = state;
        self.entered = now;
        self.cause = cause;
    }
}
