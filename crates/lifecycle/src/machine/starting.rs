//! The states before a runner is ready.

use fal_types::Moment;

use crate::{Cause, Effect, Event, Machine, State, Step, health::Watch};

impl Machine {
    pub(super) fn when_pending(&mut self, now: Moment, event: Event) -> Step {
        match event {
            //= docs/contract.md#pending
            //# A runner MUST NOT be started before what it needs of the machine has been allotted to it; until then it is PENDING.
            Event::Allotted => self.spawn(now),
            Event::StopRequested(cause) => {
                self.enter(now, State::Terminated, cause);
                Step::Taken(Vec::new())
            }
            // It waits for the machine, which neither time nor another runner can help.
            Event::Elapsed | Event::Woken => Step::Ignored,
            // There is no process that any of these could be about.
            Event::SpawnFailed
            | Event::PortOpened
            | Event::Exited
            | Event::Leased
            | Event::Released
            | Event::ProbeWanted
            | Event::ProbePassed
            | Event::ProbeFailed
            | Event::HealthWanted
            | Event::HealthPassed
            | Event::HealthFailed
            | Event::Condemned(_) => Step::Impossible,
        }
    }

    pub(super) fn when_backing_off(&mut self, now: Moment, event: Event, until: Moment) -> Step {
        match event {
            Event::Elapsed if now < until => Step::Ignored,
            Event::Elapsed => self.ask(now, Cause::BackoffOver),
            //= docs/contract.md#crash-backoff
            //# A successful start MUST wake every waiting start and reset the count.
            Event::Woken => self.ask(now, Cause::Woken),
            Event::StopRequested(cause) => {
                self.enter(now, State::Terminated, cause);
                Step::Taken(Vec::new())
            }
            // There is no process that any of these could be about.
            Event::Allotted
            | Event::SpawnFailed
            | Event::PortOpened
            | Event::Exited
            | Event::Leased
            | Event::Released
            | Event::ProbeWanted
            | Event::ProbePassed
            | Event::ProbeFailed
            | Event::HealthWanted
            | Event::HealthPassed
            | Event::HealthFailed
            | Event::Condemned(_) => Step::Impossible,
        }
    }

    pub(super) fn when_setting_up(&mut self, now: Moment, event: Event, deadline: Moment) -> Step {
        match event {
            Event::Elapsed if now < deadline => Step::Ignored,
            //= docs/contract.md#startup-timeout
            //# A runner whose port has not opened within `startup_timeout` MUST be terminated.
            Event::Elapsed => self.condemn(now, Cause::StartupTimedOut),
            Event::Condemned(cause) => self.condemn(now, cause),
            Event::StopRequested(cause) => self.stop(now, cause),
            Event::PortOpened => self.open(now),
            //= docs/contract.md#startup-failed
            //# A runner that exits before it is ready, or cannot be started at all, has failed its start.
            Event::SpawnFailed => {
                self.enter(now, State::Terminated, Cause::StartFailed);
                Step::Taken(Vec::new())
            }
            Event::Exited => self.bury(now, Cause::SetupExited),
            // It need not be woken: it is not waiting for a start.
            Event::Woken => Step::Ignored,
            // No request was placed on it, so nobody can have doubts about it; and it has what it needs.
            Event::Allotted
            | Event::Leased
            | Event::Released
            | Event::ProbeWanted
            | Event::ProbePassed
            | Event::ProbeFailed
            | Event::HealthWanted
            | Event::HealthPassed
            | Event::HealthFailed => Step::Impossible,
        }
    }

    //= docs/contract.md#pending
    //# After its crash backoff a runner MUST be PENDING again.
    fn ask(&mut self, now: Moment, cause: Cause) -> Step {
        self.enter(now, State::Pending, cause);
        Step::Taken(vec![Effect::Allot])
    }

    /// Starts the process. The runner is still there for what it was wanted for.
    fn spawn(&mut self, now: Moment) -> Step {
        self.enter(now, State::Setup { deadline: now + self.limits.startup_timeout }, self.cause);
        Step::Taken(vec![Effect::Spawn])
    }

    fn open(&mut self, now: Moment) -> Step {
        let startup_timeout = self.limits.startup_timeout;
        let health = self.limits.health.clone();
        self.watch = health.map(|rules| Watch::new(now, rules, startup_timeout));
        self.ready_since = Some(now);
        self.enter(now, State::Idle, Cause::Ready);
        Step::Taken(Vec::new())
    }
}
