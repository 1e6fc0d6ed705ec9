//! How a runner starts, or does not.

use std::{net::TcpStream, time::Duration};

use fal_tests::{App, Platform, Runner, Timer, eventually, group_of, holds_for, is_alive, json};

/// Waits until the runners' states are these, in any order.
#[track_caller]
fn states(platform: &Platform, expected: &[&str]) -> Vec<Runner> {
    eventually(&format!("runners are {expected:?}"), || {
        let runners = platform.runners();
        let mut found: Vec<_> = runners.iter().map(|runner| runner.state.as_str()).collect();
        found.sort_unstable();
        (found == expected).then(|| runners.clone())
    })
}

//= docs/contract.md#startup-ready
//= type=test
//# No request MUST reach a runner before it is ready.
#[test]
fn no_request_reaches_a_runner_before_its_port_is_open() {
    let platform = Platform::serving(App::unruly().env("UNRULY_HOLD_SETUP", "go"));
    let waiting = platform.begin(&json!({ "tag": "direct" }));
    let queued = platform.submit(&json!({ "tag": "queued" }));
    states(&platform, &["SETUP"]);
    holds_for(Duration::from_millis(100), "nothing reaches it", || {
        platform.lab().events().is_empty()
    });
    assert_eq!(queued.state(), "IN_QUEUE");
    platform.lab().create("go");
    assert_eq!([waiting.response().is(200).pid()], *platform.lab().starts());
    assert_eq!(queued.wait().status, 200);
    let methods: Vec<_> = platform.lab().events().into_iter().map(|event| event.method).collect();
    assert_eq!(methods, ["READY", "POST", "POST"]);
}

//= docs/contract.md#startup-ready
//= type=test
//# In an app of `fal-app` the port MUST open only after setup has returned.
#[test]
fn an_app_of_fal_app_opens_its_port_after_setup() {
    let app = App::example("fault_lab").set("min_concurrency", 1).env("LAB_SETUP_FAIL", "hang");
    let platform = Platform::serving(app);
    eventually("setup has begun", || platform.log().contains("hangs as asked").then_some(()));
    let runners = states(&platform, &["SETUP"]);
    let port = runners.first().map(|runner| runner.port).expect("there is one");
    holds_for(Duration::from_millis(100), "the port is closed", || {
        TcpStream::connect(("127.0.0.1", port)).is_err()
    });
    let slow = App::example("fault_lab").env("LAB_SETUP_MS", 300);
    let platform = Platform::serving(slow);
    let timer = Timer::start();
    assert_eq!(platform.call(&json!({})).status, 200);
    assert!(timer.elapsed().as_millis() >= 300);
}

//= docs/contract.md#startup-failed
//= type=test
//# A failed start MUST be followed by a new one while runners are still wanted.
//= docs/contract.md#startup-failed
//= type=test
//# Queued requests MUST keep waiting through failed starts, and a failed start MUST NOT use up an attempt.
#[test]
fn failed_starts_are_followed_by_others_and_cost_no_attempt() {
    let platform = Platform::serving(App::unruly().env("UNRULY_FAIL_STARTS", 3));
    let queued = platform.submit(&json!({}));
    let waiting = platform.begin(&json!({}));
    assert_eq!(queued.wait().status, 200);
    queued.had_attempts(1);
    assert_eq!(queued.record()["retries"], 0);
    assert_eq!(waiting.response().status, 200);
    assert_eq!(platform.lab().starts().len(), 4);
}

//= docs/contract.md#startup-timeout
//= type=test
//# A runner whose port has not opened within `startup_timeout` MUST be terminated.
#[test]
fn a_start_that_takes_too_long_is_ended_and_tried_again() {
    let app = App::unruly().set("startup_timeout", 0.5).set("min_concurrency", 1);
    let platform = Platform::serving(app.env("UNRULY_HOLD_SETUP", "go"));
    let queued = platform.submit(&json!({}));
    let first = eventually("a first start", || platform.lab().starts().first().copied());
    eventually("the second start", || (platform.lab().starts().len() >= 2).then_some(()));
    eventually("the first is gone", || (!is_alive(first)).then_some(()));
    platform.lab().create("go");
    assert_ne!(queued.wait().is(200).pid(), first);
    queued.had_attempts(1);
}

