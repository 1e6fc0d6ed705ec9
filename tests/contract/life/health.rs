//! The health endpoint.

use std::time::Duration;

use fal_tests::{App, Call, Platform, eventually, holds_for, is_alive, json};

fn lab(more: &str) -> Platform {
    let check = format!("{{ path = \"/health\", interval_seconds = 0.05, {more} }}");
    Platform::serving(App::unruly().set("min_concurrency", 1).set("health_check", check))
}

/// The probes that a runner got.
fn probes(platform: &Platform, pid: u32) -> impl Iterator<Item = Call> {
    let calls = platform.lab().calls().into_iter();
    calls.filter(move |call| call.path == "/health" && call.pid == pid)
}

fn was_asked_for(call: &Call) -> bool {
    call.headers.get("x-fal-runner-health-check").is_some()
}

/// How many regular probes a runner got.
fn regular(platform: &Platform, pid: u32) -> usize {
    probes(platform, pid).filter(|call| !was_asked_for(call)).count()
}

/// How many probes a runner got that were asked for.
fn demanded(platform: &Platform, pid: u32) -> usize {
    probes(platform, pid).filter(was_asked_for).count()
}

//= docs/contract.md#health-endpoint
//= type=test
//# It MUST be asked every `interval_seconds` while the runner is ready, unless `call_regularly` is false.
//= docs/contract.md#health-endpoint
//= type=test
//# A runner MUST be terminated after `failure_threshold` consecutive failures.
#[test]
fn a_runner_that_keeps_failing_its_health_check_is_replaced() {
    let platform = lab("start_period_seconds = 0.001, failure_threshold = 4");
    let before = platform.only_runner();
    eventually("it is asked regularly", || (regular(&platform, before) > 5).then_some(()));
    assert_eq!(platform.lab().starts(), [before], "while it is healthy it lives");
    platform.lab().create("unhealthy");
    let healthy = regular(&platform, before);
    eventually("it is ended", || (!is_alive(before)).then_some(()));
    let failed = regular(&platform, before) - healthy;
    assert!((3..=5).contains(&failed), "after four failures, and not {failed}");
    platform.lab().remove("unhealthy");
    platform.replaced(before);
}

//= docs/contract.md#health-endpoint
//= type=test
//# A probe fails when it gets no answer within `timeout_seconds`, or a status of 400 or above.
#[test]
fn a_health_endpoint_that_hangs_fails() {
    let platform =
        lab("start_period_seconds = 0.001, failure_threshold = 2, timeout_seconds = 0.2");
    let before = platform.only_runner();
    platform.lab().create("hanging");
    eventually("it is ended", || (!is_alive(before)).then_some(()));
    platform.lab().remove("hanging");
    platform.replaced(before);
}

//= docs/contract.md#health-endpoint
//= type=test
//# Failures within `start_period_seconds` MUST NOT count.
#[test]
fn failures_in_the_start_period_do_not_count() {
    let platform = lab("start_period_seconds = 300, failure_threshold = 1");
    let before = platform.only_runner();
    platform.lab().create("unhealthy");
    let healthy = regular(&platform, before);
    eventually("it is asked", || (regular(&platform, before) > healthy + 3).then_some(()));
    assert_eq!(platform.only_runner(), before);
}

//= docs/contract.md#health-endpoint
//= type=test
//# A response header `x-fal-runner-health-check: true` MUST cause a probe at once, whose single failure terminates the runner.
//= docs/contract.md#health-endpoint
//= type=test
//# That probe carries the header `x-fal-runner-health-check`.
#[test]
fn a_runner_can_ask_for_a_probe() {
    let platform = lab("call_regularly = false, start_period_seconds = 300, failure_threshold = 3");
    let before = platform.only_runner();
    let asks = json!({ "headers": { "x-fal-runner-health-check": "true" } });
    let answered = platform.call(&asks).is(200);
    assert_eq!(answered.header("x-fal-runner-health-check"), None, "it is not for the caller");
    eventually("the probe", || (demanded(&platform, before) == 1).then_some(()));
    holds_for(Duration::from_millis(150), "it lives", || is_alive(before));
    assert_eq!(regular(&platform, before), 0, "nobody asked for regular ones");
    platform.lab().create("unhealthy");
    assert_eq!(platform.submit(&asks).wait().is(200).pid(), before);
    platform.replaced(before);
    assert_eq!(demanded(&platform, before), 2);
}
