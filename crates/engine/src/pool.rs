//! The runners of the app, and which of them a request goes to.
//!
//! Whatever a request needs to know is kept up to date and not looked for: the open runners in the order in
//! which they would be chosen, the free slots, the next deadline. So a decision costs about the same with a
//! thousand runners as with one.

mod filing;
mod line;
mod member;
mod roster;
mod shield;
mod trust;

use std::collections::{BTreeMap, BTreeSet};

use fal_lifecycle::{Cause, Event, Limits, Machine, Start, State, Step};
use fal_types::{Moment, RunnerId};

pub use self::member::{Replacement, Standing};
use self::{
    line::Lines,
    member::{Keys, Older},
    roster::Roster,
};
pub(crate) use self::{member::Member, shield::Sign};
use crate::{Command, Effect, Needs, turn::Turn};

/// The runners by name, with the sets and sums that placement asks for on every request.
#[derive(Debug)]
pub(crate) struct Pool {
    members: Roster,
    slots_each: u32,
    /// The revision that new runners are of.
    revision: u32,
    in_flight: u32,
    /// Runners on which another request may be placed, by their requests in flight: of equals the one that has
    /// waited longest is next.
    open: Lines<u32>,
    due: BTreeSet<(Moment, RunnerId)>,
    /// Idle runners, by whether a request ever reached them.
    idle: Lines<bool>,
    /// Which runners said a hint.
    hinted: BTreeMap<String, BTreeSet<RunnerId>>,
    /// Free slots on runners that take requests.
    free: u32,
    ready: u32,
    apart: u32,
    coming: u32,
    spares_ready: u32,
    spares_coming: u32,
    /// The scores of all that are ready, added up.
    scores: u64,
    needs: Needs,
    boot: u32,
    started: u32,
    /// Places that were ever taken in a line.
    places: u64,
}

/// Whom a request would like to meet, and whom not.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Wish<'a> {
    /// Taken only where nothing else is free.
    pub(crate) avoid: Option<RunnerId>,
    /// One that said this hint, if it is free.
    pub(crate) hint: Option<&'a str>,
}

impl Pool {
    pub(crate) fn new(boot: u32, slots_each: u32, needs: Needs) -> Self {
        Self {
            members: Roster::default(),
            slots_each: slots_each.max(1),
            revision: 1,
            in_flight: 0,
            open: Lines::new(),
            due: BTreeSet::new(),
            idle: Lines::new(),
            hinted: BTreeMap::new(),
            free: 0,
            ready: 0,
            apart: 0,
            coming: 0,
            spares_ready: 0,
            spares_coming: 0,
            scores: 0,
            needs,
            boot,
            started: 0,
            places: 0,
        }
    }

    pub(crate) fn start(
        &mut self,
        turn: &mut Turn,
        (start, cause, standing): (Start, Cause, Standing),
        limits: Limits,
    ) {
        let runner = RunnerId::new(self.boot, self.started);
        self.started = self.started.wrapping_add(1);
        let (mut machine, effects) = Machine::new(turn.now, start, cause, limits);
        let effects = self.needs.allot(turn.now, &mut machine).unwrap_or(effects);
        let member = Member::new(turn.now, machine, standing);
        let keys = member.keys(self.slots_each);
        self.members.push(runner, member);
        self.file(runner, Keys::default(), keys);
        turn.affect(runner, effects);
    }

    /// Tells a runner's machine what happened, passes on what it wants done, and says whether it moved.
    pub(crate) fn tell(&mut self, turn: &mut Turn, runner: RunnerId, event: Event) -> bool {
        let (now, needs) = (turn.now, self.needs);
        let Some((before, step)) = self.change(runner, |member| {
            let before = member.machine.state().name();
            let step = member.machine.step(now, event);
            let allotted = needs.allot(now, &mut member.machine).map(Step::Taken);
            (before, allotted.unwrap_or(step))
        }) else {
            return false;
        };
        let Step::Taken(effects) = step else { return false };
        let Some(machine) = self.get(runner) else { return false };
        let (state, cause) = (machine.state().name(), machine.cause());
        turn.affect(runner, effects);
        if before != state {
            turn.push(Command::Moved { runner, state, cause });
        }
        true
    }

