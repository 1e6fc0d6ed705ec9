//! What holds for every attempt, tried on all of them.

use super::*;

/// Every outcome that differs from another in what the policy reads.
fn outcomes() -> impl Iterator<Item = Outcome> {
    let answers = statuses().into_iter().flat_map(|code| {
        FLAGS.into_iter().flat_map(move |(_, needs_retry)| {
            FLAGS.into_iter().map(move |(_, stop_runner)| {
                Outcome::Responded(Answer { needs_retry, stop_runner, ..answer(code) })
            })
        })
    });
    answers.chain(SILENT.into_iter().map(|(_, outcome)| outcome))
}

fn again(verdict: Verdict) -> bool {
    matches!(verdict.retry, Retry::Again { .. })
}

#[test]
//= docs/contract.md#direct-never-retried
//= type=test
//# A direct call MUST NOT be retried, whatever happened and whatever its headers say.
fn a_direct_call_never_goes_again() {
    for outcome in outcomes() {
        for total in 0..=u8::MAX {
            let verdict = judged(Call::Direct, &outcome, spent(total), &Caller::default());
            assert_eq!(verdict.retry, Retry::Never(Why::Direct), "{outcome:?}");
        }
    }
}

#[test]
fn a_direct_call_moves_its_runner_as_a_queued_one_does() {
    for outcome in outcomes() {
        let direct = judged(Call::Direct, &outcome, Spent::default(), &Caller::default());
        assert_eq!(direct.impact, plain(&outcome).impact, "{outcome:?}");
    }
}

#[test]
//= docs/contract.md#no-retry
//= type=test
//# `X-Fal-No-Retry` with `1`, `true` or `yes` MUST forbid every retry of the request.
fn a_caller_that_forbids_retries_gets_none() {
    let caller = Caller { no_retry: true, budgets: None };
    for outcome in outcomes() {
        assert!(!again(judged(Call::Queued, &outcome, Spent::default(), &caller)), "{outcome:?}");
    }
}

#[test]
//= docs/contract.md#retry-precedence
//= type=test
//# The first of these rules that applies MUST decide: the caller's `X-Fal-No-Retry`, the retry
//# budget, `X-Fal-Needs-Retry`, the app's `skip_retry_conditions`, the budget of the condition, the
//# status.
fn each_rule_yields_to_those_before_it() {
    let all = PerCondition { server_error: Some(0), timeout: Some(0), connection_error: Some(0) };
    let skipped = PerCondition { server_error: true, timeout: true, connection_error: true };
    let mut caller = Caller { no_retry: true, budgets: Some(all) };
    let mut rules = Rules { skip: skipped, ..Rules::default() };
    let mut answer = Answer { needs_retry: Some(Flag::No), ..answer(503) };
    let mut spent = spent(MAX_RETRIES);
    let check = |caller: &Caller, rules: &Rules, answer: Answer, spent, expected| {
        let outcome = &Outcome::Responded(answer);
        let verdict = decide(&Attempted { call: Call::Queued, outcome, spent, caller, rules });
        assert_eq!(verdict.retry, expected);
    };
    check(&caller, &rules, answer, spent, Retry::Never(Why::CallerForbids));
    caller.no_retry = false;
    check(&caller, &rules, answer, spent, Retry::Never(Why::BudgetSpent));
    spent.total = MAX_RETRIES - 1;
    check(&caller, &rules, answer, spent, Retry::Never(Why::HeaderForbids));
    answer.needs_retry = Some(Flag::Yes);
    let forced = Retry::Again { condition: None, delay: Delay::AfterDeath };
    check(&caller, &rules, answer, spent, forced);
    answer.needs_retry = None;
    check(&caller, &rules, answer, spent, Retry::Never(Why::ConditionSkipped));
    rules.skip = PerCondition::default();
    check(&caller, &rules, answer, spent, Retry::Never(Why::ConditionBudgetSpent));
    caller.budgets = None;
    let condition = Some(Condition::ServerError);
    let tabled = Retry::Again { condition, delay: Delay::AfterDeath };
    check(&caller, &rules, answer, spent, tabled);
}

