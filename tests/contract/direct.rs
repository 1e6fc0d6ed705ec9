//! Direct calls that wait, and deadlines that callers set.

use std::fs;

use fal_tests::{App, Platform, Request, Timer, json};

//= docs/contract.md#direct-wait
//= type=test
//# A direct call that finds no ready runner MUST wait for one, at most `startup_timeout`, and then get 504 `startup_timeout`.
#[test]
fn a_direct_call_waits_for_a_runner_and_not_for_ever() {
    let app = App::unruly().set("startup_timeout", 1).env("UNRULY_HOLD_SETUP", "go");
    let platform = Platform::serving(app);
    let timer = Timer::start();
    platform.call(&json!({})).is_problem(504, "startup_timeout");
    assert!(timer.elapsed().as_millis() >= 1000, "{:?}", timer.elapsed());
    let waiting = platform.begin(&json!({}));
    platform.lab().create("go");
    assert_eq!(waiting.response().is(200).pid(), platform.only_runner());
}

//= docs/contract.md#direct-wait
//= type=test
//# Where starting a runner fails outright, waiting direct calls MUST get 503 `runner_scheduling_failure`.
//= docs/contract.md#startup-failed
//= type=test
//# Queued requests MUST keep waiting through failed starts, and a failed start MUST NOT use up an attempt.
#[test]
fn a_command_that_vanished_fails_direct_calls_and_keeps_queued_ones() {
    let unruly = fal_tests::unruly();
    let link = |dir: &std::path::Path| {
        std::os::unix::fs::symlink(&unruly, dir.join("runner")).expect("the folder can be written");
    };
    let platform = Platform::prepared("", &[App::new(&["./runner"])], link);
    fs::remove_file(platform.dir().join("runner")).expect("it is there");
    platform.call(&json!({})).is_problem(503, "runner_scheduling_failure");
    let queued = platform.submit(&json!({}));
    platform.call(&json!({})).is_problem(503, "runner_scheduling_failure");
    assert_eq!(
        (queued.state().as_str(), queued.record()["attempts"].as_u64()),
        ("IN_QUEUE", Some(0))
    );
    link(platform.dir());
    assert_eq!(queued.wait().status, 200);
    queued.had_attempts(1);
}

//= docs/contract.md#start-deadline
//= type=test
//# A request that has not started by its start deadline MUST end with 504 and `X-Fal-Request-Timeout-Type: user`.
//= docs/contract.md#start-deadline
//= type=test
//# A start deadline MUST NOT touch a runner and is never retried.
#[test]
fn a_start_deadline_ends_a_request_that_has_not_started() {
    let platform = Platform::serving(App::unruly().set("min_concurrency", 1));
    let before = platform.only_runner();
    let busy = platform.begin(&json!({ "hold": "go", "tag": "busy" }));
    platform.lab().called("busy");
    let queued = platform.submit_with("x-fal-request-start-timeout", "0.3", &json!({}));
    let old = platform.submit_with("X-Fal-Request-Timeout", "0.3", &json!({}));
    let post = Request::new("POST", "/run/demo/lab").json(&json!({}));
    let direct = platform.send(&post.header("x-fal-request-start-timeout", "0.3"));
    for result in [queued.wait(), old.wait(), direct] {
        assert_eq!(result.status, 504, "{}", result.text());
        assert_eq!(result.header("x-fal-request-timeout-type"), Some("user"));
        result.is_problem(504, "startup_timeout");
    }
    assert_eq!(queued.record()["attempts"], 0);
    platform.lab().create("go");
    assert_eq!(busy.response().is(200).pid(), before);
    assert_eq!((platform.lab().starts(), platform.lab().tags().len()), (vec![before], 1));
}

//= docs/contract.md#start-deadline
//= type=test
//# The deadline is counted from the submit and read only before an attempt starts.
//= docs/contract.md#start-deadline
//= type=test
//# `X-Fal-Request-Start-Timeout` and its older name `X-Fal-Request-Timeout` set the deadline in seconds, and the new name wins.
#[test]
fn a_start_deadline_does_not_cut_what_has_started() {
    let platform = Platform::serving(App::unruly().set("min_concurrency", 1));
    platform.only_runner();
    let slow = json!({ "sleep_ms": 700 });
    let queued = platform.submit_with("x-fal-request-start-timeout", "0.5", &slow);
    assert_eq!(queued.wait().status, 200);
    let post = Request::new("POST", "/run/demo/lab").json(&slow);
    assert_eq!(platform.send(&post.header("x-fal-request-timeout", "0.5")).status, 200);
    // The new name wins.
    let both = Request::new("POST", "/queue/demo/lab").json(&json!({ "sleep_ms": 400 }));
    let first = platform.submit(&json!({ "sleep_ms": 400 }));
    let both =
        both.header("x-fal-request-timeout", "0.2").header("x-fal-request-start-timeout", "60");
    let second = platform.submit_as(&both);
    assert_eq!((first.wait().status, second.wait().status), (200, 200));
}

//= docs/contract.md#start-deadline
//= type=test
//# A request that has not started by its start deadline MUST end with 504 and `X-Fal-Request-Timeout-Type: user`.
#[test]
fn attempts_that_failed_use_up_the_start_deadline() {
    let platform = Platform::serving(App::unruly().set("min_concurrency", 1));
    platform.only_runner();
    let busy = json!({ "status": 429, "headers": { "retry-after": "1" } });
    let queued = platform.submit_with("x-fal-request-start-timeout", "0.5", &busy);
    let result = queued.wait().is(504);
    assert_eq!(result.header("x-fal-request-timeout-type"), Some("user"));
    queued.had_attempts(1);
}

//= docs/contract.md#start-deadline
//= type=test
//# A value that is not a number above 0.1 MUST get 400 `bad_request`.
#[test]
fn a_start_deadline_is_a_number_above_a_tenth() {
    let platform = Platform::serving(App::unruly());
    for path in ["/run/demo/lab", "/queue/demo/lab"] {
        for (name, value) in [
            ("x-fal-request-start-timeout", "soon"),
            ("x-fal-request-start-timeout", "0.1"),
            ("x-fal-request-start-timeout", "-5"),
            ("x-fal-request-timeout", ""),
            ("x-fal-request-timeout", "nan"),
        ] {
            let request = Request::new("POST", path).json(&json!({})).header(name, value);
            platform.send(&request).is_problem(400, "bad_request");
        }
    }
    assert!(platform.lab().starts().is_empty(), "nothing was started for them");
}
