//! Whole platforms on one database: any of them takes, shows and ends the requests of the one queue.

use std::{fs, time::Duration};

use fal_tests::{
    App, Connection, Platform, Receiver, Request, Signal, Timer, eventually, json,
    postgres::Postgres, signal, tool,
};

const UNKNOWN: &str = "0190d1a2-0000-7000-8000-0000000000ff";

/// A platform on this database that has runners.
#[track_caller]
fn working(url: &str) -> Platform {
    let head = format!("queue = \"{url}\"\nwebhook_allow_private = true");
    Platform::start(&head, &[App::unruly().set("min_concurrency", 1)])
}

/// A platform on this database whose runners get ready only when there is a file `never`.
#[track_caller]
fn idle(url: &str) -> Platform {
    Platform::start(
        &format!("queue = \"{url}\""),
        &[App::unruly().env("UNRULY_HOLD_SETUP", "never")],
    )
}

//= docs/contract.md#many-nodes
//= type=test
//# With `queue = "postgres://..."` any number of nodes MUST be able to submit, run, cancel and read the requests of
//# one queue.
#[test]
fn a_request_is_the_same_whichever_node_is_asked() {
    let server = Postgres::start();
    let url = server.url(&server.database());
    let (first, second, third) = (working(&url), idle(&url), idle(&url));
    let submitted = second.submit(&json!({ "hold": "go", "tag": "a", "print": "a line" }));
    let id = submitted.id.clone();
    first.lab().called("a");
    let stream = Request::new("GET", &submitted.path("/status/stream?logs=1")).begin(third.addr());
    eventually("the second knows that it runs", || {
        (submitted.state() == "IN_PROGRESS").then_some(())
    });
    assert_eq!(third.queued(&id).result().status, 400);
    let behind = third.submit(&json!({ "tag": "b" }));
    eventually("the first knows that one waits", || {
        let status = first.queued(&behind.id).status().json();
        (status["queue_position"] == 0).then_some(())
    });
    first.lab().create("go");
    assert_eq!(third.queued(&id).wait().is(200).json()["request_id"], id.as_str());
    assert_eq!(second.queued(&behind.id).wait().status, 200);
    assert_eq!(second.queued(&id).lines(), ["a line"]);
    ends(stream, "a line");
    assert_eq!(first.lab().tags(), ["a", "b"]);
    assert_eq!(second.queued(UNKNOWN).result().status, 404);
    assert_eq!(
        [&first, &second, &third]
            .map(|node| node.get("/.well-known/jwks.json").is(200).text())
            .len(),
        3
    );
}

/// A status stream ends with a completed request, and shows this line.
#[track_caller]
fn ends(stream: Connection, line: &str) {
    let text = stream.response().is(200).text();
    let last = text.lines().rfind(|line| line.starts_with("data:")).unwrap_or_default();
    assert!(last.contains("COMPLETED") && last.contains(line), "{text}");
}

#[test]
fn all_nodes_sign_with_one_key() {
    let server = Postgres::start();
    let url = server.url(&server.database());
    let (first, second) = (idle(&url), idle(&url));
    let keys = |node: &Platform| node.get("/.well-known/jwks.json").is(200).text();
    assert_eq!(keys(&first), keys(&second));
}

//= docs/contract.md#start-deadline
//= type=test
//# A request that has not started by its start deadline MUST end with 504 and `X-Fal-Request-Timeout-Type: user`.
#[test]
fn a_node_that_has_just_started_ends_what_is_overdue() {
    let server = Postgres::start();
    let node = idle(&server.url(&server.database()));
    let timer = Timer::start();
    let late = node.submit_with("x-fal-request-timeout", "0.2", &json!({}));
    assert_eq!(late.wait().header("x-fal-request-timeout-type"), Some("user"));
    // Nodes that are silent are given 15 s before anything is made of it; a deadline has no part in that.
    assert!(timer.elapsed() < Duration::from_secs(14), "{:?}", timer.elapsed());
}

#[test]
fn a_cancel_reaches_the_node_that_runs_the_request() {
    let server = Postgres::start();
    let url = server.url(&server.database());
    let (first, second) = (working(&url), idle(&url));
    let running = second.submit(&json!({ "hold_cancel": true, "status": 499, "tag": "a" }));
    first.lab().called("a");
    assert_eq!(running.cancel().status, 202);
    assert_eq!(first.queued(&running.id).wait().status, 499);
    let (held, waiting) = (second.submit(&json!({ "hold": "go", "tag": "held" })), json!({}));
    first.lab().called("held");
    let waiting = first.submit(&waiting);
    assert_eq!(second.queued(&waiting.id).cancel().status, 202);
    waiting.result().is_problem(499, "client_cancelled");
    first.lab().create("go");
    held.ends(200);
}

#[test]
fn the_same_key_is_the_same_request_on_every_node() {
    let server = Postgres::start();
    let url = server.url(&server.database());
    let (first, second) = (working(&url), idle(&url));
    let keyed = |tag: &str| {
        let submit = Request::new("POST", "/queue/demo/lab").header("idempotency-key", "k");
        submit.json(&json!({ "tag": tag }))
    };
    let id = first.submit_as(&keyed("a")).id;
    assert_eq!(second.submit_as(&keyed("a")).id, id);
    assert_eq!(second.send(&keyed("b")).status, 422);
    assert_eq!(second.queued(&id).wait().status, 200);
    assert_eq!(first.lab().tags(), ["a"]);
}

