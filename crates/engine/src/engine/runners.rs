//! Runners: what happens to them, and what follows from their ends.

use fal_lifecycle::{Cause, Event, Machine, Start, State};
use fal_types::{Moment, Problem, RunnerId};

use super::{Engine, Phase};
use crate::{Command, Replacement, Standing, turn::Turn};

impl Engine {
    //= docs/contract.md#direct-wait
    //# Where starting a runner fails outright, waiting direct calls MUST get 503 `runner_scheduling_failure`.
    pub(super) fn refuse_waiting(&mut self, turn: &mut Turn) {
        for call in self.waiting.drain() {
            turn.push(Command::Refuse { call, problem: Problem::SchedulingFailure });
        }
    }

    //= docs/contract.md#crash-backoff
    //# A successful start MUST wake every waiting start and reset the count.
    fn wake(&mut self, turn: &mut Turn) {
        for runner in self.pool.names() {
            self.tell(turn, runner, Event::Woken);
        }
    }

    /// Tells one runner's machine, and does what follows from its end.
    pub(super) fn tell(&mut self, turn: &mut Turn, runner: RunnerId, event: Event) {
        let Some(before) = self.pool.get(runner) else { return };
        let was_starting = matches!(before.state(), State::Setup { .. });
        let was_ready = before.is_ready();
        if !self.pool.tell(turn, runner, event) {
            return;
        }
        let Some(after) = self.pool.get(runner) else { return };
        let (cause, is_unused) = (after.cause(), !after.has_served());
        let (is_ready, is_gone) = (after.is_ready(), matches!(after.state(), State::Terminated));
        if was_starting {
            self.started(turn, cause);
        }
        if was_ready && !is_ready && !cause.is_planned() {
            // A runner that dies before it was ever used would be replaced in a circle.
            if cause == Cause::Exited && is_unused {
                self.count_failure(turn.now);
            }
            self.replace(turn, runner);
        }
        if is_gone {
            self.forget(turn, runner);
        }
    }

    /// What follows from the end of a start, good or bad. A start that was given up on purpose is neither.
    fn started(&mut self, turn: &mut Turn, cause: Cause) {
        if cause == Cause::Ready {
            self.failures = 0;
            self.pool.relieve();
            self.wake(turn);
        } else if !cause.is_planned() {
            self.count_failure(turn.now);
        }
        // Where others serve, those who wait are served by them.
        if cause == Cause::StartFailed && self.pool.ready() == 0 {
            self.refuse_waiting(turn);
        }
    }

    const fn count_failure(&mut self, now: Moment) {
        self.failures = self.failures.saturating_add(1);
        self.failed = now;
    }

    /// Puts a runner in the place of one that failed: a spare in this very step, or else one that starts now. A
    /// spare that failed is replaced where spares are counted.
    fn replace(&mut self, turn: &mut Turn, failed: RunnerId) {
        let was_spare =
            self.pool.member(failed).is_some_and(|member| member.standing == Standing::Spare);
        if self.phase != Phase::Serving || was_spare {
            return;
        }
        self.pool.replaced(failed, Replacement::Will);
        // In a roll one more may serve; it is of the old revision and goes with the others.
        let surge = u32::from(self.roll.is_some() && self.pool.spare().is_some());
        if self.pool.live() >= self.settings.scale.max.max(1).saturating_add(surge) {
            return;
        }
        //= docs/contract.md#spares
        //# When a runner dies, a ready spare MUST take its place in the same step, and another spare is started.
        if let Some(spare) = self.pool.spare() {
            self.promote(turn, spare);
            if self.pool.get(spare).is_some_and(Machine::is_ready) {
                self.pool.replaced(failed, Replacement::Did);
            }
        } else {
            self.start(turn, Cause::Replaces);
        }
    }

    /// Lets a spare serve.
    pub(super) fn promote(&mut self, turn: &mut Turn, spare: RunnerId) {
        self.pool.promote(turn.now, spare);
        turn.push(Command::Stands { runner: spare, standing: Standing::Serving });
    }

    fn forget(&mut self, turn: &mut Turn, runner: RunnerId) {
        let Some(member) = self.pool.member(runner) else { return };
        let last = Box::new(self.view((runner, member), Vec::new()));
        self.pool.remove(runner);
        // Whom a request avoids is of no use any more, and some requests never come back to ask.
        self.avoid.retain(|_, avoided| *avoided != runner);
        turn.push(Command::Forget { runner, last });
    }

    //= docs/contract.md#crash-backoff
    //# After a failed start the next start of that app MUST wait.
    pub(super) fn start(&mut self, turn: &mut Turn, cause: Cause) {
        let standing = if cause == Cause::Spare { Standing::Spare } else { Standing::Serving };
        let until = self.failed + self.settings.crash_backoff.wait(self.failures);
        let is_held_up = self.failures > 0 && until > turn.now;
        let start = if is_held_up { Start::After(until) } else { Start::Now };
        self.pool.start(turn, (start, cause, standing), self.settings.limits.clone());
    }

    //= docs/contract.md#shutdown
    //# On shutdown every runner MUST be stopped, and requests in flight may finish within the grace period.
    pub(super) fn drain(&mut self, turn: &mut Turn) {
        if self.phase == Phase::Serving {
            self.phase = Phase::Draining;
        }
        self.refuse_waiting(turn);
        self.release_parked(turn);
        for runner in self.pool.names() {
            self.tell(turn, runner, Event::StopRequested(Cause::Shutdown));
        }
    }

    /// Whatever was due by now happens.
    pub(super) fn elapsed(&mut self, turn: &mut Turn) {
        for (call, problem) in self.waiting.expire(turn.now) {
            turn.push(Command::Refuse { call, problem });
        }
        for runner in self.pool.overdue(turn.now) {
            self.tell(turn, runner, Event::Elapsed);
        }
        self.end_unanswered(turn);
        self.backlog.note(turn.now);
    }
}
