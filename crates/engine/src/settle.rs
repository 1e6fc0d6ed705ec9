//! The one place where the cores' words are translated into each other.
//!
//! The policy's verdict becomes an event for the runner's machine and a ruling for the ticket's.

use fal_lifecycle::{Cause, Event};
use fal_policy::{Attempted, Call, Caller, Delay, Impact, Outcome, Retry, Rules, Verdict, Why};
use fal_queue::{Backoff, Ending, Ruling, Ticket};
use fal_types::{Moment, Problem, Status};

use crate::{Reported, pool::Sign};

/// What a verdict makes the runner's machine hear, if anything.
pub(crate) fn event(impact: Impact) -> Option<Event> {
    match impact {
        Impact::Keep => None,
        Impact::Probe => Some(Event::ProbeWanted),
        Impact::Terminate(cause) => Some(Event::Condemned(translate(cause))),
    }
}

pub(crate) const fn translate(cause: fal_policy::Cause) -> Cause {
    match cause {
        fal_policy::Cause::Status503 => Cause::Status503,
        fal_policy::Cause::StopHeader => Cause::StopHeader,
        fal_policy::Cause::Disconnected => Cause::Disconnected,
        fal_policy::Cause::Truncated => Cause::Truncated,
        fal_policy::Cause::TimedOut => Cause::RequestTimedOut,
        fal_policy::Cause::Refused => Cause::Refused,
        fal_policy::Cause::ConnectTimedOut => Cause::ConnectTimedOut,
        fal_policy::Cause::ConnectFailed => Cause::ConnectFailed,
    }
}

/// The verdict on an attempt at a direct call.
pub(crate) fn direct(reported: &Reported, rules: &Rules) -> Verdict {
    let caller = Caller::default();
    let outcome = &reported.outcome;
    let spent = fal_types::Spent::default();
    fal_policy::decide(&Attempted { call: Call::Direct, outcome, spent, caller: &caller, rules })
}

/// The verdict on an attempt at a queued request.
pub(crate) fn queued(reported: &Reported, ticket: &Ticket, rules: &Rules) -> Verdict {
    let caller = Caller { no_retry: ticket.caller.no_retry, budgets: ticket.caller.budgets };
    let (outcome, spent) = (&reported.outcome, ticket.spent);
    fal_policy::decide(&Attempted { call: Call::Queued, outcome, spent, caller: &caller, rules })
}

/// The verdict where the caller has cancelled meanwhile: what the attempt means for the runner stays, and the
/// request does not go again.
pub(crate) const fn cancelled(verdict: &Verdict) -> Verdict {
    Verdict { retry: Retry::Never(Why::Cancelled), ..*verdict }
}

/// What becomes of a ticket: it goes again after a while, or ends with what the attempt left.
pub(crate) fn ruling(
    verdict: &Verdict,
    reported: &Reported,
    ticket: &Ticket,
    wait: &Wait<'_>,
) -> Ruling {
    match &verdict.retry {
        Retry::Again { condition, delay } => {
            Ruling::Again { charge: *condition, not_before: wait.until(*delay, ticket) }
        }
        Retry::Never(Why::Cancelled) if !matches!(reported.outcome, Outcome::Responded(_)) => {
            Ruling::Finish(Ending::Cancelled)
        }
        //= docs/contract.md#dead-letters
        //# A request that ends because it has had all its retries MUST be kept as a dead letter,
        //# with its input.
        Retry::Never(Why::BudgetSpent | Why::ConditionBudgetSpent) => {
            Ruling::Exhaust(ending(reported))
        }
        Retry::Never(_) => Ruling::Finish(ending(reported)),
    }
}

/// Whether an attempt ended because its runner went away.
pub(crate) const fn is_broken(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Disconnected
        | Outcome::Truncated
        | Outcome::Refused
        | Outcome::ConnectTimedOut
        | Outcome::ConnectFailed => true,
        Outcome::Responded(_) | Outcome::TimedOut | Outcome::Abandoned | Outcome::Cancelled => {
            false
        }
    }
}

/// What an outcome says about the runner, for the shield. What ends a runner needs no shield, and what its caller
/// did says nothing of it.
pub(crate) fn sign(outcome: &Outcome) -> Option<Sign> {
    let answer = outcome.answer()?;
    match answer.status.code() {
        503 => None,
        500.. => Some(Sign::Failed),
        0..=499 => Some(Sign::Served),
    }
}

//= docs/contract.md#queue-result
//# After the last attempt the result MUST be the runner's last response, or the platform error of the last outcome where there was none.
fn ending(reported: &Reported) -> Ending {
    match (&reported.outcome, reported.problem) {
        (_, Some(problem)) => Ending::Failed(problem),
        (Outcome::Responded(answer), None) => Ending::Responded(answer.status),
        (outcome, None) => match fal_policy::reply(outcome) {
            fal_policy::Reply::Platform(problem) => Ending::Failed(problem),
            fal_policy::Reply::Verbatim => {
                Ending::Responded(Status::new(Problem::Internal.status().code()))
            }
        },
    }
}

/// How long a retry waits: the clock, the app's backoff, and a number drawn for its jitter.
#[derive(Debug)]
pub(crate) struct Wait<'a> {
    pub(crate) now: Moment,
    pub(crate) backoff: &'a Backoff,
    pub(crate) roll: u64,
    pub(crate) mourning: Mourning,
}

/// Whether a request has gone again before because its runner died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mourning {
    First,
    Again,
}

impl Wait<'_> {
    fn until(&self, delay: Delay, ticket: &Ticket) -> Moment {
        match delay {
            //= docs/contract.md#retry-after-death
            //# The first retry after a runner's death MUST NOT wait for backoff.
            Delay::AfterDeath if self.mourning == Mourning::First => self.now,
            Delay::AfterDeath | Delay::Backoff => {
                self.now + self.backoff.delay(ticket.spent.total, self.roll)
            }
            Delay::After(wait) => self.now + wait,
        }
    }
}