//= docs/contract.md#crash-backoff
//= type=test
//# After a failed start the next start of that app MUST wait.
#[test]
fn a_start_after_failed_ones_waits_longer_each_time() {
    let app = App::unruly().set("min_concurrency", 1).env("UNRULY_FAIL_STARTS", 3);
    let timer = Timer::start();
    let platform = Platform::serving(app.set("crash_backoff", "{ step = 0.3, max = 0.6 }"));
    platform.only_runner();
    assert!(timer.elapsed().as_millis() >= 300 + 600 + 600, "{:?}", timer.elapsed());
    let usual = App::unruly().set("min_concurrency", 1).set("crash_backoff", "{}");
    let platform = Platform::serving(usual.env("UNRULY_FAIL_STARTS", 1));
    states(&platform, &["CRASH_BACKOFF"]);
    holds_for(Duration::from_millis(300), "nothing is started", || {
        platform.lab().starts().len() == 1
    });
}

//= docs/contract.md#crash-backoff
//= type=test
//# A successful start MUST wake every waiting start and reset the count.
#[test]
fn a_successful_start_wakes_the_waiting_ones() {
    let app = App::unruly().set("min_concurrency", 2).set("max_concurrency", 2);
    let app = app.set("crash_backoff", "{ step = 3000, max = 3000 }");
    let app = app.env("UNRULY_FAIL_STARTS", 1).env("UNRULY_HOLD_SETUP", "go");
    let platform = Platform::serving(app);
    states(&platform, &["CRASH_BACKOFF", "SETUP"]);
    platform.lab().create("go");
    states(&platform, &["IDLE", "IDLE"]);
    assert_eq!(platform.lab().starts().len(), 3);
}

//= docs/contract.md#runner-environment
//= type=test
//# A runner MUST find its loopback port in `PORT`.
//= docs/contract.md#runner-environment
//= type=test
//# It MUST also find `FAL_APP_NAME`, `FAL_RUNNER_ID` and `FAL_RUNNER_STATE`.
//= docs/contract.md#runner-environment
//= type=test
//# `FAL_MAX_MULTIPLEXING` MUST say how many requests at once it is sent.
//= docs/contract.md#runner-environment
//= type=test
//# `FAL_APP_ID` MUST be the app's full name, `FAL_USER_NICKNAME` its owner and `FAL_JOB_ID` the runner's id, unless the app's `env` says otherwise.
#[test]
fn a_runner_finds_its_environment() {
    let app = App::unruly().env("PROBE", "own = \"x\"").set("max_multiplexing", 3);
    let platform = Platform::serving(app);
    let answered = platform.call(&json!({})).is(200);
    let (pid, env) = (answered.pid(), answered.json()["env"].clone());
    let runners = platform.runners();
    let runner = runners.first().expect("it runs");
    assert_eq!(env["PORT"], runner.port.to_string());
    assert_eq!(env["FAL_APP_NAME"], "demo/lab");
    assert_eq!(env["FAL_RUNNER_ID"], runner.id.as_str());
    assert_eq!(env["FAL_RUNNER_STATE"], "SETUP");
    assert_eq!(env["FAL_MAX_MULTIPLEXING"], "3");
    assert_eq!(env["FAL_APP_ID"], "demo/lab");
    assert_eq!(env["FAL_USER_NICKNAME"], "demo");
    assert_eq!(env["FAL_JOB_ID"], runner.id.as_str());
    assert_eq!(env["PROBE"], "own = \"x\"");
    assert_eq!(group_of(pid), Some(pid), "it leads a process group of its own");
}

/// Runners are started for load and stopped when it is gone.
#[test]
fn runners_follow_the_load() {
    let app = App::unruly().set("max_concurrency", 3).set("keep_alive", 0.2);
    let platform = Platform::serving(app);
    assert!(platform.runners().is_empty(), "nobody wants one yet");
    let held = json!({ "hold": "go" });
    let calls: Vec<_> = (0..4).map(|_| platform.begin(&held)).collect();
    states(&platform, &["RUNNING", "RUNNING", "RUNNING"]);
    platform.lab().create("go");
    for call in calls {
        assert_eq!(call.response().status, 200);
    }
    eventually("they are stopped again", || platform.processes().is_empty().then_some(()));
    assert_eq!(platform.lab().starts().len(), 3);
}