#[test]
//= docs/contract.md#retry-budget
//= type=test
//# A request MUST NOT have more than ten retries, which makes eleven attempts.
fn whatever_keeps_failing_ends_after_eleven_attempts() {
    for outcome in outcomes().filter(|outcome| again(plain(outcome))) {
        let mut spent = Spent::default();
        let mut attempts = 1;
        while let Retry::Again { condition, .. } =
            judged(Call::Queued, &outcome, spent, &Caller::default()).retry
        {
            spent = spent.charge(condition);
            attempts += 1;
            assert!(attempts <= 11, "{outcome:?} goes on");
        }
        assert_eq!((attempts, spent.total), (11, MAX_RETRIES), "{outcome:?}");
    }
}

#[test]
//= docs/contract.md#retry-budget
//= type=test
//# Every automatic retry MUST count against the budget, whatever caused it.
fn nothing_goes_again_once_the_budget_is_spent() {
    for outcome in outcomes() {
        for total in MAX_RETRIES..=u8::MAX {
            let verdict = judged(Call::Queued, &outcome, spent(total), &Caller::default());
            assert!(!again(verdict), "{outcome:?} after {total}");
        }
    }
}

#[test]
//= docs/contract.md#needs-retry
//= type=test
//# The header moves the request only, never the runner: a 503 with `0` MUST still end its runner.
fn the_retry_header_moves_the_request_only() {
    for code in statuses() {
        for (_, stop_runner) in FLAGS {
            let of = |needs_retry| {
                plain(&Outcome::Responded(Answer { needs_retry, stop_runner, ..answer(code) }))
            };
            let without = of(None);
            assert_eq!(of(Some(Flag::Yes)).impact, without.impact, "{code}");
            assert_eq!(of(Some(Flag::No)).impact, without.impact, "{code}");
            assert!(again(of(Some(Flag::Yes))), "{code}");
            assert!(!again(of(Some(Flag::No))), "{code}");
        }
    }
}

#[test]
//= docs/contract.md#stop-runner
//= type=test
//# The header moves the runner only, never the request.
fn the_stop_header_moves_the_runner_only() {
    for code in statuses() {
        for (_, needs_retry) in FLAGS {
            let of = |stop_runner| {
                plain(&Outcome::Responded(Answer { needs_retry, stop_runner, ..answer(code) }))
            };
            let without = of(None);
            let (stopped, kept) = (of(Some(Flag::Yes)), of(Some(Flag::No)));
            assert_eq!(stopped.impact, Impact::Terminate(Cause::StopHeader), "{code}");
            assert!(!matches!(kept.impact, Impact::Terminate(_)), "{code}");
            assert_eq!(charge(stopped.retry), charge(without.retry), "{code}");
            assert_eq!(charge(kept.retry), charge(without.retry), "{code}");
        }
    }
}

/// A retry without its wait, which may well depend on the runner.
fn charge(retry: Retry) -> Result<Option<Condition>, Why> {
    match retry {
        Retry::Never(why) => Err(why),
        Retry::Again { condition, .. } => Ok(condition),
    }
}

#[test]
fn a_retry_skips_the_backoff_exactly_when_its_runner_is_gone() {
    for outcome in outcomes() {
        let verdict = plain(&outcome);
        if let Retry::Again { delay, .. } = verdict.retry {
            let gone = matches!(verdict.impact, Impact::Terminate(_));
            assert_eq!(delay == Delay::AfterDeath, gone, "{outcome:?}");
        }
    }
}

#[test]
fn only_the_table_or_its_header_ends_a_runner_that_answers() {
    for code in statuses().into_iter().filter(|code| *code != 503) {
        let impact = plain(&Outcome::Responded(answer(code))).impact;
        assert!(!matches!(impact, Impact::Terminate(_)), "{code}");
    }
}
