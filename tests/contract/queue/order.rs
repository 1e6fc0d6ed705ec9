//! Which request starts first.

use fal_tests::{App, Platform, json};

fn lab() -> Platform {
    Platform::serving(App::unruly().set("min_concurrency", 1))
}

//= docs/contract.md#queue-order
//= type=test
//# Requests of one app MUST start in the order of their submits within a priority, and `low` ones after every `normal` one.
#[test]
fn requests_start_in_order_and_low_ones_last() {
    let platform = lab();
    let busy = platform.submit(&json!({ "hold": "go", "tag": "busy" }));
    platform.lab().called("busy");
    let mut last = None;
    for (tag, priority) in
        [("c", "low"), ("a", "normal"), ("d", "LOW"), ("b", "normal"), ("e", "low")]
    {
        last = Some(platform.submit_with("x-fal-queue-priority", priority, &json!({ "tag": tag })));
    }
    platform.lab().create("go");
    assert_eq!(busy.wait().status, 200);
    assert_eq!(last.map(|last| last.wait().status), Some(200));
    assert_eq!(platform.lab().tags(), ["busy", "a", "b", "c", "d", "e"]);
}

/// A request that goes again keeps the place that its submit gave it.
#[test]
fn a_retry_keeps_its_place() {
    let platform = lab();
    let first =
        platform.submit(&json!({ "script": [{ "status": 503, "hold": "go" }], "tag": "first" }));
    platform.lab().called("first");
    let second = platform.submit(&json!({ "tag": "second" }));
    platform.lab().create("go");
    assert_eq!((first.wait().status, second.wait().status), (200, 200));
    assert_eq!(platform.lab().tags(), ["first", "first", "second"]);
}

//= docs/contract.md#queue-fencing
//= type=test
//# A result of an attempt whose lease is no longer current MUST change nothing.
#[test]
fn a_late_answer_of_an_old_attempt_changes_nothing() {
    let app = App::deaf().set("min_concurrency", 1).set("request_timeout", 1.5);
    let platform = Platform::serving(app.set("termination_grace_period_seconds", 3));
    let late = json!({ "hold": "late", "body": "late" });
    let queued =
        platform.submit(&json!({ "script": [late], "body": "in time", "hold": "in time" }));
    fal_tests::eventually("the second attempt", || (queued.attempts().len() == 2).then_some(()));
    platform.lab().create("late");
    let state = || queued.state() == "IN_PROGRESS" && queued.attempts().len() == 2;
    fal_tests::holds_for(std::time::Duration::from_millis(50), "it is still running", state);
    platform.lab().create("in time");
    assert_eq!(queued.wait().is(200).text(), "in time");
    queued.had_attempts(2);
}

//= docs/contract.md#queue-order
//= type=test
//# Claiming a request and marking it as leased MUST be one durable step.
#[test]
fn no_two_runners_get_the_same_request() {
    let platform =
        Platform::serving(App::unruly().set("max_concurrency", 4).set("max_multiplexing", 2));
    let queued: Vec<_> =
        (0..60).map(|number| platform.submit(&json!({ "tag": format!("{number}") }))).collect();
    for queued in &queued {
        assert_eq!(queued.wait().status, 200);
        queued.had_attempts(1);
    }
}
