//! When no status came: crashes, timeouts, cut answers, refused connections, callers that leave.

use std::time::Duration;

use fal_tests::{
    App, Platform, Request, Signal, Value, eventually, holds_for, is_alive, json, signal,
};

fn lab() -> Platform {
    Platform::serving(App::unruly().set("min_concurrency", 1))
}

/// Calls directly and gets the platform's error; then queued and gets there at the second attempt. The runner is
/// replaced both times.
#[track_caller]
fn check(platform: &Platform, failing: &Value, (status, error_type): (u16, &str)) {
    let before = platform.only_runner();
    let answered = platform.call(failing);
    answered.is_problem(status, error_type);
    assert_eq!(platform.lab().attempts(&answered.request_id()), [before], "it is not retried");
    let second = platform.replaced(before);
    // The connection is not left for the next call: on a used one, the platform would ask once more.
    let queued = platform.submit(&json!({ "script": [failing], "close": true }));
    let result = queued.wait().is(200);
    queued.had_attempts(2);
    let third = platform.replaced(second);
    assert_eq!((queued.attempts(), result.pid()), (vec![second, third], third));
}

//= docs/contract.md#crash
//= type=test
//# A connection that breaks while a request is in flight MUST terminate its runner.
//= docs/contract.md#crash
//= type=test
//# A queued request whose connection broke MUST be retried.
//= docs/contract.md#crash
//= type=test
//# A direct call whose connection broke MUST get 503 `runner_disconnected`.
#[test]
fn a_crash_is_503_for_a_direct_call_and_a_retry_for_a_queued_one() {
    let platform = lab();
    for failing in [
        json!({ "crash": "kill" }),
        json!({ "crash": "abort" }),
        json!({ "drop": true }),
        json!({ "garbage": "this is not HTTP\r\n\r\n" }),
        json!({ "garbage": "HTTP/1.1 200 OK\r\ncontent-len" }),
    ] {
        check(&platform, &failing, (503, "runner_disconnected"));
    }
}

//= docs/contract.md#crash
//= type=test
//# A pooled connection that the runner closed before it answered anything on it MUST be replaced by a new one without blaming the runner.
#[test]
fn a_kept_connection_that_the_runner_closed_is_not_its_fault() {
    let platform = lab();
    let before = platform.only_runner();
    for _ in 0..20 {
        assert_eq!(platform.call(&json!({ "close": true, "status": 500 })).is(500).pid(), before);
        assert_eq!(platform.call(&json!({})).is(200).pid(), before);
        assert_eq!(platform.call(&json!({ "drop_reused": true })).is(200).pid(), before);
    }
    let queued = platform.submit(&json!({ "drop_reused": true }));
    assert_eq!(queued.wait().is(200).pid(), before);
    assert_eq!(platform.lab().starts(), [before]);
}

//= docs/contract.md#timeout
//= type=test
//# A runner that exceeds it MUST be terminated.
//= docs/contract.md#timeout
//= type=test
//# A queued request that exceeds it MUST be retried.
//= docs/contract.md#timeout
//= type=test
//# A direct call that exceeds it MUST get 504 `request_timeout`.
#[test]
fn a_request_that_takes_too_long_costs_its_runner() {
    let app = App::unruly().set("min_concurrency", 1).set("request_timeout", 0.5);
    let platform = Platform::serving(app);
    check(&platform, &json!({ "hold": "never" }), (504, "request_timeout"));
    check(
        &platform,
        &json!({ "hold": "never", "status": 200, "body_bytes": 5 }),
        (504, "request_timeout"),
    );
}

//= docs/contract.md#timeout
//= type=test
//# `request_timeout` is counted for each attempt, from its dispatch.
#[test]
fn the_time_in_the_queue_does_not_count() {
    let app = App::unruly().set("min_concurrency", 1).set("request_timeout", 1.5);
    let platform = Platform::serving(app);
    let slow = json!({ "sleep_ms": 600 });
    let queued: Vec<_> = (0..4).map(|_| platform.submit(&slow)).collect();
    for queued in &queued {
        assert_eq!(queued.wait().status, 200);
        queued.had_attempts(1);
    }
    assert_eq!(platform.lab().starts().len(), 1);
}

