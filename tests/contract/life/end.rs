//! How a runner ends: with others in flight, with the platform, with what it left behind.

use std::time::Duration;

use fal_tests::{
    App, Connection, Platform, Request, Signal, Timer, environment_holds, eventually, is_alive,
    json, signal,
};

/// Whether something runs that was started with the runners' folder in its environment.
fn any_left(platform: &Platform) -> bool {
    !environment_holds(&format!("UNRULY_DIR={}", platform.dir().join("lab").display())).is_empty()
}

//= docs/contract.md#in-flight-on-death
//= type=test
//# When a runner is terminated, its connections MUST be cut with it.
//= docs/contract.md#in-flight-on-death
//= type=test
//# Each other request that was in flight on it MUST end as a broken connection, with its attempt charged.
#[test]
fn a_runners_end_breaks_what_else_it_works_on() {
    let app = App::unruly().set("min_concurrency", 1).set("max_multiplexing", 3);
    let platform = Platform::serving(app);
    let before = platform.only_runner();
    let direct = platform.begin(&json!({ "hold": "never", "tag": "direct" }));
    let queued = platform.submit(&json!({ "script": [{ "hold": "never" }], "tag": "queued" }));
    platform.lab().called("direct");
    platform.lab().called("queued");
    assert_eq!(platform.call(&json!({ "status": 503 })).is(503).pid(), before);
    direct.response().is_problem(503, "runner_disconnected");
    assert_eq!(queued.wait().is(200).pid(), platform.replaced(before));
    queued.had_attempts(2);
    assert_eq!(queued.record()["retries"], 1);
}

//= docs/contract.md#leftovers
//= type=test
//# Every runner MUST be gone when the platform is gone, however the platform ended.
#[test]
fn a_killed_platform_leaves_nothing_behind() {
    for app in [App::unruly(), App::deaf()] {
        let app = app.set("min_concurrency", 1).env("UNRULY_SPAWN", "child");
        let mut platform = Platform::serving(app);
        let runner = platform.only_runner();
        let stray = platform.call(&json!({ "spawn": "setsid" })).is(200).json();
        let stray = u32::try_from(stray["spawned"].as_u64().expect("a number")).expect("small");
        assert!(is_alive(runner) && is_alive(stray));
        platform.kill();
        let is_gone = || !any_left(&platform) && !is_alive(runner) && !is_alive(stray);
        eventually("nothing of it is left", || is_gone().then_some(()));
    }
}

//= docs/contract.md#leftovers
//= type=test
//# A new start MUST end what an earlier one left behind, before it starts runners of its own.
#[test]
fn a_new_start_ends_what_an_earlier_one_left() {
    let app = App::deaf().set("min_concurrency", 1).env("UNRULY_SPAWN", "setsid");
    let mut platform = Platform::serving(app);
    let old = platform.only_runner();
    // Without its guard, a platform that is killed leaves its runners behind.
    signal(platform.pid(), Signal::STOP);
    for guard in children(platform.pid()).into_iter().filter(|child| *child != old) {
        signal(guard, Signal::KILL);
        eventually("the guard is gone", || (!is_alive(guard)).then_some(()));
    }
    platform.kill();
    assert!(is_alive(old));
    let platform = platform.restart();
    assert!(!is_alive(old), "it is gone before the platform says that it listens");
    let new = platform.only_runner();
    assert_eq!(platform.processes().len(), 2, "the new one and its child");
    assert_eq!(platform.lab().starts(), [old, new]);
}

/// The processes whose parent this is.
fn children(parent: u32) -> Vec<u32> {
    let path = format!("/proc/{parent}/task");
    let tasks = std::fs::read_dir(path).expect("it runs").filter_map(Result::ok);
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()
        })
        .collect()
}

//= docs/contract.md#shutdown
//= type=test
//# On shutdown every runner MUST be stopped, and requests in flight may finish within the grace period.
//= docs/contract.md#shutdown
//= type=test
//# A runner that still runs when the grace period is over MUST be killed with its whole process group.
//= docs/contract.md#shutdown
//= type=test
//# After a clean stop the platform MUST exit with 0.
#[test]
fn what_is_in_flight_may_finish_in_the_grace_period() {
    let app = App::deaf().set("min_concurrency", 1).set("termination_grace_period_seconds", 2);
    let mut platform = Platform::serving(app.env("UNRULY_SPAWN", "child"));
    let before = platform.only_runner();
    let in_flight = platform.begin(&json!({ "hold": "go", "tag": "in flight" }));
    platform.lab().called("in flight");
    let timer = Timer::start();
    signal(platform.pid(), Signal::TERM);
    eventually("it stops", || platform.log().contains("stopping").then_some(()));
    platform.lab().create("go");
    assert_eq!(in_flight.response().is(200).pid(), before);
    assert!(timer.elapsed() < Duration::from_secs(2));
    assert_eq!(platform.exit().code(), Some(0));
    assert!(!is_alive(before));
    eventually("its group is gone", || (!any_left(&platform)).then_some(()));
}

