//! Rolling over: runners of a new revision take the place of those of the old one, and at no moment do fewer serve.
//!
//! ```text
//!   an old runner is in service     +-----------------------------------------------+
//!  --------------- Reconfigured --->| new ones are started, at most `max + 1` in all |
//!                                   +-----------------------------------------------+
//!                                      | one is ready: one old one may go       | a start has failed:
//!                                      v                                        v the next one waits as ever
//!                            no old one is left: over                     held up: the old ones stay
//! ```
//!
//! An old runner that is still starting counts like one that serves, for those who wait may have nobody else; where
//! another one serves, it is stopped at once.

use fal_lifecycle::{Cause, Event, State};
use fal_types::{Moment, RunnerId};

use super::{Engine, Phase, balance::UNUSED};
use crate::{
    Command, Reconfigured, Replacement, Rollover, Settings, Standing,
    pool::Member,
    scaling::{self, Demand},
    turn::Turn,
};

/// A roll that is under way.
#[derive(Debug, Default)]
pub(super) struct Roll {
    /// Old runners that went because a new one was ready.
    retired: u32,
    /// Those of them that went before it was, because it needs what they held.
    early: u32,
    /// For whom the last of these went.
    early_for: Option<RunnerId>,
    /// Whether it was said that a start has failed, since the last one that has not.
    is_held_up: bool,
}

/// The runners that serve or will, while a roll is under way.
#[derive(Debug, Default, Clone, Copy)]
struct Census {
    old: u32,
    /// New ones that serve.
    ready: u32,
    /// New ones that will.
    coming: u32,
}

impl Engine {
    pub(super) fn reconfigured(&mut self, turn: &mut Turn, change: Reconfigured) {
        match change {
            Reconfigured::Changed { settings, processes_too } => {
                let is_roll = processes_too || self.settings.concerns_processes(&settings);
                let slots = settings.max_multiplexing;
                self.settings = *settings;
                self.pool.begin_needs(self.settings.needs);
                if is_roll {
                    self.begin_roll(turn, slots);
                }
            }
            Reconfigured::Removed => self.leave(turn),
        }
    }

    //= docs/contract.md#reload
    //# An app that is gone MUST get no new requests: its runners finish what they have, its queued requests stay in the store, and its URLs are answered with 404.
    fn leave(&mut self, turn: &mut Turn) {
        if self.phase == Phase::Serving {
            self.phase = Phase::Draining;
        }
        self.roll = None;
        self.refuse_waiting(turn);
        self.release_parked(turn);
        for runner in self.pool.names() {
            self.retire(turn, runner, Cause::Reloaded);
        }
    }

    //= docs/contract.md#reload
    //# The failed starts of the old revision do not count for the new one.
    fn begin_roll(&mut self, turn: &mut Turn, slots_each: u32) {
        self.failures = 0;
        self.pool.begin_revision(slots_each);
        self.roll = Some(Roll::default());
        for runner in self.useless(turn.now) {
            self.retire(turn, runner, Cause::Reloaded);
        }
    }

    /// The runners of the old revision that need none of the new one in their places.
    fn useless(&self, now: Moment) -> Vec<RunnerId> {
        let is_wanted = self.floor(now) > 0;
        // Where nobody serves, those who wait may have nobody else. The first to start are the first to be ready.
        let is_served = self.pool.ready() > 0;
        let mut kept = if is_served { 0 } else { self.settings.scale.max.max(1) };
        let mut is_useless = |member: &Member| match member.machine.state() {
            // Its start would be one of the new revision.
            State::Pending | State::CrashBackoff { .. } => true,
            // It is there for the death of an old runner, as long as one serves.
            State::Setup { .. } | State::Idle if member.standing == Standing::Spare => false,
            State::Setup { .. } => {
                let is_kept = kept > 0;
                kept = kept.saturating_sub(1);
                !is_kept
            }
            //= docs/contract.md#reload
            //# An idle runner that nothing wants may end without one in its place.
            State::Idle => {
                let idle = member.machine.idle_since();
                !is_wanted && idle.is_some_and(|since| now.since(since) >= UNUSED)
            }
            State::Running
            | State::Draining { .. }
            | State::Terminating { .. }
            | State::Terminated => false,
        };
        let useless = self.pool.iter().filter(|(_, member)| is_useless(member));
        useless.map(|(runner, _)| runner).collect()
    }