//= docs/contract.md#truncation
//= type=test
//# A response that its runner cut short MUST terminate the runner.
//= docs/contract.md#truncation
//= type=test
//# A queued request whose response was cut short MUST be retried.
//= docs/contract.md#truncation
//= type=test
//# A body of known length up to 64 KiB MUST be read whole before its status is passed on, so that a cut is 502 `runner_incomplete_response`.
#[test]
fn a_small_answer_that_is_cut_is_502() {
    let platform = lab();
    for failing in [
        json!({ "body_bytes": 1000, "truncate_at": 500 }),
        json!({ "body_bytes": 65536, "truncate_at": 65535, "status": 500 }),
        json!({ "body_bytes": 1000, "crash_after": 10, "crash": "kill" }),
    ] {
        check(&platform, &failing, (502, "runner_incomplete_response"));
    }
}

//= docs/contract.md#truncation
//= type=test
//# Streams and longer bodies are forwarded as they come, and a cut MUST show as a cut.
#[test]
fn a_long_answer_that_is_cut_shows_as_cut() {
    let platform = lab();
    for failing in [
        json!({ "body_bytes": 100_000, "truncate_at": 80_000 }),
        json!({ "body_bytes": 1000, "chunked": true, "truncate_at": 500 }),
    ] {
        let before = platform.only_runner();
        let answered = platform.call(&failing).is(200);
        assert!(!answered.is_whole && !answered.body.is_empty(), "{failing}");
        assert_eq!(platform.lab().attempts(&answered.request_id()), [before]);
        let second = platform.replaced(before);
        let queued = platform.submit(&json!({ "script": [failing] }));
        let result = queued.wait().is(200);
        queued.had_attempts(2);
        assert_eq!(result.pid(), platform.replaced(second));
    }
}

//= docs/contract.md#truncation
//= type=test
//# Streams and longer bodies are forwarded as they come, and a cut MUST show as a cut.
#[test]
fn a_stream_is_forwarded_as_it_comes() {
    let platform = lab();
    let mut stream = platform.begin(&json!({ "events": 3, "hold_stream": "go on" }));
    assert_eq!(stream.head().status, 200);
    assert_eq!(stream.event(), Some(json!(0)));
    platform.lab().create("go on");
    assert_eq!(
        (stream.event(), stream.event(), stream.event()),
        (Some(json!(1)), Some(json!(2)), None)
    );
}

//= docs/contract.md#refused
//= type=test
//# A runner that refuses a connection, or does not accept one in time, MUST be terminated.
//= docs/contract.md#refused
//= type=test
//# A direct call that could not connect MUST get 503 `runner_connection_refused` or `runner_connection_timeout`.
//= docs/contract.md#refused
//= type=test
//# A queued request that could not connect MUST be retried.
#[test]
fn a_runner_that_refuses_connections_is_replaced() {
    let platform = lab();
    let before = platform.only_runner();
    let closing = json!({ "close_port": true, "close": true });
    assert_eq!(platform.call(&closing).is(200).pid(), before);
    eventually("the runner's connections are closed", || {
        // Where the platform has not noticed yet, it finds out by asking again on a new connection.
        let answered = platform.call(&json!({}));
        // On a connection that was kept it finds out by the break of that one.
        let broken = answered.header("x-fal-error-type") == Some("runner_disconnected");
        (answered.status == 503 && !broken)
            .then(|| answered.is_problem(503, "runner_connection_refused"))
            .or(broken.then_some(()))
    });
    let second = platform.replaced(before);
    assert_eq!(platform.call(&closing).is(200).pid(), second);
    let queued = platform.submit(&json!({}));
    let result = queued.wait().is(200);
    let third = platform.replaced(second);
    assert_eq!((queued.attempts(), result.pid()), (vec![third], third));
    assert_eq!(queued.record()["attempts"], 2, "the one that was refused counts");
}

