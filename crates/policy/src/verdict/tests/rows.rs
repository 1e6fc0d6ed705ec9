//! One test for each row of the table and each header, as the contract says them.

use super::*;
use crate::{Reply, reply};

const ENDS: Retry = Retry::Never(Why::NotRetryable);

/// One outcome for each condition.
const CONDITIONS: [(Outcome, Condition); 3] = [
    (Outcome::Disconnected, Condition::ServerError),
    (Outcome::TimedOut, Condition::Timeout),
    (Outcome::Refused, Condition::ConnectionError),
];

#[track_caller]
fn check(outcome: Outcome, impact: Impact, retry: Retry) {
    let verdict = plain(&outcome);
    assert_eq!((verdict.impact, verdict.retry), (impact, retry), "{outcome:?}");
}

fn status(code: u16) -> Outcome {
    Outcome::Responded(answer(code))
}

fn again(condition: Option<Condition>, delay: Delay) -> Retry {
    Retry::Again { condition, delay }
}

fn after_death(condition: Condition) -> Retry {
    again(Some(condition), Delay::AfterDeath)
}

/// What is charged with a retry after `count` of each condition, or why there is none.
fn goes_on(
    outcome: &Outcome,
    caller: &Caller,
    rules: &Rules,
    count: u8,
) -> Result<Option<Condition>, Why> {
    let by_condition =
        PerCondition { server_error: count, timeout: count, connection_error: count };
    let spent = Spent { total: count, by_condition };
    match decide(&Attempted { call: Call::Queued, outcome, spent, caller, rules }).retry {
        Retry::Again { condition, .. } => Ok(condition),
        Retry::Never(why) => Err(why),
    }
}

#[test]
//= docs/contract.md#status-2xx
//= type=test
//# A 2XX MUST keep the runner, and completes the request.
fn a_2xx_keeps_the_runner() {
    for code in 200..=299 {
        check(status(code), Impact::Keep, ENDS);
    }
}

#[test]
//= docs/contract.md#status-3xx
//= type=test
//# A 3XX MUST be passed on verbatim, MUST NOT be followed, and keeps the runner.
fn a_3xx_keeps_the_runner() {
    for code in 300..=399 {
        check(status(code), Impact::Keep, ENDS);
        assert_eq!(reply(&status(code)), Reply::Verbatim);
    }
}

#[test]
//= docs/contract.md#status-4xx
//= type=test
//# A 4XX MUST keep the runner, and MUST NOT be retried.
fn a_4xx_keeps_the_runner_and_is_final() {
    for code in (400..=499).filter(|code| *code != 429) {
        check(status(code), Impact::Keep, ENDS);
    }
}

#[test]
//= docs/contract.md#status-429
//= type=test
//# A 429 MUST keep the runner.
//= docs/contract.md#status-429
//= type=test
//# A queued request that gets a 429 MUST be retried, after `Retry-After` where the runner sent one,
//# which counts for 300 seconds at most.
fn a_429_keeps_the_runner_and_goes_again_later() {
    check(status(429), Impact::Keep, again(None, Delay::Backoff));
    for (asked, granted) in [(0, 0), (7, 7), (300, 300), (301, 300), (u64::MAX, 300)] {
        let retry_after = Some(Duration::from_secs(asked));
        let outcome = Outcome::Responded(Answer { retry_after, ..answer(429) });
        let delay = Delay::After(Duration::from_secs(granted));
        check(outcome, Impact::Keep, again(None, delay));
    }
}

#[test]
//= docs/contract.md#status-429
//= type=test
//# With `retry_429 = false` it MUST NOT be retried.
fn an_app_can_turn_the_retry_of_a_429_off() {
    let rules = Rules { retry_429: false, ..Rules::default() };
    let (spent, caller) = (Spent::default(), &Caller::default());
    let (call, outcome) = (Call::Queued, &status(429));
    let verdict = decide(&Attempted { call, outcome, spent, caller, rules: &rules });
    assert_eq!(verdict.retry, ENDS);
}

