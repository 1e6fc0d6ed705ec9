//! Which requests go again, how often, and when.

use fal_tests::{App, Platform, Queued, Request, Timer, Value, json};

fn lab() -> App {
    App::unruly().set("min_concurrency", 1)
}

/// The attempts that a request had when it ended with `status`.
#[track_caller]
fn check(queued: &Queued<'_>, status: u16, attempts: usize) {
    let result = queued.wait();
    assert_eq!(result.status, status, "{}", result.text());
    queued.had_attempts(attempts);
}

/// An answer with `X-Fal-Needs-Retry`.
fn needs_retry(status: u16, value: &str) -> Value {
    json!({ "status": status, "headers": { "x-fal-needs-retry": value } })
}

//= docs/contract.md#needs-retry
//= type=test
//# `X-Fal-Needs-Retry` with `1` or `true` MUST cause a retry of a queued request, whatever the status.
#[test]
fn needs_retry_causes_a_retry_whatever_the_status() {
    let platform = Platform::serving(lab());
    for (status, value) in
        [(200, "1"), (404, "true"), (500, "TRUE"), (302, "1"), (429, "1"), (504, "1")]
    {
        check(&platform.submit(&json!({ "script": [needs_retry(status, value)] })), 200, 2);
    }
    assert_eq!(platform.lab().starts().len(), 1, "the header moves no runner");
}

//= docs/contract.md#needs-retry
//= type=test
//# `X-Fal-Needs-Retry` with `0` or `false` MUST prevent it.
//= docs/contract.md#needs-retry
//= type=test
//# The header moves the request only, never the runner: a 503 with `0` MUST still end its runner.
#[test]
fn needs_retry_prevents_a_retry_and_saves_no_runner() {
    let platform = Platform::serving(lab());
    for (status, value) in [(504, "0"), (429, "false"), (504, "False")] {
        check(&platform.submit(&needs_retry(status, value)), status, 1);
    }
    let before = platform.only_runner();
    assert_eq!(platform.lab().starts(), [before]);
    check(&platform.submit(&needs_retry(503, "0")), 503, 1);
    platform.replaced(before);
}

//= docs/contract.md#needs-retry
//= type=test
//# Any other value MUST be ignored.
#[test]
fn needs_retry_with_any_other_value_is_ignored() {
    let platform = Platform::serving(lab());
    for value in ["yes", "2", "", "maybe"] {
        check(&platform.submit(&needs_retry(200, value)), 200, 1);
        check(&platform.submit(&json!({ "script": [needs_retry(504, value)] })), 200, 2);
    }
}

//= docs/contract.md#no-retry
//= type=test
//# `X-Fal-No-Retry` with `1`, `true` or `yes` MUST forbid every retry of the request.
#[test]
fn the_callers_word_forbids_every_retry() {
    let platform = Platform::serving(lab());
    for value in ["1", "true", "yes", "YES"] {
        check(&platform.submit_with("x-fal-no-retry", value, &json!({ "status": 504 })), 504, 1);
    }
    check(&platform.submit_with("x-fal-no-retry", "1", &json!({ "status": 503 })), 503, 1);
    check(&platform.submit_with("x-fal-no-retry", "1", &json!({ "status": 429 })), 429, 1);
    let crashed = platform.submit_with("x-fal-no-retry", "1", &json!({ "crash": "kill" }));
    crashed.wait().is_problem(503, "runner_disconnected");
    crashed.had_attempts(1);
    let goes_again = json!({ "script": [{ "status": 504 }] });
    for value in ["0", "no", "false"] {
        check(&platform.submit_with("x-fal-no-retry", value, &goes_again), 200, 2);
    }
}

