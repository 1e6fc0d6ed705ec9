//! Bringing slots to those who wait, runners to the wanted number, and the next deadline up to date.

use std::time::Duration;

use fal_lifecycle::{Cause, Event, Machine, State};
use fal_types::{LeaseId, Moment, RunnerId};

use super::{Engine, Phase};
use crate::{
    Command,
    scaling::{self, Demand},
    turn::Turn,
};

/// A runner that no request has reached is stopped after this time, if nothing else wants it.
pub(super) const UNUSED: Duration = Duration::from_secs(10);

impl Engine {
    /// What every step that changed something ends with.
    pub(super) fn settle_down(&mut self, turn: &mut Turn) {
        if self.phase == Phase::Serving {
            self.pump(turn);
            self.roll_on(turn);
            if self.roll.is_none() {
                self.scale(turn);
            }
        }
        self.deadline = self.find_deadline(turn.now);
        if self.phase == Phase::Draining && self.pool.is_empty() {
            self.phase = Phase::Drained;
            turn.push(Command::Drained);
        }
    }

    /// Direct calls first, since somebody waits on the line; then one claim for what is left.
    fn pump(&mut self, turn: &mut Turn) {
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
        for (runner, cause) in self.superfluous(turn.now) {
            self.tell(turn, runner, Event::StopRequested(cause));
        }
    }

    /// The runners that may go: idle for too long, or waiting for a start that nobody needs any more.
    fn superfluous(&self, now: Moment) -> Vec<(RunnerId, Cause)> {
        let spare = usize::try_from(self.spare(now)).unwrap_or(usize::MAX);
        let cause = |machine: &Machine| match self.idle_deadline(machine) {
            Some(at) if at <= now => Some(Cause::KeepAlive),
            None if matches!(machine.state(), State::CrashBackoff { .. }) => {
                Some(Cause::ScaledDown)
            }
            Some(_) | None => None,
        };
        let found = self.pool.iter().filter_map(|(id, machine)| Some((id, cause(machine)?)));
        found.take(spare).collect()
    }

    /// How many more runners there are than the load and the settings ask for. In a roll only those count that
    /// serve, for the others are to take their places.
    pub(super) fn spare(&self, now: Moment) -> u32 {
        let there = if self.roll.is_some() { self.pool.ready() } else { self.pool.live() };
        there.saturating_sub(self.floor(now))
    }

    /// The number below which no idle runner is stopped.
    pub(super) fn floor(&self, now: Moment) -> u32 {
        let slots = self.settings.max_multiplexing;
        scaling::floor(&self.settings.scale, slots, self.demand(now))
    }

    pub(super) fn idle_deadline(&self, machine: &Machine) -> Option<Moment> {
        let keep_alive = self.settings.scale.keep_alive;
        let wait = if machine.has_served() { keep_alive } else { keep_alive.min(UNUSED) };
        Some(machine.idle_since()? + wait)
    }

    pub(super) fn demand(&self, now: Moment) -> Demand {
        let waiting = u64::try_from(self.waiting.len()).unwrap_or(u64::MAX);
        let requests = u64::from(self.pool.in_flight())
            .saturating_add(waiting)
            .saturating_add(self.backlog.load(now));
        let since = match (self.waiting.since(), self.backlog.since()) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (found, None) | (None, found) => found,
        };
        Demand { requests, since, live: self.pool.live() }
    }

    fn find_deadline(&self, now: Moment) -> Option<Moment> {
        let has_spare = self.spare(now) > 0;
        // In a roll the new ones stay until it is over.
        let may_go = |id| self.roll.is_none() || self.pool.is_old(id);
        let idle = || {
            let idle = self.pool.iter().filter(|(id, _)| may_go(*id));
            idle.filter_map(|(_, machine)| self.idle_deadline(machine)).min()
        };
        let delay = self.demand(now).since.map(|since| since + self.settings.scale.delay);
        let known = [
            self.waiting.next_deadline(),
            self.pool.next_deadline(),
            self.backlog.next_deadline(now),
            has_spare.then(idle).flatten(),
            delay.filter(|at| *at > now),
        ];
        known.into_iter().flatten().min()
    }
}
