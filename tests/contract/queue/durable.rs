//! What survives the platform's death.

use std::fs;

use fal_tests::{App, Platform, json};

//= docs/contract.md#queue-restart
//= type=test
//# Accepted requests MUST survive the platform's death, and go on after its next start.
//= docs/contract.md#queue-restart
//= type=test
//# An attempt that the platform's own death cut MUST NOT be charged to its request.
//= docs/contract.md#queue-durable
//= type=test
//# A submit MUST NOT be answered before the request is durable.
#[test]
fn accepted_requests_survive_a_kill() {
    let mut platform = Platform::serving(App::unruly().set("min_concurrency", 1));
    let done = platform.submit(&json!({ "body": "done before" }));
    assert_eq!(done.wait().status, 200);
    let held = platform.submit(&json!({ "hold": "go", "tag": "held" })).id;
    platform.lab().called("held");
    let low = platform.submit_with("x-fal-queue-priority", "low", &json!({ "tag": "low" })).id;
    let waiting = platform.submit(&json!({ "tag": "waiting" })).id;
    let cancelled = platform.submit(&json!({ "tag": "cancelled" }));
    assert_eq!(cancelled.cancel().status, 202);
    let (done, cancelled) = (done.id, cancelled.id);
    // The last word before the death is an acknowledgement.
    let last = platform.submit(&json!({ "tag": "last" })).id;
    platform.kill();
    let platform = platform.restart();
    assert_eq!(platform.queued(&done).result().is(200).text(), "done before");
    platform.queued(&cancelled).result().is_problem(499, "client_cancelled");
    platform.lab().create("go");
    for id in [&held, &waiting, &last, &low] {
        assert_eq!(platform.queued(id).wait().status, 200);
    }
    let record = platform.queued(&held).record();
    assert_eq!(
        (record["attempts"].as_u64(), record["retries"].as_u64()),
        (Some(2), Some(0)),
        "{record}"
    );
    assert_eq!(platform.lab().tags(), ["", "held", "held", "waiting", "last", "low"]);
}

//= docs/contract.md#queue-restart
//= type=test
//# An attempt that the platform's own death cut MUST NOT be charged to its request.
#[test]
fn deaths_of_the_platform_use_up_no_retries() {
    let app =
        App::unruly().set("min_concurrency", 1).set("skip_retry_conditions", "[\"server_error\"]");
    let mut platform = Platform::serving(app);
    let id = platform.submit(&json!({ "hold": "go" })).id;
    for attempt in 1..=3 {
        fal_tests::eventually("it runs", || {
            (platform.lab().attempts(&id).len() == attempt).then_some(())
        });
        platform.kill();
        platform = platform.restart();
    }
    platform.lab().create("go");
    assert_eq!(platform.queued(&id).wait().status, 200);
    assert_eq!(platform.queued(&id).record()["retries"], 0);
}

/// A start deadline goes on while there is no platform.
#[test]
fn a_start_deadline_survives_too() {
    let mut platform = Platform::serving(App::unruly().env("UNRULY_HOLD_SETUP", "go"));
    let id = platform.submit_with("x-fal-request-start-timeout", "0.3", &json!({})).id;
    platform.kill();
    let platform = platform.restart();
    let result = platform.queued(&id).wait();
    result.is_problem(504, "startup_timeout");
    assert_eq!(result.header("x-fal-request-timeout-type"), Some("user"));
}

/// A copy that is made while the platform runs is a queue, and replaces nothing.
#[test]
fn a_backup_is_a_queue() {
    let platform = Platform::serving(App::unruly().env("UNRULY_HOLD_SETUP", "never"));
    let id = platform.submit(&json!({})).id;
    let copy = platform.dir().join("copy.sqlite");
    let words = ["backup", "--to", &copy.to_string_lossy()];
    let said = platform.tool(&words).went_well().concat();
    assert!(said.contains("1 requests"), "{said}");
    platform.tool(&words).failed("is there already: name a file that is not there yet");
    let restored = Platform::prepared("", &[App::unruly()], |dir| {
        let data = dir.join("data");
        fs::create_dir_all(&data).expect("a folder can be made");
        fs::copy(&copy, data.join("queue.sqlite")).expect("it can be copied");
    });
    assert_eq!(restored.queued(&id).wait().status, 200);
}
