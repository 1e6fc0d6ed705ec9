//! What happened to a request or a runner, and why.

use fal_tests::{App, Platform, Queued, Value, eventually, holds_for, json, millis, tool};

fn lab() -> App {
    App::unruly().set("min_concurrency", 1)
}

/// The values of a key in each attempt.
fn column(history: &[Value], key: &str) -> Vec<String> {
    let text =
        |attempt: &Value| attempt.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    history.iter().map(text).collect()
}

fn history(queued: &Queued<'_>) -> Vec<Value> {
    queued.record().get("history").and_then(Value::as_array).cloned().unwrap_or_default()
}

/// A 503, a 504, a crash, a timeout, and then an answer.
fn troubled() -> Value {
    json!({ "script": [
        { "status": 503 }, { "status": 504, "close": true }, { "crash": "kill" },
        { "hold": "never" },
    ] })
}

//= docs/contract.md#attempts
//= type=test
//# Of every attempt the runner, the start, the end, the outcome and the verdict MUST be kept for as long as the request is.
#[test]
fn every_attempt_is_kept_with_its_runner_its_outcome_and_its_verdict() {
    let mut platform = Platform::serving(lab().set("request_timeout", 1));
    let queued = platform.submit(&troubled());
    queued.ends(200);
    let (id, pids) = (queued.id.clone(), queued.attempts());
    let history = history(&queued);
    let number = |key: &str| history.iter().map(|of| of[key].as_u64()).collect::<Vec<_>>();
    assert_eq!(number("attempt"), [Some(1), Some(2), Some(3), Some(4), Some(5)]);
    for (key, expected) in [
        (
            "outcome",
            ["responded 503", "responded 504", "disconnected", "timed_out", "responded 200"],
        ),
        (
            "verdict",
            [
                "again after_death",
                "again backoff",
                "again after_death",
                "again after_death",
                "ends final",
            ],
        ),
        ("clause", ["status-503", "status-504", "crash", "timeout", "status-2xx"]),
        (
            "runner_fate",
            [
                "ended status_503",
                "checked",
                "ended disconnected",
                "ended request_timed_out",
                "kept",
            ],
        ),
        ("runner_clause", ["status-503", "status-504", "crash", "timeout", "status-2xx"]),
    ] {
        assert_eq!(column(&history, key), expected, "{key}");
    }
    // Each was on the runner that says so itself.
    let known = |state: &str| platform.get(&format!("/api/runners?state={state}")).is(200).json();
    let known = known("all")["runners"].as_array().cloned().unwrap_or_default();
    let process = |name: &String| {
        let runner = known.iter().find(|runner| runner["runner_id"] == **name);
        runner.and_then(|runner| runner["pid"].as_u64())
    };
    let runners = column(&history, "runner_id");
    let expected: Vec<_> = pids.iter().map(|pid| Some(u64::from(*pid))).collect();
    assert_eq!(runners.iter().map(process).collect::<Vec<_>>(), expected);
    // One after the other, and the timeout took its time.
    let times = history.iter().map(|of| (millis(&of["started"]), millis(&of["ended"])));
    let times: Vec<_> = times.collect();
    assert!(times.iter().all(|(started, ended)| started <= ended), "{times:?}");
    assert!(times.windows(2).all(|two| two[0].1 <= two[1].0), "{times:?}");
    assert!(times[3].1 - times[3].0 >= 1000, "{times:?}");
    let nodes = column(&history, "node");
    assert!(nodes.iter().all(|node| *node == nodes[0] && !node.is_empty()), "{nodes:?}");
    // As long as the request is.
    platform.kill();
    let platform = platform.restart();
    assert_eq!(super::attempts::history(&platform.queued(&id)), history);
    platform.queued(&id).had_attempts(5);
}

