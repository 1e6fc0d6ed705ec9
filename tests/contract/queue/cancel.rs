//! Cancelling, in each state.

use fal_tests::{App, Platform, Queued, eventually, json};

fn lab() -> Platform {
    Platform::serving(App::unruly().set("min_concurrency", 1))
}

#[track_caller]
fn cancel(queued: &Queued<'_>, status: u16, word: &str) {
    let answered = queued.cancel().is(status);
    let said = answered.json().get("status").cloned();
    assert_eq!(said, Some(json!(word)));
}

//= docs/contract.md#queue-cancel
//= type=test
//# A waiting request that is cancelled MUST NOT start, and its result is 499 `client_cancelled`.
//= docs/contract.md#queue-cancel
//= type=test
//# A cancel of a waiting or running request MUST answer 202 `CANCELLATION_REQUESTED`, of a completed one 400 `ALREADY_COMPLETED`, and of an unknown one 404 `NOT_FOUND`.
#[test]
fn a_waiting_request_that_is_cancelled_never_starts() {
    let platform = lab();
    let busy = platform.submit(&json!({ "hold": "go", "tag": "busy" }));
    platform.lab().called("busy");
    let queued = platform.submit(&json!({ "tag": "cancelled" }));
    let behind = platform.submit(&json!({ "tag": "behind" }));
    cancel(&queued, 202, "CANCELLATION_REQUESTED");
    assert_eq!(queued.state(), "COMPLETED");
    queued.result().is_problem(499, "client_cancelled");
    assert_eq!(behind.status().json()["queue_position"], 0);
    cancel(&queued, 400, "ALREADY_COMPLETED");
    platform.lab().create("go");
    assert_eq!((busy.wait().status, behind.wait().status), (200, 200));
    assert_eq!(platform.lab().tags(), ["busy", "behind"]);
    assert_eq!(queued.record()["attempts"], 0);
    cancel(&busy, 400, "ALREADY_COMPLETED");
    cancel(&platform.queued("0190d1a2-0000-7000-8000-0000000000ff"), 404, "NOT_FOUND");
}

//= docs/contract.md#queue-cancel
//= type=test
//# A running request's runner MUST get the cancel signal, and what the runner then answers is its result.
#[test]
fn a_running_requests_runner_gets_the_signal_and_has_the_last_word() {
    let platform = lab();
    let before = platform.only_runner();
    for (status, tag) in [(499, "stops"), (200, "goes on")] {
        let queued = platform.submit(&json!({ "hold_cancel": true, "status": status, "tag": tag }));
        platform.lab().called(tag);
        cancel(&queued, 202, "CANCELLATION_REQUESTED");
        assert_eq!(queued.wait().is(status).pid(), before);
        queued.had_attempts(1);
        let mut calls = platform.lab().calls().into_iter();
        let signal = calls.find(|call| call.path == "/cancel" && call.request_id == queued.id);
        assert_eq!(signal.map(|call| (call.method, call.pid)), Some(("POST".to_owned(), before)));
    }
    assert_eq!(platform.lab().starts(), [before]);
}

//= docs/contract.md#queue-cancel
//= type=test
//# A cancelled request MUST NOT be retried.
#[test]
fn a_cancelled_request_is_not_retried() {
    let platform = lab();
    for (orders, status) in [
        // On a connection that was used before, the runner would be asked once more.
        (json!({ "hold_cancel": true, "drop": true, "tag": "d" }), 499),
        (json!({ "hold_cancel": true, "status": 503, "tag": "a" }), 503),
        (json!({ "hold_cancel": true, "status": 504, "tag": "b" }), 504),
        (json!({ "hold_cancel": true, "headers": { "x-fal-needs-retry": "1" }, "tag": "c" }), 200),
    ] {
        let queued = platform.submit(&orders);
        platform.lab().called(orders["tag"].as_str().unwrap_or_default());
        cancel(&queued, 202, "CANCELLATION_REQUESTED");
        assert_eq!(queued.wait().status, status, "{orders}");
        queued.had_attempts(1);
    }
}

//= docs/contract.md#queue-cancel
//= type=test
//# A waiting request that is cancelled MUST NOT start, and its result is 499 `client_cancelled`.
#[test]
fn a_request_that_waits_for_its_retry_can_be_cancelled() {
    let app = App::unruly().set("retry_backoff", "{ initial = 3600, max = 3600 }");
    let platform = Platform::serving(app);
    let queued = platform.submit(&json!({ "status": 504 }));
    eventually("the first attempt is over", || {
        queued.record().get("next_attempt_not_before").cloned()
    });
    cancel(&queued, 202, "CANCELLATION_REQUESTED");
    assert_eq!(queued.state(), "COMPLETED");
    queued.result().is_problem(499, "client_cancelled");
    queued.had_attempts(1);
}