#[test]
//= docs/contract.md#status-500
//= type=test
//# A 500 MUST start a TCP check of its runner, and MUST NOT be retried.
fn a_500_has_the_runner_checked_and_is_final() {
    check(status(500), Impact::Probe, ENDS);
}

#[test]
//= docs/contract.md#status-502
//= type=test
//# A 502 MUST start a TCP check of its runner, and MUST NOT be retried.
fn a_502_has_the_runner_checked_and_is_final() {
    check(status(502), Impact::Probe, ENDS);
}

#[test]
//= docs/contract.md#status-503
//= type=test
//# A 503 MUST end its runner at once, after a single one, and the runner is replaced.
//= docs/contract.md#status-503
//= type=test
//# A queued request that gets a 503 MUST be retried.
fn a_503_ends_the_runner_and_goes_again() {
    check(status(503), Impact::Terminate(Cause::Status503), after_death(Condition::ServerError));
}

#[test]
//= docs/contract.md#status-504
//= type=test
//# A 504 MUST start a TCP check of its runner, which is not ended by the status alone.
//= docs/contract.md#status-504
//= type=test
//# A queued request that gets a 504 MUST be retried.
fn a_504_has_the_runner_checked_and_goes_again() {
    let retry = again(Some(Condition::ServerError), Delay::Backoff);
    check(status(504), Impact::Probe, retry);
}

#[test]
//= docs/contract.md#status-other-5xx
//= type=test
//# Every other 5XX, and any status outside 100 to 599, MUST be treated as a 500.
fn any_other_number_is_a_500() {
    let others = [501].into_iter().chain(505..=599).chain(0..=199).chain([600, 999, u16::MAX]);
    for code in others {
        check(status(code), Impact::Probe, ENDS);
    }
}

#[test]
//= docs/contract.md#truncation
//= type=test
//# A response that its runner cut short MUST terminate the runner.
//= docs/contract.md#truncation
//= type=test
//# A queued request whose response was cut short MUST be retried.
fn an_answer_cut_short_ends_the_runner_and_goes_again() {
    let impact = Impact::Terminate(Cause::Truncated);
    check(Outcome::Truncated, impact, after_death(Condition::ServerError));
}

#[test]
//= docs/contract.md#crash
//= type=test
//# A connection that breaks while a request is in flight MUST terminate its runner.
//= docs/contract.md#crash
//= type=test
//# A queued request whose connection broke MUST be retried.
fn a_broken_connection_ends_the_runner_and_goes_again() {
    let impact = Impact::Terminate(Cause::Disconnected);
    check(Outcome::Disconnected, impact, after_death(Condition::ServerError));
}

#[test]
//= docs/contract.md#timeout
//= type=test
//# A runner that exceeds it MUST be terminated.
//= docs/contract.md#timeout
//= type=test
//# A queued request that exceeds it MUST be retried.
fn a_runner_that_is_late_is_ended_and_the_request_goes_again() {
    let impact = Impact::Terminate(Cause::TimedOut);
    check(Outcome::TimedOut, impact, after_death(Condition::Timeout));
}

#[test]
//= docs/contract.md#refused
//= type=test
//# A runner that refuses a connection, or does not accept one in time, MUST be terminated.
//= docs/contract.md#refused
//= type=test
//# A queued request that could not connect MUST be retried.
fn a_runner_that_cannot_be_reached_is_ended_and_the_request_goes_again() {
    for (outcome, cause) in [
        (Outcome::Refused, Cause::Refused),
        (Outcome::ConnectTimedOut, Cause::ConnectTimedOut),
        (Outcome::ConnectFailed, Cause::ConnectFailed),
    ] {
        check(outcome, Impact::Terminate(cause), after_death(Condition::ConnectionError));
    }
}

#[test]
//= docs/contract.md#abandoned
//= type=test
//# A caller that hangs up MUST NOT count as a fault of the runner, and the runner is kept.
fn a_caller_who_left_is_no_fault_of_the_runner() {
    check(Outcome::Abandoned, Impact::Keep, ENDS);
}

