//! Bringing slots to those who wait, runners to the wanted number, and the next deadline up to date.

use std::time::Duration;

use fal_allotment::LULL;
use fal_lifecycle::{Cause, Event, State};
use fal_types::{LeaseId, Moment, RunnerId};

use super::{Engine, Phase};
use crate::{
    Command, Needs, Standing,
    pool::Member,
    scaling::{self, Demand},
    turn::Turn,
};

/// A runner that no request has reached is stopped after this time, if nothing else wants it.
pub(super) const UNUSED: Duration = Duration::from_secs(10);

impl Engine {
    /// What every step that changed something ends with.
    pub(super) fn settle_down(&mut self, turn: &mut Turn) {
        if self.phase == Phase::Serving {
            self.roll_on(turn);
            self.pool.readmit(turn.now);
            self.place_parked(turn);
            self.pump(turn);
            if self.roll.is_none() {
                self.scale(turn);
                self.spare_for_pending(turn);
                self.keep_spares(turn);
            }
        }
        self.offer(turn);
        self.deadline = self.find_deadline(turn.now);
        if self.phase == Phase::Draining && self.pool.is_empty() {
            self.phase = Phase::Drained;
            turn.push(Command::Drained);
        }
    }

    /// Direct calls first, since somebody waits on the line; then one claim for what is left.
    pub(super) fn pump(&mut self, turn: &mut Turn) {
        let mut free = self.pool.free_slots().saturating_sub(self.backlog.claiming());
        while free > 0
            && let Some(call) = self.waiting.pop()
        {
            // A free slot was counted, so there is one.
            let _granted = self.grant(turn, call);
            free -= 1;
        }
        let claimable = u32::try_from(self.backlog.claimable(turn.now)).unwrap_or(u32::MAX);
        let max = free.min(claimable);
        if max > 0 {
            let leases_from = LeaseId::new(self.next_lease);
            self.next_lease += u64::from(max);
            self.backlog.claim_sent(max);
            turn.push(Command::Claim { max, leases_from });
        }
    }

    fn scale(&mut self, turn: &mut Turn) {
        let (demand, slots) = (self.demand(turn.now), self.settings.max_multiplexing);
        let wanted = scaling::wanted(&self.settings.scale, slots, demand, turn.now);
        while self.pool.live() < wanted {
            self.start(turn, Cause::ScaledUp);
        }
        let floor = scaling::floor(&self.settings.scale, slots, demand);
        for (runner, cause) in self.superfluous(turn.now, floor) {
            self.tell(turn, runner, Event::StopRequested(cause));
        }
    }

    //= docs/contract.md#spares
    //# While an app has runners, `spares` more MUST be kept set up, and get no request.
    fn keep_spares(&mut self, turn: &mut Turn) {
        let wanted = if self.pool.live() > 0 { self.settings.spares } else { 0 };
        while self.pool.spares() < wanted {
            self.start(turn, Cause::Spare);
        }
        for runner in self.pool.surplus_spares(wanted) {
            self.tell(turn, runner, Event::StopRequested(Cause::ScaledDown));
        }
    }

    /// The runners that may go: idle for too long, or waiting for a start that nobody needs any more.
    fn superfluous(&self, now: Moment, floor: u32) -> Vec<(RunnerId, Cause)> {
        let extra = usize::try_from(self.pool.live().saturating_sub(floor)).unwrap_or(usize::MAX);
        if extra == 0 || !self.is_any_superfluous(now) {
            return Vec::new();
        }
        let cause = |member: &Member| match self.idle_deadline(member) {
            Some(at) if at <= now => Some(Cause::KeepAlive),
            None if awaits_start(member, now) => Some(Cause::ScaledDown),
            Some(_) | None => None,
        };
        let found = self.pool.iter().filter_map(|(id, member)| Some((id, cause(member)?)));
        found.take(extra).collect()
    }

    /// Whether it is worth looking: some runner has been idle for long enough, or waits for its start.
    fn is_any_superfluous(&self, now: Moment) -> bool {
        let may_await_starts = self.failures > 0 || self.settings.needs == Needs::Share;
        may_await_starts || self.first_idle_deadline().is_some_and(|at| at <= now)
    }

    /// When a runner that serves is stopped for want of work, if it is idle.
    pub(super) fn idle_deadline(&self, member: &Member) -> Option<Moment> {
        let is_spare = member.standing == Standing::Spare;
        let since = member.idle_since().filter(|_| !is_spare)?;
        Some(since + if member.machine.has_served() { self.keep_alive() } else { self.unused() })
    }

    fn first_idle_deadline(&self) -> Option<Moment> {
        let (used, unused) = self.pool.idle_since();
        let used = used.map(|since| since + self.keep_alive());
        let unused = unused.map(|since| since + self.unused());
        used.into_iter().chain(unused).min()
    }

    const fn keep_alive(&self) -> Duration {
        self.settings.scale.keep_alive
    }

    fn unused(&self) -> Duration {
        self.keep_alive().min(UNUSED)
    }

    /// The number below which no idle runner is stopped.
    pub(super) fn floor(&self, now: Moment) -> u32 {
        let slots = self.settings.max_multiplexing;
        scaling::floor(&self.settings.scale, slots, self.demand(now))
    }

    pub(super) fn demand(&self, now: Moment) -> Demand {
        let waiting = u64::try_from(self.waiting.len()).unwrap_or(u64::MAX);
        let requests = u64::from(self.pool.in_flight())
            .saturating_sub(self.in_flight_on_leaving())
            .saturating_add(waiting)
            .saturating_add(self.containment.parked())
            .saturating_add(self.backlog.load(now));
        let since = match (self.waiting.since(), self.backlog.since()) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (found, None) | (None, found) => found,
        };
        Demand { requests, since, live: self.pool.live() }
    }

    fn find_deadline(&self, now: Moment) -> Option<Moment> {
        let (demand, slots) = (self.demand(now), self.settings.max_multiplexing);
        let floor = scaling::floor(&self.settings.scale, slots, demand);
        let has_spare = self.pool.live() > floor;
        let idle = || self.first_idle_deadline();
        let delay = demand.since.map(|since| since + self.settings.scale.delay);
        let known = [
            self.waiting.next_deadline(),
            self.pool.next_deadline(),
            self.backlog.next_deadline(now),
            self.overdue.next(),
            if self.roll.is_some() {
                self.old_idle_deadline(floor)
            } else {
                has_spare.then(idle).flatten()
            },
            delay.filter(|at| *at > now),
            self.pending_deadline(now),
        ];
        known.into_iter().flatten().min()
    }
}

/// Whether it may be given up before it has been started. One that takes the place of another is there a while for
/// those who will ask again.
fn awaits_start(member: &Member, now: Moment) -> bool {
    let (since, cause) = (member.machine.entered(), member.machine.cause());
    let awaits = match member.machine.state() {
        State::CrashBackoff { .. } => true,
        State::Pending => now.since(since) >= if cause == Cause::Replaces { UNUSED } else { LULL },
        State::Setup { .. }
        | State::Idle
        | State::Running
        | State::Draining { .. }
        | State::Terminating { .. }
        | State::Terminated => false,
    };
    awaits && member.standing != Standing::Spare
}