//= docs/contract.md#shutdown
//= type=test
//# A runner that still runs when the grace period is over MUST be killed with its whole process group.
#[test]
fn a_runner_that_does_not_stop_is_killed_when_the_grace_is_over() {
    let mut platform =
        Platform::serving(App::deaf().set("min_concurrency", 1).env("UNRULY_SPAWN", "child"));
    let before = platform.only_runner();
    let stuck = platform.begin(&json!({ "hold": "never", "tag": "stuck" }));
    platform.lab().called("stuck");
    let timer = Timer::start();
    assert_eq!(platform.stop().code(), Some(0));
    assert!(timer.elapsed() >= Duration::from_millis(900), "{:?}", timer.elapsed());
    assert!(!is_alive(before));
    eventually("its group is gone", || (!any_left(&platform)).then_some(()));
    stuck.response().is_problem(503, "runner_disconnected");
}

//= docs/contract.md#shutdown
//= type=test
//# A draining runner MUST NOT get new requests.
//= docs/contract.md#tcp-check
//= type=test
//# A runner that is draining MUST NOT be checked.
#[test]
fn a_draining_runner_gets_nothing_new_and_is_not_checked() {
    let app = App::deaf().set("min_concurrency", 1).set("max_multiplexing", 4);
    let mut platform = Platform::serving(app.set("termination_grace_period_seconds", 3));
    platform.only_runner();
    let failing =
        platform.begin(&json!({ "status": 500, "close_port": true, "hold": "fail", "tag": "one" }));
    let other = platform.begin(&json!({ "hold": "finish", "tag": "two" }));
    platform.lab().called("one");
    platform.lab().called("two");
    let mut kept = Connection::open(platform.addr());
    kept.send(&Request::new("GET", "/healthz")).expect("it listens");
    assert_eq!(kept.next_response().status, 200);
    signal(platform.pid(), Signal::TERM);
    eventually("it stops", || platform.log().contains("stopping").then_some(()));
    // A kept connection may be closed by now; if not, a call on it is turned away.
    let late = Request::new("POST", "/run/demo/lab").json(&json!({ "tag": "late" }));
    if kept.send(&late).is_ok() && !kept.is_closed() {
        assert_eq!(kept.next_response().status, 503);
    }
    platform.lab().create("fail");
    assert_eq!(failing.response().status, 500);
    platform.lab().create("finish");
    assert_eq!(other.response().status, 200, "a failed check would have cut it");
    assert_eq!(platform.exit().code(), Some(0));
    assert_eq!(platform.lab().tags().len(), 2);
}

//= docs/contract.md#shutdown
//= type=test
//# On shutdown every runner MUST be stopped, and requests in flight may finish within the grace period.
//= docs/contract.md#leftovers
//= type=test
//# Every runner MUST be gone when the platform is gone, however the platform ended.
#[test]
fn a_second_signal_stops_at_once() {
    let app = App::deaf().set("min_concurrency", 1).set("termination_grace_period_seconds", 100);
    let mut platform = Platform::serving(app.env("UNRULY_SPAWN", "child"));
    let before = platform.only_runner();
    let stuck = platform.begin(&json!({ "hold": "never", "tag": "stuck" }));
    platform.lab().called("stuck");
    signal(platform.pid(), Signal::TERM);
    eventually("it stops", || platform.log().contains("stopping").then_some(()));
    let timer = Timer::start();
    assert_eq!(platform.stop().code(), Some(1), "that was no clean stop");
    assert!(timer.elapsed() < Duration::from_secs(20));
    let is_gone = || !is_alive(before) && !any_left(&platform);
    eventually("no runner is left", || is_gone().then_some(()));
    stuck.hang_up();
}

/// Queued requests that a clean stop cut wait for the next start.
#[test]
fn a_stop_loses_no_queued_request() {
    let mut platform = Platform::serving(App::unruly().set("min_concurrency", 1));
    let held = json!({ "hold": "go", "tag": "held" });
    let ids: Vec<_> = (0..3).map(|_| platform.submit(&held).id).collect();
    platform.lab().called("held");
    assert_eq!(platform.stop().code(), Some(0));
    assert_eq!(platform.rest_of_output(), "", "one line on standard output");
    platform.lab().create("go");
    let platform = platform.restart();
    for id in &ids {
        assert_eq!(platform.queued(id).wait().status, 200, "{}", platform.queued(id).record());
    }
}

//= docs/contract.md#queue-restart
//= type=test
//# An attempt that the platform's own death cut MUST NOT be charged to its request.
#[test]
fn a_stop_is_not_charged_to_the_request_that_it_cut() {
    for app in [App::deaf(), App::unruly()] {
        let mut platform = Platform::serving(app.set("min_concurrency", 1));
        let held = json!({ "hold": "go", "tag": "held" });
        let id = platform.submit_with("x-fal-no-retry", "1", &held).id;
        platform.lab().called("held");
        assert_eq!(platform.stop().code(), Some(0));
        platform.lab().create("go");
        let platform = platform.restart();
        let queued = platform.queued(&id);
        assert_eq!(queued.wait().status, 200, "{}", queued.record());
        assert_eq!(queued.record()["retries"], 0, "{}", queued.record());
    }
}