//= docs/contract.md#retry-precedence
//= type=test
//# The first of these rules that applies MUST decide: the caller's `X-Fal-No-Retry`, the retry budget, `X-Fal-Needs-Retry`, the app's `skip_retry_conditions`, the budget of the condition, the status.
#[test]
fn the_first_rule_that_applies_decides() {
    let app = lab().set("skip_retry_conditions", "[\"server_error\"]").set("request_timeout", 0.5);
    let app = app.set("retry_config", "{ timeout = { retries = 0 } }");
    let platform = Platform::serving(app);
    let forced = needs_retry(200, "1");
    // The caller's word beats the runner's.
    check(&platform.submit_with("x-fal-no-retry", "1", &forced), 200, 1);
    // The budget beats the runner's word.
    check(&platform.submit(&forced), 200, 11);
    // The runner's word beats the app's list of conditions.
    check(&platform.submit(&json!({ "script": [needs_retry(504, "1")] })), 200, 2);
    // The list beats the caller's budget of the condition.
    let budget = r#"{"server_error": {"retries": 5}}"#;
    check(&platform.submit_with("x-fal-retry-config", budget, &json!({ "status": 504 })), 504, 1);
    // The budget of a condition beats the table.
    let late = platform.submit(&json!({ "hold": "never" }));
    late.wait().is_problem(504, "request_timeout");
    late.had_attempts(1);
}

//= docs/contract.md#retry-budget
//= type=test
//# A request MUST NOT have more than ten retries, which makes eleven attempts.
//= docs/contract.md#queue-result
//= type=test
//# After the last attempt the result MUST be the runner's last response, or the platform error of the last outcome where there was none.
#[test]
fn a_503_is_retried_ten_times_and_the_last_one_is_the_result() {
    let platform = Platform::serving(lab());
    let queued = platform.submit(&json!({ "status": 503, "headers": { "x-mine": "yes" } }));
    let result = queued.wait().is(503);
    queued.had_attempts(11);
    assert_eq!(queued.record()["retries"], 10);
    assert_eq!(
        (result.json()["attempt"].as_u64(), result.header("x-mine")),
        (Some(11), Some("yes"))
    );
    let mut pids = queued.attempts();
    assert_eq!(pids.last(), Some(&result.pid()));
    pids.sort_unstable();
    pids.dedup();
    assert_eq!(pids.len(), 11, "each attempt had a runner of its own");
}

//= docs/contract.md#queue-result
//= type=test
//# After the last attempt the result MUST be the runner's last response, or the platform error of the last outcome where there was none.
#[test]
fn the_result_of_eleven_crashes_is_the_platforms_error() {
    let platform = Platform::serving(lab());
    let queued = platform.submit(&json!({ "script": [{ "status": 503 }], "crash": "kill" }));
    queued.wait().is_problem(503, "runner_disconnected");
    queued.had_attempts(11);
}

//= docs/contract.md#retry-budget
//= type=test
//# Every automatic retry MUST count against the budget, whatever caused it.
#[test]
fn every_retry_counts_whatever_caused_it() {
    let platform = Platform::serving(lab());
    let script = [
        json!({ "status": 429 }),
        json!({ "status": 504 }),
        needs_retry(200, "1"),
        json!({ "status": 503 }),
        json!({ "crash": "kill" }),
        json!({ "body_bytes": 10, "truncate_at": 5 }),
        json!({ "status": 429 }),
    ];
    let queued = platform.submit(&json!({ "script": script, "status": 504 }));
    check(&queued, 504, 11);
    assert_eq!(queued.record()["retries"], 10);
}