    /// Takes a slot on the runner that is first in line, or on the first that fits the wish.
    pub(crate) fn lease(&mut self, now: Moment, wish: Wish<'_>) -> Option<RunnerId> {
        let runner = self.choose(wish)?;
        self.take(now, runner).then_some(runner)
    }

    /// Takes a slot on an idle runner, and lets nothing else be placed on it.
    pub(crate) fn lease_alone(&mut self, now: Moment) -> Option<RunnerId> {
        let runner = self.first_open(0)?;
        self.change(runner, |member| member.alone = true)?;
        self.take(now, runner).then_some(runner)
    }

    /// Lets a runner come to rest, so that a request can have it alone. Answers which.
    pub(crate) fn reserve(&mut self) -> Option<RunnerId> {
        let runner = self.in_line().next()?;
        self.change(runner, |member| member.alone = true)?;
        Some(runner)
    }

    /// Takes the slot of a runner that has come to rest for this.
    pub(crate) fn lease_reserved(&mut self, now: Moment, runner: RunnerId) -> bool {
        self.get(runner).is_some_and(|machine| machine.is_ready() && machine.in_flight() == 0)
            && self.take(now, runner)
    }

    /// Lets other requests be placed on it again.
    pub(crate) fn open_up(&mut self, runner: RunnerId) {
        // A runner that is gone takes no requests either way.
        let _gone = self.change(runner, |member| member.alone = false);
    }

    fn take(&mut self, now: Moment, runner: RunnerId) -> bool {
        let taken = self.change(runner, |member| {
            matches!(member.machine.step(now, Event::Leased), Step::Taken(_))
        });
        let is_taken = taken == Some(true);
        self.in_flight += u32::from(is_taken);
        is_taken
    }

    fn choose(&self, Wish { avoid, hint }: Wish<'_>) -> Option<RunnerId> {
        if let Some(fitting) = hint.and_then(|hint| self.hinted.get(hint)) {
            let open = |runner: &RunnerId| {
                let member = self.members.get(*runner)?;
                Some((member.keys(self.slots_each).open?, member.place, *runner))
            };
            let fitting = fitting.iter().filter(|runner| Some(**runner) != avoid);
            if let Some((.., runner)) = fitting.filter_map(open).min() {
                return Some(runner);
            }
        }
        let mut line = self.in_line();
        let first = line.next()?;
        if Some(first) == avoid { Some(line.next().unwrap_or(first)) } else { Some(first) }
    }

    /// The open runners in the order in which they would be chosen.
    fn in_line(&self) -> impl Iterator<Item = RunnerId> {
        self.open.iter().flat_map(|line| line.iter(|place, runner| self.holds(place, runner)))
    }

    /// The next of those that have so many requests in flight.
    fn first_open(&self, in_flight: u32) -> Option<RunnerId> {
        self.open.get(in_flight)?.iter(|place, runner| self.holds(place, runner)).next()
    }

