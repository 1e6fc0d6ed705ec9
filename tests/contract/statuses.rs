//! What a status does to a runner and to a request.

use fal_tests::{App, Platform, Value, json};

/// What becomes of a runner.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Kept,
    Replaced,
}

/// The status, and on top of it more orders.
fn orders(status: u16, more: &Value) -> Value {
    let mut orders = json!({ "status": status });
    let object = orders.as_object_mut().expect("it is an object");
    object.extend(more.as_object().cloned().unwrap_or_default());
    orders
}

/// Calls directly: the answer comes verbatim after one attempt, and the runner has this fate.
#[track_caller]
fn check_direct(platform: &Platform, status: u16, more: &Value, fate: Fate) {
    let before = platform.only_runner();
    let answered = platform.call(&orders(status, more)).is(status);
    assert_eq!(answered.pid(), before, "the body is the runner's own");
    assert_eq!(platform.lab().attempts(&answered.request_id()), [before]);
    match fate {
        Fate::Kept => assert_eq!(platform.call(&json!({})).is(200).pid(), before),
        // A call that comes while the runner is being checked may still be placed on it.
        Fate::Replaced => {
            let after = platform.replaced(before);
            assert_eq!(platform.call(&json!({})).is(200).pid(), after);
        }
    }
}

/// Submits: the first attempt is answered so, later ones with 200. Says how many attempts there are, and whether
/// the runner of the first lives on.
#[track_caller]
fn check_queued(platform: &Platform, status: u16, more: &Value, (attempts, fate): (usize, Fate)) {
    let before = platform.only_runner();
    let queued = platform.submit(&json!({ "script": [orders(status, more)] }));
    let result = queued.wait().is(if attempts == 1 { status } else { 200 });
    queued.had_attempts(attempts);
    assert_eq!(queued.attempts().first(), Some(&before));
    match fate {
        Fate::Kept => assert_eq!((result.pid(), platform.only_runner()), (before, before)),
        Fate::Replaced => {
            let after = platform.replaced(before);
            assert_eq!(result.pid(), if attempts == 1 { before } else { after });
        }
    }
}

fn lab() -> Platform {
    Platform::serving(App::unruly().set("min_concurrency", 1))
}

//= docs/contract.md#status-2xx
//= type=test
//# A 2XX MUST keep the runner, and completes the request.
#[test]
fn a_2xx_keeps_the_runner_and_completes_the_request() {
    let platform = lab();
    for status in [200, 201, 202, 299] {
        check_direct(&platform, status, &json!({}), Fate::Kept);
        check_queued(&platform, status, &json!({}), (1, Fate::Kept));
    }
    assert_eq!(platform.lab().starts().len(), 1);
}

//= docs/contract.md#status-3xx
//= type=test
//# A 3XX MUST be passed on verbatim, MUST NOT be followed, and keeps the runner.
#[test]
fn a_3xx_is_passed_on_and_not_followed() {
    let platform = lab();
    let location = json!({ "headers": { "location": "/elsewhere" } });
    for status in [301, 302, 307] {
        check_direct(&platform, status, &location, Fate::Kept);
        check_queued(&platform, status, &location, (1, Fate::Kept));
        let answered = platform.call(&orders(status, &location));
        assert_eq!(answered.header("location"), Some("/elsewhere"));
    }
    let followed = platform.lab().calls().into_iter().filter(|call| call.path == "/elsewhere");
    assert_eq!((followed.count(), platform.lab().starts().len()), (0, 1));
}

//= docs/contract.md#status-4xx
//= type=test
//# A 4XX MUST keep the runner, and MUST NOT be retried.
#[test]
fn a_4xx_keeps_the_runner_and_is_not_retried() {
    let platform = lab();
    for status in [400, 404, 408, 413, 418, 422, 499] {
        check_direct(&platform, status, &json!({}), Fate::Kept);
        check_queued(&platform, status, &json!({}), (1, Fate::Kept));
    }
    check_direct(&platform, 404, &json!({ "close_port": true }), Fate::Kept);
    assert_eq!(platform.lab().starts().len(), 1);
}

//= docs/contract.md#status-429
//= type=test
//# A 429 MUST keep the runner.
//= docs/contract.md#status-429
//= type=test
//# A queued request that gets a 429 MUST be retried, after `Retry-After` where the runner sent one, which counts for 300 seconds at most.
#[test]
fn a_429_keeps_the_runner_and_is_retried_in_the_queue_only() {
    let platform = lab();
    check_direct(&platform, 429, &json!({ "headers": { "retry-after": "1" } }), Fate::Kept);
    check_queued(&platform, 429, &json!({}), (2, Fate::Kept));
    let timer = fal_tests::Timer::start();
    check_queued(&platform, 429, &json!({ "headers": { "retry-after": "1" } }), (2, Fate::Kept));
    assert!(timer.elapsed().as_millis() >= 1000, "it waits for as long as the runner said");
    assert_eq!(platform.lab().starts().len(), 1);
}

