//! Runners in a line, in the order in which they joined it.
//!
//! Leaving from the middle costs nothing: a place whose runner has left is passed over, and the line is cleared
//! of such places before they are the most of it. So joining, leaving and asking for the first take about the
//! same time in a line of one and of a thousand.

use std::collections::{BTreeMap, VecDeque};

use fal_types::RunnerId;

/// Places below which it is not worth clearing the line.
const FEW: usize = 32;

/// A line of runners, each place with the ticket that was drawn for it. A ticket is never drawn twice.
#[derive(Debug, Default)]
pub(super) struct Line {
    places: VecDeque<(u64, RunnerId)>,
    /// How many places are held; the others have been left.
    held: usize,
}

impl Line {
    pub(super) fn join(&mut self, ticket: u64, runner: RunnerId) {
        self.places.push_back((ticket, runner));
        self.held += 1;
    }

    /// Notes that a place has been left, and clears the front. `holds` says whether a place is still held.
    pub(super) fn leave(&mut self, holds: impl Fn(u64, RunnerId) -> bool) {
        self.held = self.held.saturating_sub(1);
        while self.places.front().is_some_and(|(ticket, runner)| !holds(*ticket, *runner)) {
            self.places.pop_front();
        }
        if self.places.len() > FEW.max(self.held * 2) {
            self.places.retain(|(ticket, runner)| holds(*ticket, *runner));
        }
    }

    /// The runners in the line, first come first, as far as `holds` says that they are still there.
    pub(super) fn iter(
        &self,
        holds: impl Fn(u64, RunnerId) -> bool,
    ) -> impl Iterator<Item = RunnerId> {
        let held = self.places.iter().filter(move |(ticket, runner)| holds(*ticket, *runner));
        held.map(|(_, runner)| *runner)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.held == 0
    }
}

/// Empty lines that are kept, because somebody will soon join them again.
const FEW_LINES: usize = 8;

/// Lines by a key, in its order.
#[derive(Debug)]
pub(super) struct Lines<K>(BTreeMap<K, Line>);

impl<K: Ord + Copy> Lines<K> {
    pub(super) const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Lets a runner leave the line of one key and join that of another at its end, with a new ticket.
    pub(super) fn change(
        &mut self,
        (ticket, runner): (u64, RunnerId),
        (from, to): (Option<K>, Option<K>),
        holds: impl Fn(u64, RunnerId) -> bool,
    ) {
        if let Some((key, line)) = from.and_then(|key| Some((key, self.0.get_mut(&key)?))) {
            line.leave(holds);
            // Whoever looks for the first runner passes every empty line before it.
            if line.is_empty() && self.0.len() > FEW_LINES {
                self.0.remove(&key);
            }
        }
        if let Some(key) = to {
            self.0.entry(key).or_default().join(ticket, runner);
        }
    }

    pub(super) fn get(&self, key: K) -> Option<&Line> {
        self.0.get(&key)
    }

    /// Those in which somebody stands.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Line> {
        self.0.values().filter(|line| !line.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn whoever_has_left_is_passed_over_and_the_line_stays_short() {
        let mut line = Line::default();
        let held = RefCell::new(BTreeSet::new());
        let holds = |ticket, _| held.borrow().contains(&ticket);
        line.join(0, RunnerId::new(0, 0));
        held.borrow_mut().insert(0);
        for ticket in 1..1_000_u64 {
            line.join(ticket, RunnerId::new(0, 1));
            held.borrow_mut().insert(ticket);
            held.borrow_mut().remove(&ticket);
            line.leave(holds);
            assert!(line.places.len() <= FEW + 1, "{} places", line.places.len());
        }
        assert_eq!(line.iter(holds).collect::<Vec<_>>(), [RunnerId::new(0, 0)]);
        held.borrow_mut().clear();
        line.leave(holds);
        assert!(line.is_empty() && line.iter(holds).next().is_none());
    }

    #[test]
    fn empty_lines_do_not_pile_up_in_front_of_the_first_runner() {
        let mut lines = Lines::new();
        let last = RefCell::new(0_u64);
        for key in 0..1_000_u32 {
            let ticket = u64::from(key);
            *last.borrow_mut() = ticket;
            let from = key.checked_sub(1);
            let holds = |held, _| held == *last.borrow();
            lines.change((ticket, RunnerId::new(0, 0)), (from, Some(key)), holds);
            assert!(lines.0.len() <= FEW_LINES + 1, "{} lines", lines.0.len());
            assert_eq!(lines.iter().count(), 1);
        }
        assert!(lines.get(999).is_some_and(|line| !line.is_empty()));
    }
}