    /// Gives a slot back. That a runner goes back and forth between IDLE and RUNNING is not worth a record.
    pub(crate) fn release(&mut self, turn: &mut Turn, runner: RunnerId) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let now = turn.now;
        // A runner that is gone has no slot to give back.
        let Some((was_ready, before, step)) = self.change(runner, |member| {
            let machine = &mut member.machine;
            let (was_ready, before) = (machine.is_ready(), machine.state().name());
            (was_ready, before, machine.step(now, Event::Released))
        }) else {
            return;
        };
        let Step::Taken(effects) = step else { return };
        let Some(machine) = self.get(runner) else { return };
        let (state, cause) = (machine.state().name(), machine.cause());
        turn.affect(runner, effects);
        if !was_ready && before != state {
            turn.push(Command::Moved { runner, state, cause });
        }
    }

    pub(crate) fn remove(&mut self, runner: RunnerId) {
        if let Some(keys) = self.keys(runner) {
            self.hear(runner, BTreeSet::new());
            self.members.remove(runner);
            self.file(runner, keys, Keys::default());
        }
    }

    /// Notes what a runner says that it is good for.
    pub(crate) fn hear(&mut self, runner: RunnerId, hints: BTreeSet<String>) {
        let Some(member) = self.members.get_mut(runner) else { return };
        if member.hints == hints {
            return;
        }
        let before = std::mem::replace(&mut member.hints, hints.clone());
        for hint in before {
            if let Some(runners) = self.hinted.get_mut(&hint) {
                runners.remove(&runner);
                if runners.is_empty() {
                    self.hinted.remove(&hint);
                }
            }
        }
        for hint in hints {
            self.hinted.entry(hint).or_default().insert(runner);
        }
    }

    /// Puts a runner somewhere else among the others.
    pub(crate) fn stand(&mut self, runner: RunnerId, standing: Standing) {
        // A runner that is gone stands nowhere.
        let _gone = self.change(runner, |member| member.standing = standing);
    }

    /// Lets a spare serve. What it has waited for until now is not held against it.
    pub(crate) fn promote(&mut self, now: Moment, spare: RunnerId) {
        let _gone = self.change(spare, |member| {
            (member.standing, member.stood) = (Standing::Serving, now);
        });
    }

    /// Says who takes a runner's place.
    pub(crate) fn replaced(&mut self, runner: RunnerId, replacement: Replacement) {
        let _gone = self.change(runner, |member| member.replacement = replacement);
    }

    /// Those that wait for another to take their place have been relieved by one that is ready.
    pub(crate) fn relieve(&mut self) {
        let waits = |member: &&mut Member| member.replacement == Replacement::Will;
        if let Some(oldest) = self.members.iter_mut().find(waits) {
            oldest.replacement = Replacement::Did;
        }
    }

    /// From now on new runners are of another revision than those that are there.
    pub(crate) fn begin_revision(&mut self, slots_each: u32) {
        let now = Older { revision: self.revision, slots: self.slots_each };
        for member in self.members.iter_mut() {
            // Its keys stay as they are.
            member.older.get_or_insert(now);
        }
        self.revision = self.revision.saturating_add(1);
        self.slots_each = slots_each.max(1);
    }

    /// From now on starts ask for what they need, or do not.
    pub(crate) const fn begin_needs(&mut self, needs: Needs) {
        self.needs = needs;
    }

    pub(crate) fn revision(&self, member: &Member) -> u32 {
        member.older.map_or(self.revision, |older| older.revision)
    }

    pub(crate) fn get(&self, runner: RunnerId) -> Option<&Machine> {
        self.members.get(runner).map(|member| &member.machine)
    }

    pub(crate) fn member(&self, runner: RunnerId) -> Option<&Member> {
        self.members.get(runner)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (RunnerId, &Member)> {
        self.members.iter()
    }

    /// The names of all runners, for loops that tell them something.
    pub(crate) fn names(&self) -> Vec<RunnerId> {
        self.members.iter().map(|(id, _)| id).collect()
    }

    /// The runners whose deadline has come.
    pub(crate) fn overdue(&self, now: Moment) -> Vec<RunnerId> {
        self.due.iter().take_while(|(due, _)| *due <= now).map(|(_, runner)| *runner).collect()
    }

    pub(crate) const fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// Runners that take requests, also those that do not at the moment.
    pub(crate) const fn ready(&self) -> u32 {
        self.ready + self.apart
    }

    /// Runners that take requests or will: not draining, not ending, no spares.
    pub(crate) const fn live(&self) -> u32 {
        self.ready() + self.coming
    }

    /// Spares that are ready or will be.
    pub(crate) const fn spares(&self) -> u32 {
        self.spares_ready + self.spares_coming
    }

    pub(crate) const fn ready_spares(&self) -> u32 {
        self.spares_ready
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Free slots on ready runners.
    pub(crate) const fn free_slots(&self) -> u32 {
        self.free
    }

    pub(crate) fn next_deadline(&self) -> Option<Moment> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Since when the longest idle runner is idle: of those that have served, and of those that have not.
    pub(crate) fn idle_since(&self) -> (Option<Moment>, Option<Moment>) {
        let first = |served| {
            let line = self.idle.get(served)?;
            let runner = line.iter(|place, runner| self.rests(place, runner)).next()?;
            self.member(runner)?.idle_since()
        };
        (first(true), first(false))
    }
}

impl Needs {
    /// Where nothing is needed, a runner is not pending for any time. Answers what is to be done then.
    fn allot(self, now: Moment, machine: &mut Machine) -> Option<Vec<Effect>> {
        if self == Self::Share || *machine.state() != State::Pending {
            return None;
        }
        match machine.step(now, Event::Allotted) {
            Step::Taken(effects) => Some(effects),
            Step::Ignored | Step::Impossible => None,
        }
    }
}