//= docs/contract.md#status-429
//= type=test
//# A queued request that gets a 429 MUST be retried, after `Retry-After` where the runner sent one, which counts for 300 seconds at most.
#[test]
fn a_retry_after_counts_for_five_minutes_at_most() {
    let platform = lab();
    for (sent, counted) in [("100", 100), ("300", 300), ("100000", 300)] {
        let busy = json!({ "status": 429, "headers": { "retry-after": sent } });
        let queued = platform.submit(&busy);
        let record = fal_tests::eventually("the first attempt is over", || {
            Some(queued.record()).filter(|record| record.get("next_attempt_not_before").is_some())
        });
        let waits = seconds(&record["next_attempt_not_before"]) - seconds(&record["started"]);
        assert!(
            (0.0..5.0).contains(&(waits.rem_euclid(86_400.0) - f64::from(counted))),
            "{record}"
        );
    }
}

/// The seconds of the day of a moment like `2026-11-23T21:08:02.719Z`.
fn seconds(moment: &Value) -> f64 {
    let text = moment.as_str().expect("a moment is a text");
    let (_, time) = text.split_once('T').expect("a moment has a time");
    let parts =
        time.trim_end_matches('Z').split(':').map(|part| part.parse::<f64>().expect("a number"));
    parts.fold(0.0, |sum, part| sum * 60.0 + part)
}

//= docs/contract.md#status-429
//= type=test
//# With `retry_429 = false` it MUST NOT be retried.
#[test]
fn a_429_is_not_retried_where_the_app_says_so() {
    let platform =
        Platform::serving(App::unruly().set("min_concurrency", 1).set("retry_429", false));
    check_queued(&platform, 429, &json!({}), (1, Fate::Kept));
}

//= docs/contract.md#status-500
//= type=test
//# A 500 MUST start a TCP check of its runner, and MUST NOT be retried.
//= docs/contract.md#status-502
//= type=test
//# A 502 MUST start a TCP check of its runner, and MUST NOT be retried.
//= docs/contract.md#tcp-check
//= type=test
//# A runner that passes it MUST be kept.
#[test]
fn a_500_or_502_keeps_a_runner_whose_port_is_open() {
    let platform = lab();
    for status in [500, 502] {
        check_direct(&platform, status, &json!({}), Fate::Kept);
        check_queued(&platform, status, &json!({}), (1, Fate::Kept));
    }
    assert_eq!(platform.lab().starts().len(), 1);
}

//= docs/contract.md#status-500
//= type=test
//# A 500 MUST start a TCP check of its runner, and MUST NOT be retried.
//= docs/contract.md#status-502
//= type=test
//# A 502 MUST start a TCP check of its runner, and MUST NOT be retried.
//= docs/contract.md#tcp-check
//= type=test
//# The check is one connect to the runner's port, which MUST succeed within `tcp_check_timeout`.
//= docs/contract.md#tcp-check
//= type=test
//# A runner that fails the check MUST be terminated and replaced.
#[test]
fn a_500_or_502_replaces_a_runner_whose_port_is_closed() {
    let platform = lab();
    let closed = json!({ "close_port": true });
    for status in [500, 502] {
        check_direct(&platform, status, &closed, Fate::Replaced);
        check_queued(&platform, status, &closed, (1, Fate::Replaced));
    }
    assert_eq!(platform.lab().starts().len(), 5);
}

//= docs/contract.md#status-503
//= type=test
//# A 503 MUST end its runner at once, after a single one, and the runner is replaced.
#[test]
fn a_503_ends_the_runner_after_one_response() {
    let platform = lab();
    check_direct(&platform, 503, &json!({}), Fate::Replaced);
    assert_eq!(platform.lab().starts().len(), 2);
    check_direct(&platform, 503, &json!({}), Fate::Replaced);
    assert_eq!(platform.lab().starts().len(), 3);
}

//= docs/contract.md#status-503
//= type=test
//# A queued request that gets a 503 MUST be retried.
#[test]
fn a_queued_503_is_retried_on_another_runner() {
    let platform = lab();
    check_queued(&platform, 503, &json!({}), (2, Fate::Replaced));
    assert_eq!(platform.lab().starts().len(), 2);
}

//= docs/contract.md#status-504
//= type=test
//# A 504 MUST start a TCP check of its runner, which is not ended by the status alone.
//= docs/contract.md#status-504
//= type=test
//# A queued request that gets a 504 MUST be retried.
#[test]
fn a_504_is_retried_and_its_runner_checked() {
    let platform = lab();
    check_direct(&platform, 504, &json!({}), Fate::Kept);
    check_queued(&platform, 504, &json!({}), (2, Fate::Kept));
    assert_eq!(platform.lab().starts().len(), 1);
    // A runner of its own, because a check of the other may still be under way.
    let platform = lab();
    let closed = json!({ "close_port": true });
    check_direct(&platform, 504, &closed, Fate::Replaced);
    check_queued(
        &platform,
        504,
        &json!({ "close_port": true, "close": true }),
        (2, Fate::Replaced),
    );
    assert_eq!(platform.lab().starts().len(), 3);
}

