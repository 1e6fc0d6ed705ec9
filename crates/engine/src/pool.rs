//! The runners of the app, and which of them a request goes to.

use std::collections::BTreeMap;

use fal_lifecycle::{Cause, Event, Limits, Machine, Start, State, Step};
use fal_types::{Moment, RunnerId};

use crate::{Command, revisions::Revisions, turn::Turn};

/// The runners by name, with the sums that placement asks for on every request.
#[derive(Debug)]
pub(crate) struct Pool {
    members: BTreeMap<RunnerId, Machine>,
    revisions: Revisions,
    in_flight: u32,
    /// Runners that take requests.
    ready: u32,
    /// Runners that take requests or will: not draining, not ending.
    live: u32,
    boot: u32,
    started: u32,
    /// Where the search for an idle runner begins, so that equals take turns.
    turn: Option<RunnerId>,
}

impl Pool {
    pub(crate) fn new(boot: u32, slots_each: u32) -> Self {
        let members = BTreeMap::new();
        Self {
            members,
            revisions: Revisions::new(slots_each),
            in_flight: 0,
            ready: 0,
            live: 0,
            boot,
            started: 0,
            turn: None,
        }
    }

    pub(crate) fn start(
        &mut self,
        turn: &mut Turn,
        (start, cause): (Start, Cause),
        limits: Limits,
    ) {
        let runner = RunnerId::new(self.boot, self.started);
        self.started = self.started.wrapping_add(1);
        let (machine, effects) = Machine::new(turn.now, start, cause, limits);
        self.members.insert(runner, machine);
        self.recount();
        turn.affect(runner, effects);
    }

    /// Tells a runner's machine what happened, passes on what it wants done, and says whether it moved.
    pub(crate) fn tell(&mut self, turn: &mut Turn, runner: RunnerId, event: Event) -> bool {
        let Some(machine) = self.members.get_mut(&runner) else { return false };
        let before = machine.state().name();
        let Step::Taken(effects) = machine.step(turn.now, event) else { return false };
        let (state, cause) = (machine.state().name(), machine.cause());
        turn.affect(runner, effects);
        if before != state {
            self.recount();
            turn.push(Command::Moved { runner, state, cause });
        }
        true
    }

    /// Takes a slot on a ready runner: the one with the fewest requests in flight, and where they are equal,
    /// the next in turn. `avoid` is taken only where nothing else is free.
    pub(crate) fn lease(&mut self, now: Moment, avoid: Option<RunnerId>) -> Option<RunnerId> {
        let runner = self.choose(avoid)?;
        let machine = self.members.get_mut(&runner)?;
        let Step::Taken(_) = machine.step(now, Event::Leased) else { return None };
        self.turn = Some(runner);
        self.in_flight += 1;
        Some(runner)
    }

    fn choose(&self, avoid: Option<RunnerId>) -> Option<RunnerId> {
        let after = self.members.iter().filter(|(id, _)| self.turn.is_none_or(|turn| **id > turn));
        let before =
            self.members.iter().filter(|(id, _)| self.turn.is_some_and(|turn| **id <= turn));
        let free = after
            .chain(before)
            .filter(|(id, machine)| machine.is_ready() && self.has_slot(**id, machine));
        let mut best: Option<(bool, u32, RunnerId)> = None;
        for (id, machine) in free {
            let rank = (Some(*id) == avoid, machine.in_flight());
            if rank == (false, 0) {
                return Some(*id);
            }
            if best.is_none_or(|(shunned, load, _)| rank < (shunned, load)) {
                best = Some((rank.0, rank.1, *id));
            }
        }
        best.map(|(_, _, id)| id)
    }

    /// Gives a slot back. That a runner goes back and forth between IDLE and RUNNING is not worth a record.
    pub(crate) fn release(&mut self, turn: &mut Turn, runner: RunnerId) {
        self.in_flight = self.in_flight.saturating_sub(1);
        // A runner that is gone has no slot to give back.
        let Some(machine) = self.members.get_mut(&runner) else { return };
        let (was_ready, before) = (machine.is_ready(), machine.state().name());
        let Step::Taken(effects) = machine.step(turn.now, Event::Released) else { return };
        let (state, cause) = (machine.state().name(), machine.cause());
        let is_moved = !was_ready && before != state;
        turn.affect(runner, effects);
        if is_moved {
            turn.push(Command::Moved { runner, state, cause });
        }
    }

    pub(crate) fn remove(&mut self, runner: RunnerId) -> Option<Machine> {
        let gone = self.members.remove(&runner);
        self.revisions.forget(runner);
        self.recount();
        gone
    }

    pub(crate) fn get(&self, runner: RunnerId) -> Option<&Machine> {
        self.members.get(&runner)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (RunnerId, &Machine)> {
        self.members.iter().map(|(id, machine)| (*id, machine))
    }

    /// The names of all runners, for loops that tell them something.
    pub(crate) fn names(&self) -> Vec<RunnerId> {
        self.members.keys().copied().collect()
    }

    pub(crate) const fn in_flight(&self) -> u32 {
        self.in_flight
    }

    pub(crate) const fn ready(&self) -> u32 {
        self.ready
    }

    pub(crate) const fn live(&self) -> u32 {
        self.live
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Free slots on ready runners.
    pub(crate) fn free_slots(&self) -> u32 {
        let ready = self.members.iter().filter(|(_, machine)| machine.is_ready());
        let free =
            |id, machine: &Machine| self.revisions.slots(id).saturating_sub(machine.in_flight());
        ready.map(|(id, machine)| free(*id, machine)).sum()
    }

    fn has_slot(&self, runner: RunnerId, machine: &Machine) -> bool {
        machine.in_flight() < self.revisions.slots(runner)
    }

    /// From now on new runners are of another revision than those that are there.
    pub(crate) fn begin_revision(&mut self, slots_each: u32) {
        self.revisions.begin(self.members.keys().copied(), slots_each);
    }

    pub(crate) fn is_old(&self, runner: RunnerId) -> bool {
        self.revisions.is_old(runner)
    }

    pub(crate) fn revision(&self, runner: RunnerId) -> u32 {
        self.revisions.of(runner)
    }

    pub(crate) fn next_deadline(&self) -> Option<Moment> {
        self.members.values().filter_map(Machine::next_deadline).min()
    }

    fn recount(&mut self) {
        let ready = self.members.values().filter(|machine| machine.is_ready()).count();
        let coming = self.members.values().filter(|machine| is_coming(machine)).count();
        self.ready = u32::try_from(ready).unwrap_or(u32::MAX);
        self.live = self.ready.saturating_add(u32::try_from(coming).unwrap_or(u32::MAX));
    }
}

/// Whether the runner will take requests, if all goes well.
pub(crate) const fn is_coming(machine: &Machine) -> bool {
    matches!(machine.state(), State::CrashBackoff { .. } | State::Setup { .. })
}
