//! The same submit twice.

use std::{
    sync::{Arc, Barrier},
    thread,
};

use fal_tests::{App, Platform, Request, Response, Value, holds_for, json};

fn lab() -> App {
    App::unruly().set("min_concurrency", 1)
}

/// A submit under a key.
fn under(key: &str, path: &str, body: &Value) -> Request {
    Request::new("POST", &format!("/queue/{path}")).json(body).header("idempotency-key", key)
}

#[track_caller]
fn id_of(answered: &Response) -> String {
    let body = answered.json();
    body.get("request_id").and_then(Value::as_str).expect("it has an id").to_owned()
}

/// It is answered as the submit before it was, with its id, and says so.
#[track_caller]
fn is_replayed(answered: Response, id: &str) -> Response {
    let answered = answered.is(200);
    assert_eq!(id_of(&answered), id);
    assert_eq!(answered.header("idempotency-replayed"), Some("true"));
    assert_eq!(answered.request_id(), id);
    answered
}

//= docs/contract.md#idempotency
//= type=test
//# Of one app, the same `Idempotency-Key` with the same payload MUST be the same request, for as long as its result is kept.
#[test]
fn the_same_key_and_payload_are_one_request() {
    let platform = Platform::serving(lab());
    let busy = platform.submit(&json!({ "hold": "go", "tag": "busy" }));
    platform.lab().called("busy");
    let ahead = platform.submit(&json!({ "hold": "then", "tag": "ahead" }));
    let submit = under("one", "demo/lab/v2?x=1", &json!({ "tag": "once" }));
    let first = platform.send(&submit).is(200);
    assert_eq!(first.header("idempotency-replayed"), None, "it is new");
    assert_eq!(first.json()["queue_position"], 1);
    let id = id_of(&first);
    let again = is_replayed(platform.send(&submit), &id).json();
    assert_eq!(again, first.json(), "as it was answered then");
    // What is the queue's own in a query is not the payload.
    let with_limit =
        under("one", "demo/lab/v2?x=1&fal_max_queue_length=0", &json!({ "tag": "once" }));
    is_replayed(platform.send(&with_limit), &id);
    platform.lab().create("go");
    platform.lab().called("ahead");
    let later = is_replayed(platform.send(&submit), &id).json();
    assert_eq!(later["queue_position"], 0, "with its present position");
    platform.lab().create("then");
    assert_eq!((busy.wait().status, ahead.wait().status), (200, 200));
    let queued = platform.queued(&id);
    let result = queued.wait().is(200);
    let ended = is_replayed(platform.send(&submit), &id).json();
    assert_eq!(ended["queue_position"], 0);
    assert_eq!(queued.result().is(200).body, result.body, "the same result");
    queued.had_attempts(1);
    assert_eq!(platform.lab().tags(), ["busy", "ahead", "once"]);
}

//= docs/contract.md#idempotency
//= type=test
//# With another payload it MUST be answered with 422, and changes nothing.
#[test]
fn another_payload_under_the_same_key_is_422() {
    let platform = Platform::serving(lab());
    let body = json!({ "tag": "mine" });
    let id = id_of(&platform.send(&under("one", "demo/lab/v2?x=1", &body)).is(200));
    platform.queued(&id).ends(200);
    let spaced = under("one", "demo/lab/v2?x=1", &json!(null)).body("{\"tag\": \"mine\"}");
    for other in [
        under("one", "demo/lab/v2?x=1", &json!({ "tag": "other" })),
        under("one", "demo/lab/v2?x=1", &json!(null)).body(""),
        spaced,
        under("one", "demo/lab/v3?x=1", &body),
        under("one", "demo/lab?x=1", &body),
        under("one", "demo/lab/v2?x=2", &body),
        under("one", "demo/lab/v2", &body),
    ] {
        let refused = platform.send(&other).is(422);
        let detail = refused.json()["detail"].as_str().unwrap_or_default().to_owned();
        assert!(detail.contains("Idempotency-Key") && detail.contains(&id), "{detail}");
        assert_eq!(refused.header("idempotency-replayed"), None);
    }
    is_replayed(platform.send(&under("one", "demo/lab/v2?x=1", &body)), &id);
    assert_eq!(platform.lab().tags(), ["mine"], "nothing else has run");
    let kept = platform.get("/api/requests").json();
    assert_eq!(kept["requests"].as_array().map(Vec::len), Some(1), "{kept}");
    // Another key is another request, and so is none.
    let other = id_of(&platform.send(&under("two", "demo/lab/v2?x=1", &body)).is(200));
    let without = platform.submit(&body);
    assert!(other != id && without.id != id && without.id != other);
    assert_eq!(without.wait().status, 200);
    platform.queued(&other).had_attempts(1);
}

