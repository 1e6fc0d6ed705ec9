//! A runner that wakes up after its request was tried again.

use std::time::Duration;

use fal_tests::{App, Platform, Receiver, Signal, eventually, holds_for, is_alive, json, signal};

use super::hooked;

/// A runner that is stopped cannot heed SIGTERM, so it lives until its grace period is over.
fn lab() -> Platform {
    let app = App::deaf().set("min_concurrency", 1).set("max_concurrency", 2);
    let app = app.set("request_timeout", 1).set("termination_grace_period_seconds", 20);
    Platform::start("webhook_allow_private = true", &[app])
}

//= docs/contract.md#queue-fencing
//= type=test
//# A result of an attempt whose lease is no longer current MUST change nothing.
#[test]
fn a_runner_that_wakes_up_late_changes_nothing() {
    let (platform, receiver) = (lab(), Receiver::start());
    let late = json!({ "print": "slept", "hold": "wake", "print_late": "too late", "body": "\"late\"",
        "print_after": "after all" });
    let orders = json!({ "script": [late], "print": "awake", "hold": "go", "body": "\"in time\"", "tag": "t" });
    let queued = platform.submit_as(&hooked(&receiver.url("/hook"), &orders));
    let sleeper = platform.lab().called("t").pid;
    eventually("its line is read", || (queued.lines() == ["slept"]).then_some(()));
    signal(sleeper, Signal::STOP);
    let second = eventually("another runner has it", || match queued.attempts()[..] {
        [first, second] if first == sleeper && second != sleeper => Some(second),
        _ => None,
    });
    eventually("its line is read", || (queued.lines() == ["slept", "awake"]).then_some(()));
    let waker = platform.lab();
    waker.create("wake");
    signal(sleeper, Signal::CONT);
    // It has printed and answered; nobody is there to hear it.
    eventually("it has printed what it had to say", || {
        platform.log().contains("too late").then_some(())
    });
    let is_same = || {
        queued.state() == "IN_PROGRESS"
            && queued.lines() == ["slept", "awake"]
            && receiver.came().is_empty()
    };
    holds_for(Duration::from_millis(100), "the second attempt is the one that counts", is_same);
    assert!(is_alive(sleeper), "it is not its end that keeps it from being heard");
    platform.lab().create("go");
    let result = queued.wait().is(200);
    assert_eq!(result.text(), "\"in time\"");
    assert_eq!(receiver.gets(1).json()["payload"], "in time");
    queued.had_attempts(2);
    let record = queued.record();
    assert_eq!(record["history"][0]["outcome"], "timed_out", "{record}");
    assert_eq!(record["history"][1]["outcome"], "responded 200", "{record}");
    assert_ne!(record["history"][0]["runner_id"], record["history"][1]["runner_id"]);
    let is_over = || {
        queued.result().text() == "\"in time\""
            && queued.lines() == ["slept", "awake"]
            && receiver.came().len() == 1
    };
    holds_for(Duration::from_millis(100), "it stays so", is_over);
    assert!(is_alive(second));
    // Not even the next request of that runner has anything to do with it.
    signal(sleeper, Signal::KILL);
}

/// A runner that wakes up when its request has ended changes nothing either.
#[test]
fn a_runner_that_wakes_up_after_the_end_changes_nothing() {
    let (platform, receiver) = (lab(), Receiver::start());
    let late = json!({ "print": "slept", "hold": "wake", "print_late": "too late", "status": 500 });
    let orders = json!({ "script": [late], "body": "[]", "print": "mine", "tag": "t" });
    let queued = platform.submit_as(&hooked(&receiver.url("/hook"), &orders));
    let sleeper = platform.lab().called("t").pid;
    eventually("its line is read", || (queued.lines() == ["slept"]).then_some(()));
    signal(sleeper, Signal::STOP);
    assert_eq!(queued.wait().is(200).text(), "[]");
    receiver.gets(1);
    let before = queued.record();
    platform.lab().create("wake");
    signal(sleeper, Signal::CONT);
    eventually("it has said what it had to say", || {
        platform.log().contains("too late").then_some(())
    });
    let is_same = || {
        let record = queued.record();
        record["history"] == before["history"]
            && record["finished"] == before["finished"]
            && queued.lines() == ["slept", "mine"]
            && receiver.came().len() == 1
    };
    holds_for(Duration::from_millis(100), "nothing has changed", is_same);
    queued.had_attempts(2);
    assert_eq!(queued.result().is(200).text(), "[]");
    signal(sleeper, Signal::KILL);
}
