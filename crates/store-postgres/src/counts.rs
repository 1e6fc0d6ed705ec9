//! How many wait. Counted exactly up to a bound, and estimated beyond it.

use fal_queue::{Priority, store::Backlog};
use fal_record::{moment, names};
use fal_types::Moment;
use tokio_postgres::Row;

use crate::{error::Result, rows, values::count};

/// Up to so many of one kind are counted where somebody is told a position.
pub(crate) const COUNTED: i64 = 1_000;

/// The same where it is to be known whether much waits.
pub(crate) const ROUGHLY: i64 = 200;

/// What waits for one app, or before one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Waiting {
    /// The ordinary ones.
    pub(crate) normal: u64,
    /// The low ones.
    pub(crate) low: u64,
    /// When the first of them is due.
    pub(crate) next_due: Option<Moment>,
}

impl Waiting {
    pub(crate) const fn total(self) -> u64 {
        self.normal.saturating_add(self.low)
    }

    /// How many of them are before a new one of this priority.
    pub(crate) const fn ahead(self, priority: Priority) -> u64 {
        match priority {
            Priority::Normal => self.normal,
            Priority::Low => self.total(),
        }
    }

    /// One more of them waits.
    pub(crate) const fn add(&mut self, priority: Priority) {
        match priority {
            Priority::Normal => self.normal = self.normal.saturating_add(1),
            Priority::Low => self.low = self.low.saturating_add(1),
        }
    }

    pub(crate) const fn backlog(self) -> Backlog {
        Backlog { waiting: self.total(), next_due: self.next_due }
    }

    /// Takes in one row: a state, a priority, and how many there are of both. `due` is the moment of the first of that
    /// state, where the row has one.
    pub(crate) fn take(&mut self, row: &Row, from: usize, due: Option<i64>) -> Result<()> {
        let (state, priority): (i16, i16) = (row.try_get(from)?, row.try_get(from + 1)?);
        let range = Range {
            counted: row.try_get(from + 2)?,
            first: row.try_get(from + 3)?,
            nth: row.try_get(from + 4)?,
            last: row.try_get(from + 5)?,
        };
        let found = range.estimate();
        match names::read_priority(priority) {
            Priority::Normal => self.normal = self.normal.saturating_add(found),
            Priority::Low => self.low = self.low.saturating_add(found),
        }
        // First-timers are due at any time.
        let due = if state == rows::FIRST { (found > 0).then_some(0) } else { due };
        if let Some(due) = due {
            let due = moment::read(due)?;
            self.next_due = Some(self.next_due.map_or(due, |known| known.min(due)));
        }
        Ok(())
    }
}

/// A range of an index that was counted up to a bound.
#[derive(Debug, Clone, Copy)]
struct Range {
    counted: i64,
    first: Option<i64>,
    /// The last one that was counted.
    nth: Option<i64>,
    /// The last one there is, where there may be more than were counted.
    last: Option<i64>,
}

impl Range {
    /// How many there are: as densely as in the part that was counted.
    fn estimate(self) -> u64 {
        let Self { counted, first, nth, last } = self;
        let known = count(counted);
        let (Some(first), Some(nth), Some(last)) = (first, nth, last) else { return known };
        let (span, rest) =
            (nth.abs_diff(first).saturating_add(1), last.saturating_sub(nth).max(0).unsigned_abs());
        let more = u128::from(rest) * u128::from(known) / u128::from(span);
        known.saturating_add(u64::try_from(more).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(counted: i64, ends: [Option<i64>; 3], expected: u64) {
        let [first, nth, last] = ends;
        assert_eq!(Range { counted, first, nth, last }.estimate(), expected);
    }

    #[test]
    fn what_is_beyond_the_bound_is_as_dense_as_what_was_counted() {
        check(0, [None; 3], 0);
        check(7, [Some(1), Some(90), None], 7);
        check(1_000, [Some(1), Some(1_000), Some(1_000)], 1_000);
        check(1_000, [Some(1), Some(1_000), Some(50_000)], 50_000);
        check(1_000, [Some(1), Some(10_000), Some(100_000)], 10_000);
        check(1_000, [Some(1), Some(2_000), Some(1_500)], 1_000);
        check(1_000, [Some(i64::MIN), Some(i64::MAX), Some(i64::MAX)], 1_000);
    }
}