    /// Brings a roll one step further, if one is under way.
    pub(super) fn roll_on(&mut self, turn: &mut Turn) {
        let has_failed = self.failures > 0 || self.new_ones_wait(turn.now);
        let Some(roll) = &mut self.roll else { return };
        //= docs/contract.md#reload
        //# Where a runner of the new revision fails its start, the old ones MUST stay in service, and the next start waits as in `crash-backoff`.
        if has_failed && !roll.is_held_up {
            turn.push(Command::Rolled(Rollover::HeldUp));
        }
        roll.is_held_up = has_failed;
        let retired = roll.retired;
        let census = self.census();
        // As many as there were, or as are needed by now.
        let pairs = retired.saturating_add(census.old).min(self.settings.scale.max.max(1));
        let target = self.rolled_need(turn.now, census).max(pairs);
        self.retire_old(turn, census, target);
        self.start_new(turn, target);
        for runner in self.expired(turn.now) {
            self.tell(turn, runner, Event::StopRequested(Cause::KeepAlive));
        }
        if self.is_rolled() {
            self.roll = None;
            self.retire_spares(turn);
            turn.push(Command::Rolled(Rollover::Over));
        }
    }

    //= docs/contract.md#reload
    //# There MUST be at most one runner more than `max_concurrency` at a time for it.
    fn start_new(&mut self, turn: &mut Turn, target: u32) {
        let max = self.settings.scale.max.max(1);
        let mut census = self.census();
        let has_room = |census: Census| {
            let live = census.old + census.ready + census.coming;
            // Where the old ones are more than there may be now, none goes before a new one is ready.
            live <= max || census.ready + census.coming == 0
        };
        while (census.old > 0 || self.awaits_successor())
            && census.ready + census.coming < target
            && has_room(census)
        {
            self.start(turn, Cause::Reloaded);
            census.coming += 1;
        }
    }

    /// One old runner goes for each new one that is ready: those that are left are as many as there were.
    //= docs/contract.md#reload
    //# A runner of the old revision MUST stay in service until one of the new revision is ready in its place.
    fn retire_old(&mut self, turn: &mut Turn, census: Census, target: u32) {
        let Some(roll) = &mut self.roll else { return };
        if census.ready == 0 {
            return;
        }
        let due = (census.old + census.ready).saturating_sub(target).min(census.old);
        roll.retired = roll.retired.saturating_add(due);
        let mut old: Vec<_> = self.pool.iter().filter(|(_, member)| is_old(member)).collect();
        // First those that do not serve, then those with the least to finish.
        old.sort_by_key(|(_, member)| {
            let is_off = matches!(member.standing, Standing::Ejected { .. });
            (member.machine.is_ready() && !is_off, member.machine.in_flight())
        });
        let due = usize::try_from(due).unwrap_or(usize::MAX);
        let going: Vec<_> = old.into_iter().map(|(id, _)| id).take(due).collect();
        for runner in going {
            self.pool.replaced(runner, Replacement::Did);
            self.retire(turn, runner, Cause::Reloaded);
        }
    }

    /// Whether nothing is left to do: no old runner is in service, and where one went early, another has come.
    fn is_rolled(&self) -> bool {
        self.census().old == 0 && !self.awaits_successor()
    }

    /// Whether an old runner has gone early whose successor is not ready: then no other one goes before that is.
    pub(super) fn awaits_successor(&self) -> bool {
        let early = self.roll.as_ref().filter(|roll| roll.early > 0);
        let max = self.settings.scale.max.max(1);
        early.is_some_and(|roll| self.census().ready < roll.retired.min(max))
    }

    /// For whom an old runner may go early: for anybody where none has, and else for the same one, as long as that
    /// needs more. Nobody does for a revision that does not start.
    pub(super) fn successor(&self) -> Option<Option<RunnerId>> {
        let roll = self.roll.as_ref().filter(|_| self.failures == 0)?;
        if !self.awaits_successor() {
            return Some(None);
        }
        let waits = |runner: &RunnerId| {
            self.pool.get(*runner).is_some_and(|machine| *machine.state() == State::Pending)
        };
        roll.early_for.filter(waits).map(Some)
    }

    /// Whether a roll is under way, and not held up.
    pub(super) fn is_rolling(&self) -> bool {
        self.roll.as_ref().is_some_and(|roll| !roll.is_held_up)
    }