//= docs/contract.md#many-nodes
//= type=test
//# A node that has not said that it lives for as long as its lease lasts MUST lose what it had leased, and those
//# requests wait again without being charged.
//= docs/contract.md#queue-fencing
//= type=test
//# A result of an attempt whose lease is no longer current MUST change nothing.
#[test]
fn a_node_that_wakes_up_changes_nothing_any_more() {
    let server = Postgres::start();
    let url = server.url(&server.database());
    let receiver = Receiver::start();
    let first = working(&url);
    let body = json!({ "hold": "go", "tag": "a", "print": "a line", "body": "from one of them" });
    let hook = receiver.url("/hook").replace(':', "%3A").replace('/', "%2F");
    let submit = Request::new("POST", &format!("/queue/demo/lab?fal_webhook={hook}")).json(&body);
    let id = first.submit_as(&submit).id;
    first.lab().called("a");
    // The node sleeps, and its runner goes on.
    signal(first.pid(), Signal::STOP);
    first.lab().create("go");
    let second = working(&url);
    second.lab().create("go");
    let taken = second.queued(&id);
    assert_eq!(taken.wait().is(200).text(), "from one of them");
    let before = taken.record();
    signal(first.pid(), Signal::CONT);
    eventually("the sleeper has learned of it", || {
        first.log().contains("late result of an old attempt").then_some(())
    });
    let after = first.queued(&id).record();
    assert_eq!((after["attempts"].as_u64(), after["retries"].as_u64()), (Some(2), Some(0)));
    for part in ["history", "finished", "result_status"] {
        assert_eq!(before[part], after[part], "{part}");
    }
    assert_eq!(taken.lines(), ["a line"], "once, by the attempt that counts");
    receiver.gets(1);
    assert_eq!((first.lab().tags(), second.lab().tags()), (vec!["a".into()], vec!["a".into()]));
}

#[test]
fn a_dead_node_gives_its_requests_back() {
    let server = Postgres::start();
    let url = server.url(&server.database());
    let (mut first, second) = (working(&url), idle(&url));
    let held = first.submit(&json!({ "hold": "go", "tag": "held" })).id;
    first.lab().called("held");
    first.kill();
    second.lab().create("never");
    second.lab().create("go");
    let taken = second.queued(&held);
    assert_eq!(taken.wait().status, 200);
    let record = taken.record();
    assert_eq!((record["attempts"].as_u64(), record["retries"].as_u64()), (Some(2), Some(0)));
    assert_eq!(record["history"][0]["outcome"], "lost", "{record}");
}

//= docs/contract.md#store-full
//= type=test
//# While the store takes no commits, because its disk is full, may not be written or cannot be reached, submits MUST get
//# 500, nothing that was acknowledged is lost, and the platform goes on by itself when the store does.
#[test]
fn the_platform_outlives_its_database() {
    let mut server = Postgres::start();
    let url = server.url(&server.database());
    let platform = working(&url);
    let running = platform.submit(&json!({ "hold": "go", "tag": "a" }));
    platform.lab().called("a");
    let waiting = platform.submit(&json!({ "tag": "b" }));
    server.kill();
    let submit = Request::new("POST", "/queue/demo/lab").json(&json!({}));
    platform.send(&submit).is_problem(500, "internal_error");
    // It has an answer that nobody can keep yet.
    platform.lab().create("go");
    server.launch();
    assert_eq!((running.wait().status, waiting.wait().status), (200, 200));
    assert_eq!(platform.submit(&json!({ "tag": "c" })).wait().status, 200);
    running.had_attempts(1);
}

//= docs/contract.md#doctor
//= type=test
//# A store whose settings could lose what it has acknowledged MUST be refused, by `fal-server doctor` and at the start.
#[test]
fn a_database_that_may_lose_requests_is_refused() {
    let mut server = Postgres::start();
    let url = server.url(&server.database());
    let apps = "[apps.\"demo/lab\"]\ncommand = [\"sh\"]\n";
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let config = folder.path().join("fal.toml");
    let text = format!("listen = \"127.0.0.1:0\"\nqueue = \"{url}\"\n{apps}");
    fs::write(&config, &text).expect("the folder can be written");
    let doctor = || tool(&["doctor", "--config", &config.to_string_lossy()]);
    let lines = doctor().went_well();
    assert!(lines.last().is_some_and(|line| line.starts_with("fit:")), "{lines:?}");
    for setting in ["fsync", "full_page_writes"] {
        server.set(setting, "off");
        server.restart();
        let told = doctor();
        assert_eq!(told.code, Some(1), "{told:?}");
        assert!(
            told.lines.iter().any(|line| line.starts_with("unfit") && line.contains(setting)),
            "{told:?}"
        );
        let refused = Platform::refused(&text, |_| {});
        assert!(refused.code == Some(1) && refused.log.contains(setting), "{}", refused.log);
        server.set(setting, "on");
    }
    server.kill();
    doctor().failed("could not open the queue's database");
}
