//! What stands beside the table: spares, containment, the shield, cancel grace, hints.

use fal_tests::{App, Platform, Request, Runner, eventually, json};

/// Waits until so many runners are ready, spares included.
#[track_caller]
fn ready(platform: &Platform, count: usize) -> Vec<Runner> {
    eventually(&format!("{count} runners are ready"), || {
        let runners = platform.runners();
        let ready: Vec<_> = runners.into_iter().filter(Runner::is_ready).collect();
        (ready.len() == count).then_some(ready)
    })
}

#[track_caller]
fn standing<'a>(runners: &'a [Runner], standing: &str) -> &'a Runner {
    let mut found = runners.iter().filter(|runner| runner.standing == standing);
    found.next().expect("one stands so")
}

//= docs/contract.md#spares
//= type=test
//# While an app has runners, `spares` more MUST be kept set up, and get no request.
//= docs/contract.md#spares
//= type=test
//# When a runner dies, a ready spare MUST take its place in the same step, and another spare is started.
#[test]
fn a_spare_takes_over_without_a_setup() {
    let app = App::unruly().set("min_concurrency", 1).set("spares", 1);
    let platform = Platform::serving(app);
    let before = ready(&platform, 2);
    let (serving, spare) = (standing(&before, "serving"), standing(&before, "spare"));
    for _ in 0..3 {
        assert_eq!(platform.call(&json!({})).is(200).pid(), serving.pid, "the spare gets nothing");
    }
    assert_eq!(platform.call(&json!({ "status": 503 })).is(503).pid(), serving.pid);
    assert_eq!(platform.call(&json!({})).is(200).pid(), spare.pid);
    eventually("another spare", || {
        let runners = platform.runners();
        let spare =
            runners.iter().find(|runner| runner.standing == "spare" && runner.is_ready())?;
        before.iter().all(|earlier| earlier.pid != spare.pid).then_some(())
    });
    assert_eq!(platform.lab().starts().len(), 3);
}

//= docs/contract.md#poison
//= type=test
//# With `poison_limit` set, a request that was in flight at so many deaths of runners MUST NOT be tried again,
//# and ends with `runner_disconnected`.
//= docs/contract.md#poison
//= type=test
//# An attempt that ended because its runner died MUST NOT be charged then.
#[test]
fn a_request_that_ends_runners_takes_nobody_with_it() {
    let app = App::unruly().set("min_concurrency", 1).set("max_multiplexing", 4);
    let platform = Platform::serving(app.set("poison_limit", 2));
    platform.only_runner();
    let first = json!({ "script": [{ "hold": "never" }, {}], "tag": "innocent" });
    let innocent: Vec<_> = (0..3).map(|_| platform.submit(&first)).collect();
    eventually("all of them run", || {
        (platform.lab().tags().iter().filter(|tag| *tag == "innocent").count() == 3).then_some(())
    });
    let poison = platform.submit(&json!({ "crash": "kill" }));
    let answer = poison.wait();
    answer.is_problem(503, "runner_disconnected");
    let detail = answer.json()["detail"].to_string();
    assert_eq!(detail.matches("(disconnected)").count(), 2, "{detail}");
    for queued in innocent {
        assert_eq!(queued.wait().status, 200);
        assert_eq!(queued.record()["retries"], 0, "it was not charged");
    }
    assert_eq!(platform.lab().attempts(&poison.id).len(), 2);
    eventually("a third one has started", || (platform.lab().starts().len() >= 3).then_some(()));
    assert_eq!(platform.lab().starts().len(), 3, "two runners were lost");
    let log = platform.log();
    assert!(log.contains("request is not tried again"), "{log}");
}

//= docs/contract.md#shield
//= type=test
//# A runner that nearly always fails while the others nearly always serve SHOULD be sent off for a while, and then
//# tried with one request at a time.
#[test]
fn a_runner_that_always_fails_is_sent_off_and_comes_back() {
    let app = App::unruly().set("min_concurrency", 2).set("max_concurrency", 2);
    let platform = Platform::serving(app);
    let bad = ready(&platform, 2).first().expect("there are two").pid;
    let statuses: Vec<_> =
        (0..40).map(|_| platform.call(&json!({ "fail_pid": bad })).status).collect();
    let failed = statuses.iter().filter(|status| **status == 500).count();
    assert!(failed < 15, "{failed} of 40 went to the one that fails");
    assert_eq!(statuses.last(), Some(&200));
    eventually("it serves again", || {
        assert_eq!(platform.call(&json!({})).status, 200);
        let runners = platform.runners();
        let back = runners.iter().find(|runner| runner.pid == bad)?;
        (back.standing == "serving").then_some(())
    });
    assert_eq!(platform.lab().starts().len(), 2, "nobody was ended for it");
}