//= docs/contract.md#explained
//= type=test
//# `/api/requests/{id}` MUST say of a request each wait, each attempt, what was decided and by which clause, and what it waits for now.
#[test]
fn a_request_that_has_ended_is_explained_line_by_line() {
    let platform = Platform::serving(lab().set("request_timeout", 1));
    let queued = platform.submit(&troubled());
    queued.ends(200);
    let lines = queued.why();
    let runners = column(&history(&queued), "runner_id");
    let mut expected = vec![format!("{} was submitted to demo/lab at ", queued.id)];
    for (number, (outcome, verdict, fate, clause)) in [
        ("it answered 503", "goes again", "is ended and replaced: it answered 503", "status-503"),
        ("it answered 504", "goes again", "stays, if its port accepts a connection", "status-504"),
        (
            "its connection broke",
            "goes again",
            "is ended and replaced: a connection to it broke while a request was in flight",
            "crash",
        ),
        (
            "request_timeout passed",
            "goes again",
            "is ended and replaced: it did not answer within request_timeout",
            "timeout",
        ),
        ("it answered 200", "ends with that: nothing asks for a retry", "stays", "status-2xx"),
    ]
    .into_iter()
    .enumerate()
    {
        expected.push("it waited for ".to_owned());
        expected.push(format!("attempt {} began at ", number + 1));
        expected.push(format!("  so the request {verdict} ({clause})"));
        expected.push(format!("  and the runner {fate} ({clause})"));
        let line = &lines[expected.len() - 3];
        let place = format!(" on runner {}: {outcome} after ", runners[number]);
        assert!(line.contains(&place), "`{place}` in {line}");
    }
    expected.push("it ended at ".to_owned());
    expected.push("it is kept until ".to_owned());
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, begin) in lines.iter().zip(&expected) {
        assert!(line.starts_with(begin), "`{begin}` begins `{line}`");
    }
    assert!(lines[lines.len() - 2].ends_with("with 200, the runner's answer"), "{lines:#?}");
    // People get the same; only how long ago it was may have changed.
    let told = platform.tool(&["why", &queued.id]).went_well();
    assert_eq!(told[1..], lines[1..]);
    assert!(told[0].starts_with(&expected[0]), "{told:#?}");
    // A caller may write the id as it likes.
    let told = platform.tool(&["why", &queued.id.to_uppercase()]).went_well();
    assert_eq!(told[1..], lines[1..]);
}

//= docs/contract.md#explained
//= type=test
//# `/api/requests/{id}` MUST say of a request each wait, each attempt, what was decided and by which clause, and what it waits for now.
#[test]
fn a_request_that_waits_says_for_what() {
    let app = App::unruly().env("UNRULY_HOLD_SETUP", "ready");
    let app = app.set("retry_backoff", "{ initial = 3600, max = 3600 }");
    let platform = Platform::serving(app.set("max_concurrency", 1));
    let first: Vec<_> =
        (0..3).map(|_| platform.submit(&json!({ "hold": "go", "tag": "held" }))).collect();
    let last =
        platform.submit_with("x-fal-request-start-timeout", "300", &json!({ "status": 504 }));
    eventually("its runner is in SETUP", || {
        let lines = last.why();
        assert_eq!(lines.len(), 2, "{lines:?}");
        lines[1].contains("1 runner in SETUP for ").then_some(())
    });
    let lines = last.why();
    let line = &lines[1];
    assert!(line.starts_with("now: it waits, 3 ahead, 1 runner in SETUP for "), "{line}");
    assert!(line.contains("it ends with 504 if it has not started by "), "{line}");
    assert!(!line.contains("not before"), "{line}");
    assert!(first[0].why()[1].starts_with("now: it waits, 0 ahead, "), "{:?}", first[0].why());
    platform.lab().create("ready");
    platform.lab().called("held");
    let running = first[0].why();
    let now = running.last().expect("there are lines");
    assert!(now.starts_with("now: attempt 1 runs, for ") && now.ends_with(" already"), "{now}");
    let line = last.why().pop().unwrap_or_default();
    assert!(line.contains("2 ahead, 1 runner in RUNNING for "), "{line}");
    platform.lab().create("go");
    for queued in &first {
        queued.ends(200);
    }
    // Its attempt is over, and it waits for its backoff.
    let next = eventually("its next attempt has a moment", || {
        last.record()["next_attempt_not_before"].as_str().map(str::to_owned)
    });
    let clock = &next[11..19];
    let lines = last.why();
    let line = lines.last().expect("there are lines");
    assert!(line.starts_with("now: it waits, 0 ahead, 1 runner in IDLE for "), "{line}");
    assert!(line.contains(&format!(", next attempt not before {clock}")), "{line}");
    let verdict = format!("  so the request goes again, not before {clock} (status-504)");
    assert!(lines.contains(&verdict), "{verdict} in {lines:#?}");
    assert_eq!(last.cancel().status, 202);
    let end = last.why();
    assert!(
        end.iter().any(
            |line| line.starts_with("it was cancelled at ") && line.ends_with("(queue-cancel)")
        ),
        "{end:#?}"
    );
}

/// A running request whose caller wants it cancelled says so.
#[test]
fn a_cancel_under_way_is_told() {
    let platform = Platform::serving(lab());
    let queued = platform.submit(&json!({ "hold": "go", "tag": "held" }));
    platform.lab().called("held");
    assert_eq!(queued.cancel().status, 202);
    let last = queued.why().pop().unwrap_or_default();
    assert!(last.contains("cancelled") && last.ends_with("(queue-cancel)"), "{last}");
    assert_eq!(queued.record()["cancel_requested"], true);
    platform.lab().create("go");
    queued.ends(200);
}