//= docs/contract.md#status-other-5xx
//= type=test
//# Every other 5XX, and any status outside 100 to 599, MUST be treated as a 500.
#[test]
fn any_other_failure_is_treated_as_a_500() {
    let platform = lab();
    for status in [501, 505, 511, 599, 600, 999] {
        check_direct(&platform, status, &json!({}), Fate::Kept);
        check_queued(&platform, status, &json!({}), (1, Fate::Kept));
    }
    assert_eq!(platform.lab().starts().len(), 1);
    // Runners of their own, because a check of the other may still be under way.
    let platform = lab();
    for status in [501, 999] {
        check_direct(&platform, status, &json!({ "close_port": true }), Fate::Replaced);
        check_queued(&platform, status, &json!({ "close_port": true }), (1, Fate::Replaced));
    }
    assert_eq!(platform.lab().starts().len(), 5);
}

//= docs/contract.md#tcp-check
//= type=test
//# At most one check MUST be in progress per runner: further triggers share its verdict.
#[test]
fn many_failures_at_once_replace_one_runner_once() {
    let platform =
        Platform::serving(App::unruly().set("min_concurrency", 1).set("max_multiplexing", 8));
    let before = platform.only_runner();
    let failing = json!({ "status": 500, "hold": "go", "tag": "failing" });
    let calls: Vec<_> = (0..8).map(|_| platform.begin(&failing)).collect();
    fal_tests::eventually("all are in flight", || (platform.lab().tags().len() == 8).then_some(()));
    platform.lab().create("go");
    for call in calls {
        assert_eq!(call.response().is(500).pid(), before);
    }
    let last = platform.call(&json!({ "status": 500, "close_port": true }));
    // The shared check may find the port closed before this call is answered, and cuts it then.
    assert!(matches!(last.status, 500 | 503), "{}", last.status);
    let after = platform.replaced(before);
    assert_eq!(platform.lab().starts(), [before, after]);
}

//= docs/contract.md#stop-runner
//= type=test
//# `x-fal-stop-runner` with `1` or `true` MUST terminate and replace the runner, whatever the status.
#[test]
fn stop_runner_ends_the_runner_whatever_the_status() {
    let platform = lab();
    for (status, value) in [(200, "1"), (404, "true"), (500, "TRUE"), (302, "1")] {
        let stop = json!({ "headers": { "x-fal-stop-runner": value } });
        check_direct(&platform, status, &stop, Fate::Replaced);
    }
    let stop = json!({ "headers": { "x-fal-stop-runner": "1" } });
    check_queued(&platform, 200, &stop, (1, Fate::Replaced));
    check_queued(&platform, 504, &stop, (2, Fate::Replaced));
}

//= docs/contract.md#stop-runner
//= type=test
//# `x-fal-stop-runner` with `0` or `false` MUST keep the runner, even on a 503.
//= docs/contract.md#stop-runner
//= type=test
//# The header moves the runner only, never the request.
#[test]
fn stop_runner_keeps_the_runner_even_on_503() {
    let platform = lab();
    for value in ["0", "false", "False"] {
        let keep = json!({ "headers": { "x-fal-stop-runner": value } });
        check_direct(&platform, 503, &keep, Fate::Kept);
        check_queued(&platform, 503, &keep, (2, Fate::Kept));
    }
    check_direct(
        &platform,
        200,
        &json!({ "headers": { "x-fal-stop-runner": "maybe" } }),
        Fate::Kept,
    );
    assert_eq!(platform.lab().starts().len(), 1);
}

//= docs/contract.md#unearned-503
//= type=test
//# A 503 from anywhere else in such an app MUST be turned into a 500, with an error in the log that names the endpoint.
//= docs/contract.md#unearned-503
//= type=test
//# An app of `fal-app` MUST NOT answer 503 except by a path that is marked `#[runner_broken]`.
#[test]
fn an_app_of_fal_app_answers_503_only_where_it_is_marked() {
    let platform = Platform::serving(App::example("fault_lab").set("min_concurrency", 1));
    let before = platform.only_runner();
    let raw = fal_tests::Request::new("POST", "/run/demo/lab/raw/503");
    assert_eq!(platform.send(&raw).is(500).header("x-fal-error-type"), None);
    assert_eq!(platform.only_runner(), before);
    fal_tests::eventually("the endpoint is named in the log", || {
        let log = platform.log();
        log.lines().any(|line| line.contains("503") && line.contains("/raw/")).then_some(())
    });
    let broken = platform.call(&json!({ "status": 503 })).is(503);
    assert_eq!(broken.header("x-fal-error-type"), None);
    platform.replaced(before);
}
