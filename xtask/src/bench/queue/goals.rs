//! What is wanted of the queue, and whether a run has shown it.

use super::{Pace, whole};
use crate::{bench::table::Table, say};

/// What is wanted, and what was found.
#[derive(Debug)]
pub(super) struct Goal {
    what: String,
    found: Option<f64>,
    wanted: Wanted,
}

#[derive(Debug, Clone, Copy)]
enum Wanted {
    AtLeast(f64),
    Below(f64),
    /// So many times what a peer does, or more.
    Times(f64),
}

impl Goal {
    pub(super) fn at_least(what: impl Into<String>, found: Option<f64>, least: f64) -> Self {
        Self { what: what.into(), found, wanted: Wanted::AtLeast(least) }
    }

    pub(super) fn below(what: impl Into<String>, found: Option<f64>, limit: f64) -> Self {
        Self { what: what.into(), found, wanted: Wanted::Below(limit) }
    }

    pub(super) fn times(what: impl Into<String>, found: Option<f64>, least: f64) -> Self {
        Self { what: what.into(), found, wanted: Wanted::Times(least) }
    }

    fn verdict(&self) -> &'static str {
        let is_met = match (self.wanted, self.found) {
            (_, None) => return "not run",
            (Wanted::AtLeast(least) | Wanted::Times(least), Some(found)) => found >= least,
            (Wanted::Below(limit), Some(found)) => found < limit,
        };
        if is_met { "met" } else { "NOT met" }
    }

    fn cells(&self) -> Vec<String> {
        let number = |number: f64| match self.wanted {
            Wanted::Times(_) => format!("{number:.2} times"),
            Wanted::AtLeast(limit) | Wanted::Below(limit) if limit < 100.0 => {
                format!("{number:.2}")
            }
            Wanted::AtLeast(_) | Wanted::Below(_) => whole(number),
        };
        let wanted = match self.wanted {
            Wanted::AtLeast(limit) | Wanted::Times(limit) => format!("at least {}", number(limit)),
            Wanted::Below(limit) => format!("below {}", number(limit)),
        };
        let found = self.found.map_or("-".to_owned(), number);
        vec![self.what.clone(), wanted, found, self.verdict().to_owned()]
    }
}

/// All goals, in the order in which they were looked at.
#[derive(Debug, Default)]
pub(super) struct Goals(Vec<Goal>);

impl Goals {
    pub(super) fn add(&mut self, goal: Goal) {
        self.0.push(goal);
    }

    pub(super) fn show(&self, pace: Pace) {
        let note = match pace {
            Pace::Quick => ". A quick run says little of them",
            Pace::Thorough => "",
        };
        let mut table = Table::new(&["goal", "wanted", "found", ""]);
        self.0.iter().for_each(|goal| table.row(goal.cells()));
        say::line(format_args!("\nGoals{note}"));
        say::line(table);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_or_not_or_was_not_run() {
        let goals = [
            Goal::at_least("rate", Some(60_000.0), 60_000.0),
            Goal::at_least("rate", Some(59_999.0), 60_000.0),
            Goal::below("p99", Some(9.99), 10.0),
            Goal::below("p99", Some(10.0), 10.0),
            Goal::times("ahead", Some(3.2), 3.0),
            Goal::times("ahead", None, 3.0),
        ];
        let verdicts = goals.each_ref().map(Goal::verdict);
        assert_eq!(verdicts, ["met", "NOT met", "met", "NOT met", "met", "not run"]);
        let cells = goals.each_ref().map(|goal| goal.cells().join(" | "));
        assert_eq!(cells[1], "rate | at least 60,000 | 59,999 | NOT met");
        assert_eq!(cells[4], "ahead | at least 3.00 times | 3.20 times | met");
    }
}