//= docs/contract.md#abandoned
//= type=test
//# A caller that hangs up MUST NOT count as a fault of the runner, and the runner is kept.
//= docs/contract.md#abandoned
//= type=test
//# The runner MUST get the cancel signal: a POST to the request's path with `/cancel` behind it and the same `x-fal-request-id`.
#[test]
fn a_caller_that_hangs_up_leaves_the_runner_alone() {
    let platform = lab();
    let before = platform.only_runner();
    for (path, cancel) in
        [("", "/cancel"), ("/deep/er", "/deep/er/cancel"), ("/q?x=1", "/q/cancel")]
    {
        let tag = format!("left {path}");
        let request = Request::new("POST", &format!("/run/demo/lab{path}"))
            .json(&json!({ "hold_cancel": true, "tag": tag }));
        let connection = request.begin(platform.addr());
        let call = platform.lab().called(&tag);
        connection.hang_up();
        let signal = platform.lab().path_called(cancel);
        assert_eq!((signal.method.as_str(), signal.request_id), ("POST", call.request_id));
        assert_eq!(platform.call(&json!({})).is(200).pid(), before);
    }
    assert_eq!(platform.lab().starts(), [before]);
}

//= docs/contract.md#abandoned
//= type=test
//# A caller that hangs up MUST NOT count as a fault of the runner, and the runner is kept.
#[test]
fn a_caller_that_leaves_a_stream_leaves_the_runner_alone() {
    let platform = lab();
    let before = platform.only_runner();
    let mut stream =
        platform.begin(&json!({ "events": 2, "hold_stream": "later", "tag": "stream" }));
    assert_eq!(stream.head().status, 200);
    assert_eq!(stream.event(), Some(json!(0)));
    let call = platform.lab().called("stream");
    stream.hang_up();
    assert_eq!(platform.lab().path_called("/cancel").request_id, call.request_id);
    platform.lab().create("later");
    assert_eq!(platform.call(&json!({})).is(200).pid(), before);
    assert_eq!(platform.lab().starts(), [before]);
}

//= docs/contract.md#abandoned
//= type=test
//# What the runner answers to the signal changes nothing.
#[test]
fn what_a_runner_answers_to_the_cancel_signal_changes_nothing() {
    let platform =
        Platform::serving(App::unruly().set("min_concurrency", 1).env("UNRULY_CANCEL_STATUS", 503));
    let before = platform.only_runner();
    let connection = platform.begin(&json!({ "hold_cancel": true, "tag": "left" }));
    platform.lab().called("left");
    connection.hang_up();
    assert_eq!(platform.lab().path_called("/cancel").pid, before);
    assert_eq!(platform.call(&json!({})).is(200).pid(), before);
    holds_for(Duration::from_millis(100), "the runner lives", || is_alive(before));
    assert_eq!(platform.lab().starts(), [before]);
}

//= docs/contract.md#platform-answers
//= type=test
//# An answer that the platform makes itself MUST NOT move a runner.
//= docs/contract.md#request-limits
//= type=test
//# A request whose length is known and over the limit MUST NOT reach a runner.
#[test]
fn what_the_platform_answers_itself_moves_no_runner() {
    let app = App::unruly().set("min_concurrency", 1);
    let platform = Platform::start("max_body = 1000", &[app]);
    let before = platform.only_runner();
    let post = |path: &str| Request::new("POST", path);
    assert_eq!(platform.send(&post("/run/demo/lab").body(vec![b'x'; 2000])).status, 413);
    assert_eq!(platform.send(&post("/queue/demo/lab").body(vec![b'x'; 2000])).status, 413);
    let bad = post("/run/demo/lab").header("x-fal-request-timeout", "soon");
    platform.send(&bad).is_problem(400, "bad_request");
    // A start deadline that passes while the only runner is busy.
    let busy = platform.begin(&json!({ "hold": "go", "tag": "busy" }));
    platform.lab().called("busy");
    let late = post("/run/demo/lab").header("x-fal-request-timeout", "0.2").json(&json!({}));
    platform.send(&late).is_problem(504, "startup_timeout");
    platform.lab().create("go");
    assert_eq!(busy.response().is(200).pid(), before);
    assert_eq!(platform.lab().tags(), ["busy"]);
    assert_eq!(platform.lab().starts(), [before]);
}

