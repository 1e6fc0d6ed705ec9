//! The runners of the app, and which of them a request goes to.
//!
//! Whatever a request needs to know is kept up to date and not looked for: the open runners in the order in
//! which they would be chosen, the free slots, the next deadline. So a decision costs about the same with a
//! thousand runners as with one.

mod member;
mod shield;

use std::collections::{BTreeMap, BTreeSet};

use fal_lifecycle::{Cause, Event, Limits, Machine, Start, Step};
use fal_types::{Moment, RunnerId};

use self::member::{Count, Keys, Older};
pub use self::member::{Replacement, Standing};
pub(crate) use self::{member::Member, shield::Sign};
use crate::{Command, turn::Turn};

/// The runners by name, with the sets and sums that placement asks for on every request.
#[derive(Debug)]
pub(crate) struct Pool {
    members: BTreeMap<RunnerId, Member>,
    slots_each: u32,
    /// The revision that new runners are of.
    revision: u32,
    in_flight: u32,
    /// Runners on which another request may be placed, the next one first: the fewest requests in flight, and of
    /// equals the one that has waited longest for its turn.
    open: BTreeSet<(u32, u64, RunnerId)>,
    due: BTreeSet<(Moment, RunnerId)>,
    /// Idle runners: those that no request ever reached, and those that have served.
    idle: [BTreeSet<(Moment, RunnerId)>; 2],
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
    boot: u32,
    started: u32,
    turns: u64,
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
    pub(crate) fn new(boot: u32, slots_each: u32) -> Self {
        Self {
            members: BTreeMap::new(),
            slots_each: slots_each.max(1),
            revision: 1,
            in_flight: 0,
            open: BTreeSet::new(),
            due: BTreeSet::new(),
            idle: [BTreeSet::new(), BTreeSet::new()],
            hinted: BTreeMap::new(),
            free: 0,
            ready: 0,
            apart: 0,
            coming: 0,
            spares_ready: 0,
            spares_coming: 0,
            scores: 0,
            boot,
            started: 0,
            turns: 0,
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
        let (machine, effects) = Machine::new(turn.now, start, cause, limits);
        let member = Member::new(machine, standing);
        self.file(runner, Keys::default(), member.keys(self.slots_each));
        self.members.insert(runner, member);
        turn.affect(runner, effects);
    }

    /// Tells a runner's machine what happened, passes on what it wants done, and says whether it moved.
    pub(crate) fn tell(&mut self, turn: &mut Turn, runner: RunnerId, event: Event) -> bool {
        let now = turn.now;
        let Some((before, step)) = self.change(runner, |member| {
            let before = member.machine.state().name();
            (before, member.machine.step(now, event))
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
        let &(_, _, runner) = self.open.first().filter(|(in_flight, ..)| *in_flight == 0)?;
        self.change(runner, |member| member.alone = true)?;
        self.take(now, runner).then_some(runner)
    }

    /// Lets a runner come to rest, so that a request can have it alone. Answers which.
    pub(crate) fn reserve(&mut self) -> Option<RunnerId> {
        let &(_, _, runner) = self.open.first()?;
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
        self.turns += 1;
        let turns = self.turns;
        let taken = self.change(runner, |member| {
            member.turn = turns;
            matches!(member.machine.step(now, Event::Leased), Step::Taken(_))
        });
        let is_taken = taken == Some(true);
        self.in_flight += u32::from(is_taken);
        is_taken
    }

    fn choose(&self, Wish { avoid, hint }: Wish<'_>) -> Option<RunnerId> {
        if let Some(fitting) = hint.and_then(|hint| self.hinted.get(hint)) {
            let open = |runner: &RunnerId| Some((self.keys(*runner)?.open?, *runner));
            let fitting = fitting.iter().filter(|runner| Some(**runner) != avoid);
            if let Some((_, runner)) = fitting.filter_map(open).min() {
                return Some(runner);
            }
        }
        let mut line = self.open.iter().map(|(_, _, runner)| *runner);
        let first = line.next()?;
        if Some(first) == avoid { Some(line.next().unwrap_or(first)) } else { Some(first) }
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
            self.file(runner, keys, Keys::default());
            self.members.remove(&runner);
        }
    }

    /// Notes what a runner says that it is good for.
    pub(crate) fn hear(&mut self, runner: RunnerId, hints: BTreeSet<String>) {
        let Some(member) = self.members.get_mut(&runner) else { return };
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

    /// Notes how a runner answered. One that fails where the others serve is sent off; true if it was.
    pub(crate) fn note(&mut self, now: Moment, runner: RunnerId, sign: Sign) -> bool {
        let noted = self.change(runner, |member| {
            member.score.note(sign);
            (member.standing, member.score, member.machine.is_ready())
        });
        let Some((standing, score, true)) = noted else { return false };
        match (standing, sign) {
            (Standing::OnTrial { .. }, Sign::Served) => {
                self.stand(runner, Standing::Serving);
                false
            }
            (Standing::OnTrial { rounds }, Sign::Failed) => self.eject(now, runner, rounds),
            (Standing::Serving, Sign::Failed) if score.stands_out(self.others(score)) => {
                self.eject(now, runner, 0)
            }
            (Standing::Serving | Standing::Spare | Standing::Ejected { .. }, _) => false,
        }
    }

    /// The average score of the other ready runners; that of a hopeless one, where there is none.
    fn others(&self, own: shield::Score) -> u32 {
        let others = u64::from(self.ready.saturating_sub(1));
        let scores = self.scores.saturating_sub(u64::from(own.failing()));
        scores.checked_div(others).and_then(|mean| u32::try_from(mean).ok()).unwrap_or(u32::MAX)
    }

    /// Sends a runner off, if it is not the last.
    fn eject(&mut self, now: Moment, runner: RunnerId, rounds: u32) -> bool {
        if self.ready < 2 {
            return false;
        }
        let until = now + shield::time_off(rounds);
        self.stand(runner, Standing::Ejected { until, rounds: rounds.saturating_add(1) });
        true
    }

    /// Tries the runners whose time off is over, and all of them where nobody else is left.
    pub(crate) fn readmit(&mut self, now: Moment) {
        if self.apart == 0 {
            return;
        }
        let is_last = self.ready == 0;
        let back = |(id, member): (&RunnerId, &Member)| match member.standing {
            Standing::Ejected { until, rounds } if until <= now || is_last => Some((*id, rounds)),
            Standing::Ejected { .. }
            | Standing::Serving
            | Standing::Spare
            | Standing::OnTrial { .. } => None,
        };
        let back: Vec<_> = self.members.iter().filter_map(back).collect();
        for (runner, rounds) in back {
            self.stand(runner, Standing::OnTrial { rounds });
        }
    }

    /// The spare that takes over: a ready one, or else the one that will be ready first.
    pub(crate) fn spare(&self) -> Option<RunnerId> {
        if self.spares() == 0 {
            return None;
        }
        let rank = |(id, member): (&RunnerId, &Member)| {
            let is_spare = member.standing == Standing::Spare;
            let ready = (is_spare && member.machine.is_ready()).then_some((0, *id));
            let starting =
                is_spare && matches!(member.machine.state(), fal_lifecycle::State::Setup { .. });
            ready.or(starting.then_some((1, *id)))
        };
        self.members.iter().filter_map(rank).min().map(|(_, id)| id)
    }

    /// The spares that are one too many, newest first.
    pub(crate) fn surplus_spares(&self, keep: u32) -> Vec<RunnerId> {
        let count = self.spares().saturating_sub(keep);
        let spares = self.members.iter().rev().filter(|(_, member)| {
            matches!(member.keys(self.slots_each).count, Count::SpareReady | Count::SpareComing)
        });
        spares.map(|(id, _)| *id).take(usize::try_from(count).unwrap_or(usize::MAX)).collect()
    }

    /// Puts a runner somewhere else among the others.
    pub(crate) fn stand(&mut self, runner: RunnerId, standing: Standing) {
        // A runner that is gone stands nowhere.
        let _gone = self.change(runner, |member| member.standing = standing);
    }

    /// Says who takes a runner's place.
    pub(crate) fn replaced(&mut self, runner: RunnerId, replacement: Replacement) {
        let _gone = self.change(runner, |member| member.replacement = replacement);
    }

    /// Those that wait for another to take their place have been relieved by one that is ready.
    pub(crate) fn relieve(&mut self) {
        let waits = |member: &&mut Member| member.replacement == Replacement::Will;
        if let Some(oldest) = self.members.values_mut().find(waits) {
            oldest.replacement = Replacement::Did;
        }
    }

    /// From now on new runners are of another revision than those that are there.
    pub(crate) fn begin_revision(&mut self, slots_each: u32) {
        let now = Older { revision: self.revision, slots: self.slots_each };
        for member in self.members.values_mut() {
            // Its keys stay as they are.
            member.older.get_or_insert(now);
        }
        self.revision = self.revision.saturating_add(1);
        self.slots_each = slots_each.max(1);
    }

    pub(crate) fn revision(&self, member: &Member) -> u32 {
        member.older.map_or(self.revision, |older| older.revision)
    }

    pub(crate) fn get(&self, runner: RunnerId) -> Option<&Machine> {
        self.members.get(&runner).map(|member| &member.machine)
    }

    pub(crate) fn member(&self, runner: RunnerId) -> Option<&Member> {
        self.members.get(&runner)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (RunnerId, &Member)> {
        self.members.iter().map(|(id, member)| (*id, member))
    }

    /// The names of all runners, for loops that tell them something.
    pub(crate) fn names(&self) -> Vec<RunnerId> {
        self.members.keys().copied().collect()
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
        let [unused, used] = &self.idle;
        let first = |set: &BTreeSet<(Moment, RunnerId)>| set.first().map(|(since, _)| *since);
        (first(used), first(unused))
    }

    fn keys(&self, runner: RunnerId) -> Option<Keys> {
        Some(self.members.get(&runner)?.keys(self.slots_each))
    }

    /// Changes a member, and the sets and sums with it.
    fn change<T>(&mut self, runner: RunnerId, change: impl FnOnce(&mut Member) -> T) -> Option<T> {
        let member = self.members.get_mut(&runner)?;
        let before = member.keys(self.slots_each);
        let changed = change(member);
        let after = member.keys(self.slots_each);
        if before != after {
            self.file(runner, before, after);
        }
        Some(changed)
    }

    fn file(&mut self, runner: RunnerId, before: Keys, after: Keys) {
        if before.open != after.open {
            if let Some((in_flight, turn)) = before.open {
                self.open.remove(&(in_flight, turn, runner));
            }
            self.open.extend(after.open.map(|(in_flight, turn)| (in_flight, turn, runner)));
        }
        if before.due != after.due {
            before.due.map(|due| self.due.remove(&(due, runner)));
            self.due.extend(after.due.map(|due| (due, runner)));
        }
        if before.idle != after.idle {
            let [unused, used] = &mut self.idle;
            if let Some((served, since)) = before.idle {
                let set = if served { &mut *used } else { &mut *unused };
                set.remove(&(since, runner));
            }
            if let Some((served, since)) = after.idle {
                let set = if served { used } else { unused };
                set.insert((since, runner));
            }
        }
        self.free = self.free.saturating_sub(before.free).saturating_add(after.free);
        let (old, new) = (before.score.unwrap_or(0), after.score.unwrap_or(0));
        self.scores = self.scores.saturating_sub(u64::from(old)).saturating_add(u64::from(new));
        if before.count != after.count {
            if let Some(count) = self.tally(before.count) {
                *count = count.saturating_sub(1);
            }
            if let Some(count) = self.tally(after.count) {
                *count = count.saturating_add(1);
            }
        }
    }

    const fn tally(&mut self, count: Count) -> Option<&mut u32> {
        match count {
            Count::Nothing => None,
            Count::Ready => Some(&mut self.ready),
            Count::Apart => Some(&mut self.apart),
            Count::Coming => Some(&mut self.coming),
            Count::SpareReady => Some(&mut self.spares_ready),
            Count::SpareComing => Some(&mut self.spares_coming),
        }
    }
}