//= docs/contract.md#cancel-grace
//= type=test
//# With `cancel_grace`, a runner that has not answered a cancelled request by then MUST be terminated and
//# replaced, unless it serves other requests and the app did not say that this does not matter.
#[test]
fn a_runner_that_ignores_a_cancel_is_replaced() {
    let app = App::unruly().set("min_concurrency", 1).set("cancel_grace", 0.05);
    let platform = Platform::serving(app);
    let before = platform.only_runner();
    let queued = platform.submit(&json!({ "hold": "never", "tag": "stuck" }));
    platform.lab().called("stuck");
    assert_eq!(queued.cancel().status, 202);
    queued.wait().is_problem(499, "client_cancelled");
    let after = platform.replaced(before);
    let direct = platform.begin(&json!({ "hold": "never", "tag": "left" }));
    platform.lab().called("left");
    drop(direct);
    platform.replaced(after);
}

//= docs/contract.md#runner-hints
//= type=test
//# A queued request with a hint SHOULD go to a free runner whose last hints hold it, and to any other where there
//# is none.
#[test]
fn a_hint_leads_to_the_runner_that_gave_it() {
    let app = App::unruly().set("min_concurrency", 2).set("max_concurrency", 2);
    let platform = Platform::serving(app);
    ready(&platform, 2);
    let said = json!({ "headers": { "x-fal-runner-hints": "lora, other" } });
    let hinted = platform.call(&said).is(200).pid();
    for _ in 0..4 {
        let request = Request::new("POST", "/queue/demo/lab").header("x-fal-runner-hint", "lora");
        let answered = platform.submit_as(&request.json(&json!({}))).wait().is(200);
        assert_eq!(answered.pid(), hinted);
    }
    // A hint that nobody gave makes nobody wait.
    let other = platform.submit_with("x-fal-runner-hint", "unheard of", &json!({}));
    assert_eq!(other.wait().status, 200);
}

//= docs/contract.md#runner-record
//= type=test
//# Of each app the last 100 runners that are gone MUST be kept, with the cause of their end.
#[test]
fn whoever_is_gone_is_remembered_with_the_cause() {
    let platform = Platform::serving(App::unruly().set("min_concurrency", 1));
    let first = platform.only_runner();
    assert_eq!(platform.call(&json!({ "status": 503 })).status, 503);
    platform.replaced(first);
    let asked = |state: &str| {
        let answer = platform.get(&format!("/api/runners?state={state}")).is(200).json();
        let runners = answer["runners"].as_array().expect("a list").clone();
        let field = |runner: &fal_tests::Value, key: &str| runner[key].to_string();
        runners.iter().map(|it| (it["pid"].as_u64(), field(it, "cause"))).collect::<Vec<_>>()
    };
    let gone = vec![(Some(u64::from(first)), "\"status_503\"".to_owned())];
    eventually("it is gone", || (asked("terminated") == gone).then_some(()));
    assert_eq!(asked("dead"), gone);
    assert_eq!((asked("all").len(), asked("idle").len(), asked("pending").len()), (2, 1, 0));
    let wrong = platform.get("/api/runners?state=asleep").is(400).text();
    assert!(wrong.contains("is not one of all, idle, running"), "{wrong}");
}

#[test]
fn a_runners_record_has_fals_fields() {
    let app = App::unruly().set("min_concurrency", 1).set("spares", 1);
    let platform = Platform::start("machine.type = \"GPU-H100\"", &[app]);
    ready(&platform, 2);
    let queued = platform.submit(&json!({ "hold": "go", "tag": "busy" }));
    platform.lab().called("busy");
    let spare = platform.get("/api/runners").json()["runners"][1].clone();
    assert_eq!(spare["external_metadata"], json!({ "leases": [], "present_in_group": false }));
    let record = platform.get("/api/runners").json()["runners"][0].clone();
    assert_eq!(
        (&record["state"], &record["replacement"]),
        (&json!("RUNNING"), &json!("NO_REPLACE"))
    );
    assert_eq!((&record["machine_type"], &record["revision"]), (&json!("GPU-H100"), &json!(1)));
    let beside = &record["external_metadata"];
    assert_eq!(beside["present_in_group"], json!(true));
    assert_eq!(beside["leases"][0]["request_id"], queued.id);
    assert_eq!(beside["leases"][0]["caller_user_id"], json!(null));
    assert!(beside["leases"][0]["leased_at_epoch"].is_number(), "{record}");
    assert!(record["uptime"].as_f64().is_some_and(|uptime| uptime > 0.0), "{record}");
    assert_eq!(record["expiration_countdown"], json!(null), "it is not idle");
    platform.lab().create("go");
    assert_eq!(queued.wait().status, 200);
}
