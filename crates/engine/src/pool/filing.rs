//! Keeping the pool's sets and sums what its members say.

use fal_types::{Moment, RunnerId};

use super::{
    Pool,
    line::Lines,
    member::{Count, Keys, Member},
};

impl Pool {
    pub(super) fn keys(&self, runner: RunnerId) -> Option<Keys> {
        Some(self.members.get(runner)?.keys(self.slots_each))
    }

    /// Changes a member, and the sets and sums with it.
    pub(super) fn change<T>(
        &mut self,
        runner: RunnerId,
        change: impl FnOnce(&mut Member) -> T,
    ) -> Option<T> {
        let member = self.members.get_mut(runner)?;
        let before = member.keys(self.slots_each);
        let changed = change(member);
        let after = member.keys(self.slots_each);
        if before != after {
            self.file(runner, before, after);
        }
        Some(changed)
    }

    pub(super) fn file(&mut self, runner: RunnerId, before: Keys, after: Keys) {
        if before.open != after.open {
            self.move_in_line(runner, before.open, after.open);
        }
        if before.due != after.due {
            before.due.map(|due| self.due.remove(&(due, runner)));
            self.due.extend(after.due.map(|due| (due, runner)));
        }
        if before.idle != after.idle {
            self.rest(runner, before.idle, after.idle);
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

    /// Leaves the line of those with so many requests in flight, and joins another at its end.
    fn move_in_line(&mut self, runner: RunnerId, before: Option<u32>, after: Option<u32>) {
        self.places += 1;
        let place = self.places;
        if let Some(member) = self.members.get_mut(runner) {
            member.place = place;
        }
        let mut open = std::mem::replace(&mut self.open, Lines::new());
        open.change((place, runner), (before, after), |place, runner| self.holds(place, runner));
        self.open = open;
    }

    /// The same for those that are idle, by whether a request ever reached them.
    fn rest(
        &mut self,
        runner: RunnerId,
        before: Option<(bool, Moment)>,
        after: Option<(bool, Moment)>,
    ) {
        self.places += 1;
        let place = self.places;
        if let Some(member) = self.members.get_mut(runner) {
            member.rest = place;
        }
        let served = |idle: Option<(bool, Moment)>| idle.map(|(served, _)| served);
        let change = (served(before), served(after));
        let mut idle = std::mem::replace(&mut self.idle, Lines::new());
        idle.change((place, runner), change, |place, runner| self.rests(place, runner));
        self.idle = idle;
    }

    /// Whether an open runner still has this place.
    pub(super) fn holds(&self, place: u64, runner: RunnerId) -> bool {
        self.members.get(runner).is_some_and(|member| member.place == place)
    }

    /// Whether an idle runner still has this place.
    pub(super) fn rests(&self, place: u64, runner: RunnerId) -> bool {
        self.members.get(runner).is_some_and(|member| member.rest == place)
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