//= docs/contract.md#truncation
//= type=test
//# Streams and longer bodies are forwarded as they come, and a cut MUST show as a cut.
#[test]
fn a_stream_whose_runner_dies_shows_as_cut() {
    let platform = lab();
    let before = platform.only_runner();
    let dying = json!({ "events": 2, "hold_stream": "die", "crash": "kill" });
    let mut stream = platform.begin(&dying);
    assert_eq!(stream.head().status, 200);
    assert_eq!(stream.event(), Some(json!(0)));
    platform.lab().create("die");
    assert!(!stream.response().is_whole);
    let second = platform.replaced(before);
    let queued = platform.submit(&json!({ "script": [dying] }));
    let result = queued.wait().is(200);
    queued.had_attempts(2);
    assert_eq!(result.pid(), platform.replaced(second));
}

//= docs/contract.md#timeout
//= type=test
//# A runner that exceeds it MUST be terminated.
#[test]
fn a_stream_that_outlasts_the_timeout_is_cut_and_its_runner_replaced() {
    let app = App::unruly().set("min_concurrency", 1).set("request_timeout", 1);
    let platform = Platform::serving(app);
    let before = platform.only_runner();
    let mut stream = platform.begin(&json!({ "events": 2, "hold_stream": "never" }));
    assert_eq!(stream.head().status, 200);
    assert_eq!(stream.event(), Some(json!(0)));
    // The caller waits for the next event, and hears of the cut.
    assert!(!stream.response().is_whole);
    assert_eq!(platform.call(&json!({})).is(200).pid(), platform.replaced(before));
}

//= docs/contract.md#crash
//= type=test
//# A connection that breaks while a request is in flight MUST terminate its runner.
#[test]
fn an_answer_that_was_whole_before_its_runner_died_counts() {
    let platform = lab();
    for _ in 0..10 {
        let before = platform.only_runner();
        let last_words = json!({ "crash_after_answer": "kill" });
        assert_eq!(platform.call(&last_words).is(200).pid(), before);
        let second = platform.replaced(before);
        let queued = platform.submit(&last_words);
        assert_eq!(queued.wait().is(200).pid(), second);
        queued.had_attempts(1);
        platform.replaced(second);
    }
}

/// Only a runner's silence can end it: one that was stopped by the system answers nothing.
#[test]
fn a_runner_that_hangs_whole_is_ended_by_the_timeout() {
    let app = App::unruly().set("min_concurrency", 1).set("request_timeout", 0.5);
    let platform = Platform::serving(app);
    let before = platform.only_runner();
    signal(before, Signal::STOP);
    platform.call(&json!({})).is_problem(504, "request_timeout");
    let after = platform.replaced(before);
    assert_eq!(platform.call(&json!({})).is(200).pid(), after);
}

//= docs/contract.md#truncation
//= type=test
//# What came before the cut MUST reach a caller that reads.
#[test]
fn events_that_came_before_a_cut_are_not_lost_with_it() {
    let platform = Platform::serving(App::unruly().set("max_concurrency", 2));
    for number in 0..40 {
        let response = platform.call(&json!({ "events": 3, "truncate_at": 0 }));
        assert!(!response.is_whole, "the cut shows");
        let events = response.text().matches("data:").count();
        assert_eq!(events, 3, "at {number}: {}", response.text());
    }
}
