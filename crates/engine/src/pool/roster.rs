//! The runners by name. Names are numbers in a row, so a runner is found by counting.

use std::collections::VecDeque;

use fal_types::RunnerId;

use super::member::Member;

/// Every runner there is, oldest first.
#[derive(Debug, Default)]
pub(super) struct Roster {
    /// The number of the first of them.
    first: u32,
    members: VecDeque<Option<Box<(RunnerId, Member)>>>,
    count: usize,
}

impl Roster {
    /// Adds the runner with the next number.
    pub(super) fn push(&mut self, runner: RunnerId, member: Member) {
        if self.members.is_empty() {
            self.first = runner.number();
        }
        self.members.push_back(Some(Box::new((runner, member))));
        self.count += 1;
    }

    pub(super) fn get(&self, runner: RunnerId) -> Option<&Member> {
        let (id, member) = self.members.get(self.place(runner)?)?.as_deref()?;
        (*id == runner).then_some(member)
    }

    pub(super) fn get_mut(&mut self, runner: RunnerId) -> Option<&mut Member> {
        let place = self.place(runner)?;
        let (id, member) = self.members.get_mut(place)?.as_deref_mut()?;
        (*id == runner).then_some(member)
    }

    pub(super) fn remove(&mut self, runner: RunnerId) {
        if self.get(runner).is_none() {
            return;
        }
        if let Some(place) = self.place(runner).and_then(|place| self.members.get_mut(place)) {
            *place = None;
            self.count -= 1;
        }
        while self.members.front().is_some_and(Option::is_none) {
            self.members.pop_front();
            self.first = self.first.wrapping_add(1);
        }
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (RunnerId, &Member)> {
        self.members.iter().flatten().map(|entry| (entry.0, &entry.1))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Member> {
        self.members.iter_mut().flatten().map(|entry| &mut entry.1)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn place(&self, runner: RunnerId) -> Option<usize> {
        usize::try_from(runner.number().wrapping_sub(self.first)).ok()
    }
}