//= docs/contract.md#retry-conditions
//= type=test
//# A condition in `skip_retry_conditions` MUST NOT be retried.
//= docs/contract.md#retry-conditions
//= type=test
//# The conditions are `server_error` for 503, 504, a crash and a cut response, `timeout` for `request_timeout`, and `connection_error` for a connection that could not be made.
#[test]
fn a_condition_that_the_app_skips_is_not_retried() {
    let skip = "[\"server_error\", \"timeout\", \"connection_error\"]";
    let platform =
        Platform::serving(lab().set("skip_retry_conditions", skip).set("request_timeout", 2));
    check(&platform.submit(&json!({ "status": 503 })), 503, 1);
    check(&platform.submit(&json!({ "status": 504 })), 504, 1);
    for (failing, status, error_type) in [
        (json!({ "crash": "kill" }), 503, "runner_disconnected"),
        (json!({ "body_bytes": 10, "truncate_at": 5 }), 502, "runner_incomplete_response"),
        (json!({ "hold": "never" }), 504, "request_timeout"),
    ] {
        let queued = platform.submit(&failing);
        queued.wait().is_problem(status, error_type);
        queued.had_attempts(1);
    }
    check(&platform.submit(&json!({ "script": [{ "status": 429 }] })), 200, 2);
    assert_eq!(platform.call(&json!({ "close_port": true, "close": true })).status, 200);
    let refused = platform.submit(&json!({}));
    // Refused, or cut on a connection that was kept: both are conditions that this app skips.
    let ended = refused.wait().is(503);
    let error_type = ended.header("x-fal-error-type");
    let expected = ["runner_connection_refused", "runner_disconnected"];
    assert!(error_type.is_some_and(|it| expected.contains(&it)), "{error_type:?}");
    assert_eq!(refused.record()["attempts"], 1);
}

