//! What is kept of an attempt: the cores' decisions in words.

use std::borrow::Cow;

use fal_policy::{Delay, Impact, Outcome, Retry, Verdict, Why};
use fal_queue::{Ruling, Told};
use fal_types::RunnerId;

use crate::{Reported, settle};

/// An attempt that its runner has answered, or not.
pub(crate) fn of(
    runner: RunnerId,
    verdict: &Verdict,
    reported: &Reported,
    exception: Option<Exception>,
) -> Told {
    let (said, clause) = match exception {
        None => (request(&verdict.retry), verdict.request_clause()),
        Some(exception) => exception.words(),
    };
    Told {
        runner: Some(runner),
        outcome: outcome(&reported.outcome),
        verdict: said,
        clause: Cow::Borrowed(clause),
        fate: fate(verdict.impact),
        fate_clause: Cow::Borrowed(verdict.runner_clause()),
    }
}

/// Why the policy's verdict on a request does not stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exception {
    /// The runner was told to go, by a reload or by the end of the platform.
    Going,
    /// It was at too many deaths of runners.
    Contained,
    /// It is to be found out whether it is what ends runners.
    Suspected,
}

impl Exception {
    /// The exception that containment made with this ruling.
    pub(crate) const fn contained(ruling: Ruling) -> Self {
        match ruling {
            Ruling::Finish(_) | Ruling::Exhaust(_) => Self::Contained,
            Ruling::Again { .. } | Ruling::GiveBack => Self::Suspected,
        }
    }

    const fn words(self) -> (Cow<'static, str>, &'static str) {
        match self {
            Self::Going => (Cow::Borrowed("again uncharged"), "reload"),
            Self::Contained => (Cow::Borrowed("ends contained"), "poison"),
            Self::Suspected => (Cow::Borrowed("again alone"), "poison"),
        }
    }
}

/// An attempt that was given back before it reached a runner.
pub(crate) const fn unsent() -> Told {
    Told {
        runner: None,
        outcome: Cow::Borrowed("unsent"),
        verdict: Cow::Borrowed("again uncharged"),
        clause: Cow::Borrowed("queue-order"),
        fate: Cow::Borrowed("none"),
        fate_clause: Cow::Borrowed(""),
    }
}

fn outcome(outcome: &Outcome) -> Cow<'static, str> {
    Cow::Borrowed(match outcome {
        Outcome::Responded(answer) => return format!("responded {}", answer.status.code()).into(),
        Outcome::Truncated => "truncated",
        Outcome::Disconnected => "disconnected",
        Outcome::TimedOut => "timed_out",
        Outcome::Refused => "refused",
        Outcome::ConnectTimedOut => "connect_timed_out",
        Outcome::ConnectFailed => "connect_failed",
        Outcome::Abandoned => "abandoned",
        Outcome::Cancelled => "cancelled",
    })
}

fn request(retry: &Retry) -> Cow<'static, str> {
    Cow::Borrowed(match retry {
        Retry::Again { delay: Delay::AfterDeath, .. } => "again after_death",
        Retry::Again { delay: Delay::Backoff, .. } => "again backoff",
        Retry::Again { delay: Delay::After(wait), .. } => {
            return format!("again after_{}s", wait.as_secs()).into();
        }
        Retry::Never(Why::Direct) => "ends direct",
        Retry::Never(Why::Cancelled) => "ends cancelled",
        Retry::Never(Why::NotRetryable) => "ends final",
        Retry::Never(Why::CallerForbids) => "ends caller_forbids",
        Retry::Never(Why::BudgetSpent) => "ends budget_spent",
        Retry::Never(Why::HeaderForbids) => "ends header_forbids",
        Retry::Never(Why::ConditionSkipped) => "ends condition_skipped",
        Retry::Never(Why::ConditionBudgetSpent) => "ends condition_budget_spent",
    })
}

fn fate(impact: Impact) -> Cow<'static, str> {
    match impact {
        Impact::Keep => Cow::Borrowed("kept"),
        Impact::Probe => Cow::Borrowed("checked"),
        Impact::Terminate(cause) => format!("ended {}", settle::translate(cause).name()).into(),
    }
}

#[cfg(test)]
mod tests {
    use fal_policy::{Answer, Attempted, Call, Caller, Rules, decide};
    use fal_types::{Spent, Status};

    use super::*;

    /// What is told of an attempt that ended so, word by word.
    fn words(outcome: Outcome, spent: u8, exception: Option<Exception>) -> String {
        let spent = Spent { total: spent, ..Spent::default() };
        let (caller, rules) = (&Caller::default(), &Rules::default());
        let verdict =
            decide(&Attempted { call: Call::Queued, outcome: &outcome, spent, caller, rules });
        let reported = Reported { outcome, health_wanted: false, problem: None, hints: None };
        let told = of(RunnerId::new(7, 1), &verdict, &reported, exception);
        let Told { outcome, verdict, clause, fate, fate_clause, .. } = told;
        format!("{outcome} | {verdict} | {clause} | {fate} | {fate_clause}")
    }

    fn answered(code: u16) -> Outcome {
        Outcome::Responded(Answer::new(Status::new(code)))
    }

    #[test]
    fn both_verdicts_are_told_with_their_clauses() {
        for (outcome, expected) in [
            (answered(200), "responded 200 | ends final | status-2xx | kept | status-2xx"),
            (answered(500), "responded 500 | ends final | status-500 | checked | status-500"),
            (
                answered(503),
                "responded 503 | again after_death | status-503 | ended status_503 | status-503",
            ),
            (answered(504), "responded 504 | again backoff | status-504 | checked | status-504"),
            (
                Outcome::TimedOut,
                "timed_out | again after_death | timeout | ended request_timed_out | timeout",
            ),
            (
                Outcome::Disconnected,
                "disconnected | again after_death | crash | ended disconnected | crash",
            ),
        ] {
            assert_eq!(words(outcome, 0, None), expected);
        }
    }

    #[test]
    fn a_spent_budget_and_an_exception_are_told_instead() {
        let spent =
            "responded 503 | ends budget_spent | retry-budget | ended status_503 | status-503";
        assert_eq!(words(answered(503), 10, None), spent);
        let contained = words(Outcome::Disconnected, 0, Some(Exception::Contained));
        assert_eq!(
            contained,
            "disconnected | ends contained | poison | ended disconnected | crash"
        );
        let going = words(Outcome::Disconnected, 0, Some(Exception::Going));
        assert_eq!(going, "disconnected | again uncharged | reload | ended disconnected | crash");
    }
}