#[test]
//= docs/contract.md#queue-cancel
//= type=test
//# A cancelled request MUST NOT be retried.
fn a_cancelled_request_does_not_go_again() {
    check(Outcome::Cancelled, Impact::Keep, Retry::Never(Why::Cancelled));
}

#[test]
//= docs/contract.md#stop-runner
//= type=test
//# `x-fal-stop-runner` with `1` or `true` MUST terminate and replace the runner, whatever the
//# status.
fn a_stop_header_ends_the_runner_on_any_status() {
    for code in statuses() {
        let outcome = Outcome::Responded(Answer { stop_runner: Some(Flag::Yes), ..answer(code) });
        assert_eq!(plain(&outcome).impact, Impact::Terminate(Cause::StopHeader), "{code}");
    }
}

#[test]
//= docs/contract.md#stop-runner
//= type=test
//# `x-fal-stop-runner` with `0` or `false` MUST keep the runner, even on a 503.
fn a_stop_header_keeps_the_runner_even_on_a_503() {
    let outcome = Outcome::Responded(Answer { stop_runner: Some(Flag::No), ..answer(503) });
    check(outcome, Impact::Keep, again(Some(Condition::ServerError), Delay::Backoff));
}

#[test]
//= docs/contract.md#needs-retry
//= type=test
//# `X-Fal-Needs-Retry` with `1` or `true` MUST cause a retry of a queued request, whatever the
//# status.
//= docs/contract.md#retry-conditions
//= type=test
//# A forced retry counts in the total only.
fn a_retry_header_forces_a_retry_on_any_status() {
    for code in statuses() {
        let outcome = Outcome::Responded(Answer { needs_retry: Some(Flag::Yes), ..answer(code) });
        let retry = plain(&outcome).retry;
        assert!(matches!(retry, Retry::Again { condition: None, .. }), "{code}");
    }
}

#[test]
//= docs/contract.md#needs-retry
//= type=test
//# `X-Fal-Needs-Retry` with `0` or `false` MUST prevent it.
//= docs/contract.md#needs-retry
//= type=test
//# The header moves the request only, never the runner: a 503 with `0` MUST still end its runner.
fn a_retry_header_forbids_a_retry() {
    let outcome = Outcome::Responded(Answer { needs_retry: Some(Flag::No), ..answer(503) });
    check(outcome, Impact::Terminate(Cause::Status503), Retry::Never(Why::HeaderForbids));
}

#[test]
//= docs/contract.md#retry-conditions
//= type=test
//# A condition in `skip_retry_conditions` MUST NOT be retried.
fn a_skipped_condition_does_not_go_again() {
    for (outcome, condition) in CONDITIONS {
        for skipped in Condition::ALL {
            let mut rules = Rules::default();
            *rules.skip.get_mut(skipped) = true;
            let never = goes_on(&outcome, &Caller::default(), &rules, 0).is_err();
            assert_eq!(never, skipped == condition, "{outcome:?} with {skipped:?} skipped");
        }
    }
}

#[test]
//= docs/contract.md#retry-conditions
//= type=test
//# `X-Fal-Retry-Config`, and then the app's `retry_config`, MUST limit the retries of each
//# condition on its own.
fn each_condition_has_a_budget_of_its_own() {
    for (outcome, condition) in CONDITIONS {
        let mut rules = Rules::default();
        *rules.budgets.get_mut(condition) = Some(2);
        let mut own = PerCondition::default();
        *own.get_mut(condition) = Some(3);
        let silent = Caller::default();
        let others = Caller { no_retry: false, budgets: Some(PerCondition::default()) };
        let own = Caller { no_retry: false, budgets: Some(own) };
        for (caller, limit) in [(&silent, 2), (&others, 2), (&own, 3)] {
            assert_eq!(goes_on(&outcome, caller, &rules, limit - 1), Ok(Some(condition)));
            let spent = Err(Why::ConditionBudgetSpent);
            assert_eq!(goes_on(&outcome, caller, &rules, limit), spent);
        }
    }
}