//= docs/contract.md#retry-conditions
//= type=test
//# `X-Fal-Retry-Config`, and then the app's `retry_config`, MUST limit the retries of each condition on its own.
//= docs/contract.md#retry-conditions
//= type=test
//# A `X-Fal-Retry-Config` that cannot be understood MUST be ignored as a whole.
#[test]
fn each_condition_has_a_budget_of_its_own() {
    let app = lab().set("request_timeout", 0.5);
    let config = "{ server_error = { retries = 2 }, timeout = { retries = 1 } }";
    let platform = Platform::serving(app.set("retry_config", config));
    let failing = json!({ "status": 504 });
    check(&platform.submit(&failing), 504, 3);
    let with = |value| platform.submit_with("x-fal-retry-config", value, &failing);
    check(&with(r#"{"server_error": {"retries": 0}}"#), 504, 1);
    check(&with(r#"{"server_error": {"retries": 4}}"#), 504, 5);
    check(&with(r#"{"timeout": {"retries": 0}}"#), 504, 3);
    for nonsense in [
        r#"{"server_error": 0}"#,
        "0",
        "{",
        r#"{"server_error": {"retries": 0}, "x": {"retries": 1}}"#,
    ] {
        check(&with(nonsense), 504, 3);
    }
    let late = json!({ "hold": "never" });
    let mixed = platform.submit(&json!({ "script": [failing, late, failing], "status": 504 }));
    check(&mixed, 504, 4);
}

//= docs/contract.md#retry-conditions
//= type=test
//# A forced retry counts in the total only.
#[test]
fn a_forced_retry_costs_no_budget_of_a_condition() {
    let platform =
        Platform::serving(lab().set("retry_config", "{ server_error = { retries = 1 } }"));
    let forced = needs_retry(504, "1");
    check(&platform.submit(&json!({ "script": [forced, forced], "status": 504 })), 504, 4);
}

//= docs/contract.md#retry-backoff
//= type=test
//# A request that waits for its retry MUST be `IN_QUEUE`.
#[test]
fn a_request_that_waits_for_its_retry_is_in_the_queue() {
    let platform = Platform::serving(lab().set("retry_backoff", "{ initial = 300, max = 300 }"));
    let queued = platform.submit(&json!({ "status": 504 }));
    fal_tests::eventually("the first attempt is over", || {
        queued.record().get("next_attempt_not_before").cloned()
    });
    assert_eq!((queued.state().as_str(), queued.attempts().len()), ("IN_QUEUE", 1));
    let status = queued.status().is(202).json();
    assert!(status["queue_position"].is_u64(), "{status}");
    // It blocks nobody behind it.
    check(&platform.submit(&json!({})), 200, 1);
}

//= docs/contract.md#retry-backoff
//= type=test
//# A retry MUST wait between nothing and a bound that starts at 0.5 seconds, doubles with each retry and stops at 30 seconds.
#[test]
fn the_waits_stay_below_their_bounds() {
    let platform = Platform::serving(lab().set("retry_backoff", "{ initial = 0.01, max = 0.05 }"));
    let timer = Timer::start();
    check(&platform.submit(&json!({ "status": 504 })), 504, 11);
    assert!(timer.elapsed().as_secs() < 10, "{:?}", timer.elapsed());
    let usual = Platform::serving(lab().set("retry_backoff", "{}"));
    let timer = Timer::start();
    check(&usual.submit(&json!({ "script": [{ "status": 504 }, { "status": 504 }] })), 200, 3);
    assert!(timer.elapsed().as_secs() < 5, "{:?}", timer.elapsed());
}

//= docs/contract.md#retry-after-death
//= type=test
//# The first retry after a runner's death MUST NOT wait for backoff.
#[test]
fn the_first_retry_after_a_death_does_not_wait() {
    let platform = Platform::serving(
        lab().set("retry_backoff", "{ initial = 3600, max = 3600 }").set("request_timeout", 0.5),
    );
    for failing in [
        json!({ "status": 503 }),
        json!({ "crash": "kill" }),
        json!({ "hold": "never" }),
        json!({ "body_bytes": 10, "truncate_at": 5 }),
    ] {
        check(&platform.submit(&json!({ "script": [failing] })), 200, 2);
    }
}

//= docs/contract.md#retry-after-death
//= type=test
//# The first retry after a runner's death MUST NOT wait for backoff.
#[test]
fn nor_does_it_wait_where_the_runner_asked_for_its_end() {
    let platform = Platform::serving(lab().set("retry_backoff", "{ initial = 3600, max = 3600 }"));
    let stop = json!({ "status": 504, "headers": { "x-fal-stop-runner": "1" } });
    check(&platform.submit(&json!({ "script": [stop] })), 200, 2);
}

//= docs/contract.md#retry-after-death
//= type=test
//# A retry for another reason SHOULD go to another ready runner, and to the same one where there is no other.
#[test]
fn a_retry_prefers_another_runner() {
    let platform =
        Platform::serving(App::unruly().set("min_concurrency", 2).set("max_concurrency", 2));
    fal_tests::eventually("two runners", || {
        (platform.runners().iter().filter(|runner| runner.is_ready()).count() == 2).then_some(())
    });
    for failing in [json!({ "status": 504 }), json!({ "status": 429 }), needs_retry(200, "1")] {
        let queued = platform.submit(&json!({ "script": [failing] }));
        check(&queued, 200, 2);
        let pids = queued.attempts();
        assert_ne!(pids.first(), pids.last(), "{failing}");
    }
}

//= docs/contract.md#direct-never-retried
//= type=test
//# A direct call MUST NOT be retried, whatever happened and whatever its headers say.
//= docs/contract.md#direct-never-retried
//= type=test
//# Its caller MUST get the runner's own status, headers and body.
#[test]
fn a_direct_call_is_never_retried() {
    let platform = Platform::serving(lab());
    for status in [200, 302, 404, 429, 500, 502, 503, 504] {
        let headers = json!({ "x-fal-needs-retry": "1", "x-mine": "yes" });
        let body = json!({ "status": status, "headers": headers, "body": format!("own {status}") });
        let request = Request::new("POST", "/run/demo/lab").json(&body);
        let answered = platform
            .send(&request.header("x-fal-retry-config", r#"{"server_error":{"retries":3}}"#));
        let answered = answered.is(status);
        assert_eq!(
            (answered.text(), answered.header("x-mine")),
            (format!("own {status}"), Some("yes"))
        );
        assert_eq!(platform.lab().attempts(&answered.request_id()).len(), 1);
    }
}
