//! The two states in which requests are placed on a runner.

use fal_types::Moment;

use crate::{
    Cause, Effect, Event, Machine, State, Step,
    health::{Finding, Watch},
};

impl Machine {
    /// IDLE and RUNNING differ in the count of requests in flight, and in nothing else.
    #[inline]
    pub(super) fn when_ready(&mut self, now: Moment, event: Event) -> Step {
        match event {
            Event::Leased => self.lease(now),
            Event::Released => self.release(now),
            Event::Elapsed => self.probe_regularly(now),
            Event::ProbeWanted => self.probe_tcp(),
            Event::ProbePassed | Event::ProbeFailed if !self.is_probed => Step::Impossible,
            //= docs/contract.md#tcp-check
            //# A runner that passes it MUST be kept.
            Event::ProbePassed => {
                self.is_probed = false;
                Step::Taken(Vec::new())
            }
            //= docs/contract.md#tcp-check
            //# A runner that fails the check MUST be terminated and replaced.
            Event::ProbeFailed => self.condemn(now, Cause::ProbeFailed),
            Event::HealthWanted => self.probe_on_demand(),
            Event::HealthPassed => {
                let finding = self.watch.as_mut().map_or(Finding::Unasked, Watch::passed);
                self.heed(now, finding)
            }
            Event::HealthFailed => {
                let finding = self.watch.as_mut().map(|watch| watch.failed(now));
                self.heed(now, finding.unwrap_or(Finding::Unasked))
            }
            //= docs/contract.md#status-503
            //# A 503 MUST end its runner at once, after a single one, and the runner is replaced.
            Event::Condemned(cause) => self.condemn(now, cause),
            Event::StopRequested(cause) => self.stop(now, cause),
            Event::Exited => self.bury(now, Cause::Exited),
            // Its own success wakes the others, and comes back to it.
            Event::Woken => Step::Ignored,
            Event::Allotted | Event::SpawnFailed | Event::PortOpened => Step::Impossible,
        }
    }

    #[inline]
    const fn lease(&mut self, now: Moment) -> Step {
        if self.in_flight == 0 {
            self.has_served = true;
            self.enter(now, State::Running, Cause::Leased);
        }
        self.in_flight = self.in_flight.saturating_add(1);
        Step::Taken(Vec::new())
    }

    #[inline]
    const fn release(&mut self, now: Moment) -> Step {
        let Some(left) = self.in_flight.checked_sub(1) else { return Step::Impossible };
        self.in_flight = left;
        if left == 0 {
            self.enter(now, State::Idle, Cause::Released);
        }
        Step::Taken(Vec::new())
    }

    fn probe_tcp(&mut self) -> Step {
        //= docs/contract.md#tcp-check
        //# At most one check MUST be in progress per runner: further triggers share its verdict.
        if self.is_probed {
            return Step::Ignored;
        }
        self.is_probed = true;
        Step::Taken(vec![Effect::ProbeTcp])
    }

    fn probe_regularly(&mut self, now: Moment) -> Step {
        if self.watch.as_mut().is_some_and(|watch| watch.begin_regular(now)) {
            Step::Taken(vec![Effect::ProbeHealth])
        } else {
            Step::Ignored
        }
    }

    fn probe_on_demand(&mut self) -> Step {
        match self.watch.as_mut().and_then(Watch::demand) {
            Some(true) => Step::Taken(vec![Effect::ProbeHealth]),
            Some(false) => Step::Taken(Vec::new()),
            None => Step::Ignored,
        }
    }

    fn heed(&mut self, now: Moment, finding: Finding) -> Step {
        match finding {
            Finding::Unasked => Step::Impossible,
            Finding::Kept => Step::Taken(Vec::new()),
            Finding::ProbeAgain => Step::Taken(vec![Effect::ProbeHealth]),
            Finding::Unhealthy => self.condemn(now, Cause::HealthFailed),
        }
    }
}
