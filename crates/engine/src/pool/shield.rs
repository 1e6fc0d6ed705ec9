//! The shield against a runner that fails fast and so looks free: it must not attract more than its share.
//!
//! Every answer moves the runner's score towards failing or towards serving. One that nearly always fails, while
//! the others nearly always serve, is sent off for a while and then tried with one request at a time. An app
//! whose runners all fail alike keeps them all: the fault is not theirs.

use std::time::Duration;

/// The score of a runner all of whose answers fail, in thousandths.
const ALL: u32 = 1_000;
/// From here on a runner nearly always fails.
const BAD: u32 = 800;
/// Up to here the others, on average, nearly always serve.
const GOOD: u32 = 350;
/// Answers before anything is concluded.
const FEWEST: u32 = 5;
/// The weight of the newest answer, as a divisor.
const NEWEST: u32 = 5;
/// For how long a runner is sent off the first time; doubles with each further time.
const FIRST: Duration = Duration::from_secs(1);
/// For how long at most.
const LONGEST: Duration = Duration::from_secs(30);

/// How a runner has answered lately.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Score {
    failing: u32,
    answers: u32,
}

/// What an answer says about the runner that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    /// It did useful work, or said why the request was wrong.
    Served,
    /// It failed.
    Failed,
}

impl Score {
    /// The share of failures among the latest answers, in thousandths.
    pub(super) const fn failing(self) -> u32 {
        self.failing
    }

    pub(super) const fn note(&mut self, sign: Sign) {
        let newest = match sign {
            Sign::Served => 0,
            Sign::Failed => ALL,
        };
        self.failing = (self.failing * (NEWEST - 1) + newest) / NEWEST;
        self.answers = self.answers.saturating_add(1);
    }

    /// Whether this runner fails where the others, whose average this is, do not.
    pub(super) const fn stands_out(self, others: u32) -> bool {
        self.answers >= FEWEST && self.failing >= BAD && others <= GOOD
    }
}

/// For how long a runner is sent off that was sent off so often in a row before.
pub(super) fn time_off(rounds: u32) -> Duration {
    FIRST.saturating_mul(1 << rounds.min(10)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(signs: &[Sign]) -> Score {
        let mut score = Score::default();
        signs.iter().for_each(|sign| score.note(*sign));
        score
    }

    #[test]
    fn one_that_always_fails_stands_out_among_those_that_serve_and_not_among_its_like() {
        let failing = after(&[Sign::Failed; 10]);
        assert!(failing.stands_out(0));
        assert!(!failing.stands_out(600));
        assert!(!after(&[Sign::Failed; 4]).stands_out(0), "too early to tell");
        assert!(!after(&[Sign::Served; 9]).stands_out(0));
    }

    #[test]
    fn a_success_now_and_then_keeps_a_runner() {
        let mixed: Vec<_> = [Sign::Failed, Sign::Failed, Sign::Served].repeat(20);
        let mut score = Score::default();
        for sign in mixed {
            score.note(sign);
            assert!(!score.stands_out(0), "{score:?}");
        }
    }

    #[test]
    fn time_off_doubles_up_to_a_bound() {
        let seconds: Vec<_> = (0..7).map(|rounds| time_off(rounds).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(time_off(u32::MAX), LONGEST);
    }
}