/// Callers that do not wait for each other get one request, which runs once.
#[test]
fn concurrent_duplicates_collapse() {
    const CALLERS: usize = 32;
    let platform = Platform::serving(lab().set("max_concurrency", 2));
    let start = Arc::new(Barrier::new(CALLERS));
    let addr = platform.addr();
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let start = Arc::clone(&start);
            thread::spawn(move || {
                let mut connection = fal_tests::Connection::open(addr);
                start.wait();
                let submit = under("crowd", "demo/lab", &json!({ "tag": "crowd" }));
                connection.send(&submit).expect("it is read");
                connection.response().is(200)
            })
        })
        .collect();
    let answers: Vec<_> =
        callers.into_iter().map(|caller| caller.join().expect("it was answered")).collect();
    let id = id_of(answers.first().expect("there are some"));
    assert!(answers.iter().all(|answered| id_of(answered) == id));
    let new = answers.iter().filter(|answered| answered.header("idempotency-replayed").is_none());
    assert_eq!(new.count(), 1, "one of them was the first");
    platform.queued(&id).ends(200);
    let once = || platform.lab().tags() == ["crowd"];
    holds_for(std::time::Duration::from_millis(50), "it has run once", once);
    platform.queued(&id).had_attempts(1);
}

//= docs/contract.md#idempotency
//= type=test
//# Of one app, the same `Idempotency-Key` with the same payload MUST be the same request, for as long as its result is kept.
#[test]
fn a_key_outlives_the_platform() {
    let mut platform = Platform::serving(lab());
    let (done, held) = (json!({ "body": "done" }), json!({ "hold": "go", "tag": "held" }));
    let first = id_of(&platform.send(&under("done", "demo/lab", &done)).is(200));
    assert_eq!(platform.queued(&first).wait().is(200).text(), "done");
    let second = id_of(&platform.send(&under("held", "demo/lab", &held)).is(200));
    platform.lab().called("held");
    platform.kill();
    let platform = platform.restart();
    is_replayed(platform.send(&under("done", "demo/lab", &done)), &first);
    assert_eq!(platform.queued(&first).result().is(200).text(), "done");
    is_replayed(platform.send(&under("held", "demo/lab", &held)), &second);
    assert_eq!(platform.send(&under("held", "demo/lab", &done)).status, 422);
    platform.lab().create("go");
    platform.queued(&second).ends(200);
    assert_eq!(platform.queued(&first).attempts().len(), 1, "it has run before");
}

//= docs/contract.md#idempotency
//= type=test
//# Of one app, the same `Idempotency-Key` with the same payload MUST be the same request, for as long as its result is kept.
#[test]
fn a_key_is_free_again_when_the_result_is_gone() {
    let platform = Platform::start("[retention]\nresult = 1", &[lab()]);
    let submit = |tag: &str| platform.send(&under("one", "demo/lab", &json!({ "tag": tag })));
    let first = id_of(&submit("first").is(200));
    platform.queued(&first).ends(200);
    let second = fal_tests::eventually("its result is gone", || {
        let answered = submit("second");
        (answered.status != 422).then(|| answered.is(200))
    });
    assert_eq!(second.header("idempotency-replayed"), None, "it is new");
    assert_ne!(id_of(&second), first);
    assert_eq!(platform.queued(&first).status().status, 404);
    platform.queued(&id_of(&second)).ends(200);
    assert_eq!(platform.lab().tags(), ["first", "second"]);
}

/// A key belongs to an app: what another app's caller chose is nobody's business.
#[test]
fn another_apps_same_key_is_another_request() {
    let platform = Platform::start("", &[lab(), lab().named("demo/other")]);
    let body = json!({});
    let here = id_of(&platform.send(&under("one", "demo/lab", &body)).is(200));
    let there = platform.send(&under("one", "demo/other", &body)).is(200);
    assert_eq!(there.header("idempotency-replayed"), None);
    assert_ne!(id_of(&there), here);
    is_replayed(platform.send(&under("one", "demo/other", &body)), &id_of(&there));
}

/// A key has 1 to 255 characters of ASCII; another one gets 400.
#[test]
fn a_key_that_is_none_is_400() {
    let platform = Platform::serving(App::unruly());
    for key in ["", "   ", &"x".repeat(256), "caf\u{e9}", "\u{1f511}"] {
        let refused = platform.send(&under(key, "demo/lab", &json!({})));
        refused.is_problem(400, "bad_request");
        assert!(refused.text().contains("Idempotency-Key"), "{}", refused.text());
    }
    assert!(platform.lab().starts().is_empty(), "nothing was submitted");
    let longest = "k".repeat(255);
    let id = id_of(&platform.send(&under(&longest, "demo/lab", &json!({}))).is(200));
    is_replayed(platform.send(&under(&longest, "demo/lab", &json!({}))), &id);
    let spaces = id_of(&platform.send(&under("a key: of mine!", "demo/lab", &json!({}))).is(200));
    is_replayed(platform.send(&under("a key: of mine!", "demo/lab", &json!({}))), &spaces);
}
