//! The states after a runner has left service, and the ways into them.

use fal_types::Moment;

use crate::{Cause, Effect, Event, Machine, State, Step, machine::Notice};

impl Machine {
    pub(super) fn when_draining(
        &mut self,
        now: Moment,
        event: Event,
        deadline: Option<Moment>,
    ) -> Step {
        match event {
            Event::Elapsed if deadline.is_none_or(|deadline| now < deadline) => Step::Ignored,
            Event::Elapsed if self.is_unaware() => self.give_notice(now),
            Event::Elapsed => self.kill(now),
            Event::Released => {
                self.in_flight = self.in_flight.saturating_sub(1);
                if self.in_flight == 0 {
                    return self.drained(now, deadline);
                }
                Step::Taken(Vec::new())
            }
            Event::Condemned(cause) if self.is_unaware() => self.condemn(now, cause),
            // It has had its SIGTERM, and a fault buys it no longer grace.
            Event::Condemned(cause) => {
                self.enter(now, State::Terminating { kill_at: deadline }, cause);
                Step::Taken(vec![Effect::Cut])
            }
            Event::Exited => self.bury(now, self.cause),
            //= docs/contract.md#tcp-check
            //# A runner that is draining MUST NOT be checked.
            Event::ProbeWanted | Event::HealthWanted => Step::Ignored,
            // Now there is a hurry.
            Event::StopRequested(cause) if self.is_unaware() && !cause.is_patient() => {
                self.give_notice(now)
            }
            // Verdicts of probes that began before: a runner that drains closes its port on purpose.
            Event::ProbePassed
            | Event::ProbeFailed
            | Event::HealthPassed
            | Event::HealthFailed
            | Event::StopRequested(_)
            | Event::Woken => Step::Ignored,
            //= docs/contract.md#shutdown
            //# A draining runner MUST NOT get new requests.
            Event::Leased => Step::Impossible,
            Event::Allotted | Event::SpawnFailed | Event::PortOpened => Step::Impossible,
        }
    }

    pub(super) fn when_terminating(
        &mut self,
        now: Moment,
        event: Event,
        kill_at: Option<Moment>,
    ) -> Step {
        match event {
            Event::Elapsed if kill_at.is_none_or(|kill_at| now < kill_at) => Step::Ignored,
            Event::Elapsed => self.kill(now),
            Event::Exited => self.bury(now, self.cause),
            Event::SpawnFailed if self.was_ready() => Step::Impossible,
            // It was stopped before the process had been started, and then could not be.
            Event::SpawnFailed => {
                self.enter(now, State::Terminated, self.cause);
                Step::Taken(Vec::new())
            }
            Event::Released => self.release_late(),
            // Late news, and orders that are being carried out already.
            Event::Woken
            | Event::PortOpened
            | Event::ProbeWanted
            | Event::ProbePassed
            | Event::ProbeFailed
            | Event::HealthWanted
            | Event::HealthPassed
            | Event::HealthFailed
            | Event::Condemned(_)
            | Event::StopRequested(_) => Step::Ignored,
            Event::Allotted | Event::Leased => Step::Impossible,
        }
    }

    pub(super) const fn when_terminated(&mut self, event: Event) -> Step {
        match event {
            Event::Released => self.release_late(),
            // One that was stopped while it was pending may be told still.
            Event::Allotted
            | Event::Elapsed
            | Event::Woken
            | Event::SpawnFailed
            | Event::PortOpened
            | Event::Exited
            | Event::ProbeWanted
            | Event::ProbePassed
            | Event::ProbeFailed
            | Event::HealthWanted
            | Event::HealthPassed
            | Event::HealthFailed
            | Event::Condemned(_)
            | Event::StopRequested(_) => Step::Ignored,
            Event::Leased => Step::Impossible,
        }
    }

    /// A request that was cut with its runner gives its slot back.
    const fn release_late(&mut self) -> Step {
        let Some(left) = self.in_flight.checked_sub(1) else { return Step::Impossible };
        self.in_flight = left;
        Step::Taken(Vec::new())
    }

    /// Ends a runner that must not live, with whatever is in flight on it.
    //= docs/contract.md#in-flight-on-death
    //# When a runner is terminated, its connections MUST be cut with it.
    pub(super) fn condemn(&mut self, now: Moment, cause: Cause) -> Step {
        self.terminate(now, cause, vec![Effect::Cut, Effect::SignalTerm])
    }

    /// Ends a runner that is not wanted any more, and lets what is in flight finish.
    //= docs/contract.md#shutdown
    //# On shutdown every runner MUST be stopped, and requests in flight may finish within the grace period.
    pub(super) fn stop(&mut self, now: Moment, cause: Cause) -> Step {
        if self.in_flight > 0 && (!self.limits.grace.is_zero() || cause == Cause::MadeRoom) {
            let within = Some(now + self.limits.grace).filter(|_| cause != Cause::MadeRoom);
            self.enter(now, State::Draining { deadline: within }, cause);
            //= docs/contract.md#reload
            //# A runner that is replaced by a reload MUST NOT get its SIGTERM before its requests in flight have finished or its grace period is over.
            //= docs/contract.md#fairness
            //# A runner that makes room MUST finish what is in flight on it, however long that may take, and gets its SIGTERM then.
            if cause.is_patient() {
                self.notice = Notice::Withheld;
                return Step::Taken(Vec::new());
            }
            return Step::Taken(vec![Effect::SignalTerm]);
        }
        if self.in_flight > 0 {
            return self.condemn(now, cause);
        }
        self.terminate(now, cause, vec![Effect::SignalTerm])
    }

    fn is_unaware(&self) -> bool {
        self.notice == Notice::Withheld
    }

    /// Tells a runner that it drains, and gives it its grace from now on.
    fn give_notice(&mut self, now: Moment) -> Step {
        self.notice = Notice::Given;
        self.state = State::Draining { deadline: Some(now + self.limits.grace) };
        Step::Taken(vec![Effect::SignalTerm])
    }

    /// Ends a runner that has finished what was in flight.
    fn drained(&mut self, now: Moment, deadline: Option<Moment>) -> Step {
        if self.is_unaware() {
            return self.terminate(now, self.cause, vec![Effect::SignalTerm]);
        }
        self.enter(now, State::Terminating { kill_at: deadline }, self.cause);
        Step::Taken(Vec::new())
    }

    fn terminate(&mut self, now: Moment, cause: Cause, mut effects: Vec<Effect>) -> Step {
        let kill_at = (!self.limits.grace.is_zero()).then_some(now + self.limits.grace);
        if kill_at.is_none() {
            effects.push(Effect::SignalKill);
        }
        self.enter(now, State::Terminating { kill_at }, cause);
        Step::Taken(effects)
    }

    //= docs/contract.md#shutdown
    //# A runner that still runs when the grace period is over MUST be killed with its whole process group.
    fn kill(&mut self, now: Moment) -> Step {
        let was_draining = matches!(self.state, State::Draining { .. });
        let entered = if was_draining { now } else { self.entered };
        self.enter(entered, State::Terminating { kill_at: None }, self.cause);
        let cut = was_draining.then_some(Effect::Cut);
        Step::Taken(cut.into_iter().chain([Effect::SignalKill]).collect())
    }

    /// Ends a runner whose process is gone.
    pub(super) fn bury(&mut self, now: Moment, cause: Cause) -> Step {
        self.enter(now, State::Terminated, cause);
        Step::Taken(vec![Effect::Cut])
    }
}