    /// Whether the new ones have been pending for long, and nothing else is to be waited for.
    fn new_ones_wait(&self, now: Moment) -> bool {
        let mut new = self.pool.iter().filter(|(_, member)| {
            member.is_live() && member.older.is_none() && !member.machine.is_ready()
        });
        let waits = |member: &Member| {
            *member.machine.state() == State::Pending
                && now.since(member.machine.entered()) >= UNUSED
        };
        let leaves = |member: &Member| {
            member.older.is_some()
                && matches!(
                    member.machine.state(),
                    State::Draining { .. } | State::Terminating { .. }
                )
        };
        if self.pool.iter().any(|(_, member)| leaves(member)) {
            return false;
        }
        let first = new.next();
        first.is_some_and(|(_, member)| waits(member)) && new.all(|(_, member)| waits(member))
    }

    /// Lets an old runner go before a new one is ready, which needs what it holds.
    pub(super) fn retire_early(
        &mut self,
        turn: &mut Turn,
        (runner, successor): (RunnerId, RunnerId),
    ) {
        if let Some(roll) = &mut self.roll {
            roll.retired = roll.retired.saturating_add(1);
            roll.early = roll.early.saturating_add(1);
            roll.early_for = Some(successor);
        }
        self.retire(turn, runner, Cause::Reloaded);
    }

    /// Lets a runner finish what it has. What is cut all the same goes again for nothing.
    pub(super) fn retire(&mut self, turn: &mut Turn, runner: RunnerId, cause: Cause) {
        for held in self.leases.values_mut().filter(|held| held.runner == runner) {
            held.is_retired = true;
        }
        self.tell(turn, runner, Event::StopRequested(cause));
    }

    fn census(&self) -> Census {
        let mut census = Census::default();
        for (_, member) in self.pool.iter().filter(|(_, member)| member.is_live()) {
            match (member.older, member.machine.is_ready()) {
                (Some(_), _) => census.old += 1,
                (None, true) => census.ready += 1,
                (None, false) => census.coming += 1,
            }
        }
        census
    }

    /// The runners that the load and the settings ask for. The two of a pair count as one.
    fn rolled_need(&self, now: Moment, census: Census) -> u32 {
        let live = census.old.max(census.ready + census.coming);
        let demand = Demand { live, ..self.demand(now) };
        scaling::wanted(&self.settings.scale, self.settings.max_multiplexing, demand, now)
    }

    /// Old runners that were idle for too long, as far as those that serve are more than are wanted.
    fn expired(&self, now: Moment) -> Vec<RunnerId> {
        let extra = self.pool.ready().saturating_sub(self.floor(now));
        let due = |(id, member): (RunnerId, &Member)| {
            let idle = self.idle_deadline(member).filter(|_| is_old(member))?;
            (idle <= now).then_some(id)
        };
        let due = self.pool.iter().filter_map(due);
        due.take(usize::try_from(extra).unwrap_or(usize::MAX)).collect()
    }

    /// When the first of them will have been. The new ones stay until the roll is over.
    pub(super) fn old_idle_deadline(&self, floor: u32) -> Option<Moment> {
        let old = self.pool.iter().filter(|(_, member)| is_old(member));
        let due = old.filter_map(|(_, member)| self.idle_deadline(member));
        due.min().filter(|_| self.pool.ready() > floor)
    }

    /// Spares of the old revision, which were there for the death of an old runner.
    fn retire_spares(&mut self, turn: &mut Turn) {
        let is_spare =
            |member: &Member| member.older.is_some() && member.standing == Standing::Spare;
        let spares = self.pool.iter().filter(|(_, member)| is_spare(member));
        let spares: Vec<_> = spares.map(|(id, _)| id).collect();
        for spare in spares {
            self.retire(turn, spare, Cause::Reloaded);
        }
    }
}

/// Whether it is of an old revision, and serves or will.
fn is_old(member: &Member) -> bool {
    member.older.is_some() && member.is_live()
}

impl Settings {
    /// Whether a runner that was started with these would have to be started again with the others.
    //= docs/contract.md#reload
    //# Every other setting MUST be applied without replacing a runner.
    fn concerns_processes(&self, other: &Self) -> bool {
        self.limits != other.limits
            || self.max_multiplexing != other.max_multiplexing
            || self.needs != other.needs
    }
}
