//! What an attempt means for its request: the rules of retrying, in the order in which they count.

use std::time::Duration;

use fal_types::Condition;

use crate::{Attempted, Call, Flag, Impact, Outcome, Row, headers::LONGEST_RETRY_AFTER};

//= docs/contract.md#retry-budget
//# A request MUST NOT have more than ten retries, which makes eleven attempts.
/// The retries that a request gets after its first attempt, whatever causes them.
pub const MAX_RETRIES: u8 = 10;

/// What becomes of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Retry {
    /// It has ended.
    Never(Why),
    /// It goes again, and is charged with one retry.
    Again {
        /// The condition that is charged besides the total; `None` for a forced retry and a 429.
        condition: Option<Condition>,
        /// How long it waits.
        delay: Delay,
    },
}

/// Why a request does not go again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// It is a direct call.
    Direct,
    /// It was cancelled.
    Cancelled,
    /// Nothing asks for a retry: neither its row of the table nor a header.
    NotRetryable,
    /// Its caller forbids retries.
    CallerForbids,
    /// It has had all its retries.
    BudgetSpent,
    /// The runner's `X-Fal-Needs-Retry` forbids it.
    HeaderForbids,
    /// The app does not retry this condition.
    ConditionSkipped,
    /// It has had all its retries of this condition.
    ConditionBudgetSpent,
}

/// How long a retry waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Delay {
    /// Its runner is gone: the first such retry goes at once, later ones after the backoff.
    AfterDeath,
    /// The ordinary backoff.
    Backoff,
    /// What the runner asked for, 300 seconds at most.
    After(Duration),
}

impl Why {
    /// The clause of `docs/contract.md` behind the reason. Where nothing asked for a retry it is the
    /// one on precedence, which ends with the status; a [`Verdict`](crate::Verdict) names the status.
    #[must_use]
    pub const fn clause(self) -> &'static str {
        match self {
            Self::Direct => "direct-never-retried",
            Self::Cancelled => "queue-cancel",
            Self::NotRetryable => "retry-precedence",
            Self::CallerForbids => "no-retry",
            Self::BudgetSpent => "retry-budget",
            Self::HeaderForbids => "needs-retry",
            Self::ConditionSkipped | Self::ConditionBudgetSpent => "retry-conditions",
        }
    }
}

/// What the outcome means for the request. A rule that forbids is named only where there was
/// something to forbid: a 200 ends because it is a 200, whatever its caller says about retries.
//= docs/contract.md#retry-precedence
//# The first of these rules that applies MUST decide: the caller's `X-Fal-No-Retry`, the retry
//# budget, `X-Fal-Needs-Retry`, the app's `skip_retry_conditions`, the budget of the condition, the
//# status.
pub(crate) fn judge(attempted: &Attempted<'_>, row: Row, impact: Impact) -> Retry {
    let header = needs_retry(attempted.outcome);
    //= docs/contract.md#direct-never-retried
    //# A direct call MUST NOT be retried, whatever happened and whatever its headers say.
    if attempted.call == Call::Direct {
        return Retry::Never(Why::Direct);
    }
    //= docs/contract.md#queue-cancel
    //# A cancelled request MUST NOT be retried.
    if row == Row::Cancelled {
        return Retry::Never(Why::Cancelled);
    }
    if header != Some(Flag::Yes) && !table_retries(attempted, row) {
        return Retry::Never(Why::NotRetryable);
    }
    //= docs/contract.md#no-retry
    //# `X-Fal-No-Retry` with `1`, `true` or `yes` MUST forbid every retry of the request.
    if attempted.caller.no_retry {
        return Retry::Never(Why::CallerForbids);
    }
    //= docs/contract.md#retry-budget
    //# Every automatic retry MUST count against the budget, whatever caused it.
    if attempted.spent.total >= MAX_RETRIES {
        return Retry::Never(Why::BudgetSpent);
    }
    let delay = delay(attempted.outcome, row, impact);
    match header {
        //= docs/contract.md#needs-retry
        //# `X-Fal-Needs-Retry` with `1` or `true` MUST cause a retry of a queued request, whatever
        //# the status.
        Some(Flag::Yes) => {
            //= docs/contract.md#retry-conditions
            //# A forced retry counts in the total only.
            Retry::Again { condition: None, delay }
        }
        //= docs/contract.md#needs-retry
        //# `X-Fal-Needs-Retry` with `0` or `false` MUST prevent it.
        Some(Flag::No) => Retry::Never(Why::HeaderForbids),
        None => by_condition(attempted, row.condition(), delay),
    }
}

const fn needs_retry(outcome: &Outcome) -> Option<Flag> {
    match outcome.answer() {
        Some(answer) => answer.needs_retry,
        None => None,
    }
}

fn table_retries(attempted: &Attempted<'_>, row: Row) -> bool {
    //= docs/contract.md#status-429
    //# With `retry_429 = false` it MUST NOT be retried.
    row.condition().is_some() || row == Row::TooManyRequests && attempted.rules.retry_429
}

fn by_condition(attempted: &Attempted<'_>, condition: Option<Condition>, delay: Delay) -> Retry {
    let Some(named) = condition else {
        return Retry::Again { condition, delay };
    };
    //= docs/contract.md#retry-conditions
    //# A condition in `skip_retry_conditions` MUST NOT be retried.
    if *attempted.rules.skip.get(named) {
        return Retry::Never(Why::ConditionSkipped);
    }
    let spent = *attempted.spent.by_condition.get(named);
    if budget(attempted, named).is_some_and(|budget| spent >= budget) {
        return Retry::Never(Why::ConditionBudgetSpent);
    }
    Retry::Again { condition, delay }
}

/// The retries that a condition has of its own; `None` leaves it only the budget of the request.
//= docs/contract.md#retry-conditions
//# `X-Fal-Retry-Config`, and then the app's `retry_config`, MUST limit the retries of each condition
//# on its own.
fn budget(attempted: &Attempted<'_>, condition: Condition) -> Option<u8> {
    let callers = attempted.caller.budgets.as_ref().and_then(|budgets| *budgets.get(condition));
    callers.or(*attempted.rules.budgets.get(condition))
}

//= docs/contract.md#status-429
//# A queued request that gets a 429 MUST be retried, after `Retry-After` where the runner sent one,
//# which counts for 300 seconds at most.
fn delay(outcome: &Outcome, row: Row, impact: Impact) -> Delay {
    let asked = outcome.answer().and_then(|answer| answer.retry_after);
    match (row, asked, impact) {
        (Row::TooManyRequests, Some(wait), _) => Delay::After(wait.min(LONGEST_RETRY_AFTER)),
        (_, _, Impact::Terminate(_)) => Delay::AfterDeath,
        (_, _, Impact::Keep | Impact::Probe) => Delay::Backoff,
    }
}