/// `/api/runners/{id}` says of a runner where it stands and why it ended.
#[test]
fn a_runner_is_explained_also_when_it_is_gone() {
    let platform = Platform::serving(lab());
    let pid = platform.only_runner();
    let name = platform.runners()[0].id.clone();
    let why = |name: &str| {
        let record = platform.get(&format!("/api/runners/{name}")).is(200).json();
        let lines = record["why"].as_array().cloned().unwrap_or_default();
        let lines = lines.iter().filter_map(Value::as_str).map(str::to_owned);
        (record["state"].as_str().unwrap_or_default().to_owned(), lines.collect::<Vec<_>>())
    };
    let (state, lines) = why(&name);
    assert_eq!(state, "IDLE");
    assert!(lines[0].starts_with(&format!("{name} is a runner of demo/lab, of its revision ")));
    assert!(lines[1].starts_with("it is IDLE since "), "{lines:?}");
    let told = platform.tool(&["why", &name]).went_well();
    assert_eq!(told[0], lines[0]);
    let held =
        platform.submit(&json!({ "hold": "go", "tag": "held", "status": 503, "script": [] }));
    platform.lab().called("held");
    assert!(why(&name).1.contains(&"it works on 1 requests".to_owned()), "{:?}", why(&name));
    let held = held.id.clone();
    platform.lab().create("go");
    platform.replaced(pid);
    let (state, lines) = eventually("it is gone", || {
        let (state, lines) = why(&name);
        (state == "TERMINATED").then_some((state, lines))
    });
    assert_eq!(state, "TERMINATED");
    assert!(lines[1].contains("it answered 503 (status_503)"), "{lines:?}");
    assert_eq!(platform.tool(&["why", &name]).went_well()[0], lines[0]);
    let told = platform.tool(&["why", &name]).went_well().concat();
    assert!(told.contains("it answered 503 (status_503)"), "{told}");
    assert_eq!(platform.queued(&held).record()["request_id"], held);
}

#[test]
fn what_is_not_there_cannot_be_explained() {
    let mut platform = Platform::serving(lab());
    let unknown = "0190d1a2-0000-7000-8000-0000000000ff";
    platform.tool(&["why", unknown]).failed("not found");
    platform.tool(&["why", "12345678-0"]).failed("not found");
    for id in ["nonsense", "", "../../healthz", "%2e%2e", "a b", "\u{e9}"] {
        platform.tool(&["why", id]).failed("");
        platform.tool(&["dead", "show", id]).failed("");
    }
    for path in ["requests", "runners", "dead"] {
        assert_eq!(platform.get(&format!("/api/{path}/{unknown}")).status, 404, "{path}");
        for id in ["nonsense", "%ff", "%00", "{}"] {
            let answered = platform.get(&format!("/api/{path}/{id}")).is(404);
            assert!(answered.json()["detail"].is_string(), "{path}/{id}");
        }
    }
    let id = platform.submit(&json!({})).id;
    platform.queued(&id).ends(200);
    assert_eq!(platform.stop().code(), Some(0));
    for words in [&["why", &id][..], &["dead"], &["dead", "show", &id], &["webhook", &id]] {
        platform.tool(words).failed("no platform runs on data_dir");
    }
    let nowhere = platform.dir().join("nowhere");
    let told = tool(&["why", &id, "--data-dir", &nowhere.to_string_lossy()]);
    told.failed("no platform runs on data_dir");
    let by_config = platform.dir().join("fal.toml");
    let told = tool(&["why", &id, "--config", &by_config.to_string_lossy()]);
    told.failed("no platform runs on data_dir");
    let told = tool(&["why", &id, "--config", &nowhere.to_string_lossy()]);
    assert_eq!(told.code, Some(2), "{}", told.error);
    assert_eq!(tool(&["why"]).code, Some(2), "an id is missing");
}

/// What another platform left in a data directory leads nowhere.
#[test]
fn the_tools_find_the_platform_that_runs_now() {
    let mut platform = Platform::serving(lab());
    let id = platform.submit(&json!({})).id;
    platform.queued(&id).ends(200);
    platform.kill();
    let platform = platform.restart();
    let by_config = platform.dir().join("fal.toml");
    let told = tool(&["why", &id, "--config", &by_config.to_string_lossy()]).went_well();
    assert!(told[0].starts_with(&id), "{told:?}");
    // It is read by nobody else, and read only.
    let is_same = || platform.tool(&["why", &id]).went_well()[1..] == told[1..];
    holds_for(std::time::Duration::from_millis(50), "it says the same", is_same);
}
