//! Requests that have had all their retries.

use fal_tests::{App, Platform, Receiver, Request, Response, Value, eventually, json};

use super::hooked;

/// One retry for a 504, and then no more.
fn lab() -> App {
    App::unruly()
        .set("min_concurrency", 1)
        .set("retry_config", "{ server_error = { retries = 1 } }")
}

/// A request that fails until it is dead.
#[track_caller]
fn dead(platform: &Platform, tag: &str) -> String {
    let request = Request::new("POST", "/queue/demo/lab/v2?x=1").header("x-mine", "yes");
    let queued = platform.submit_as(&request.json(&json!({ "status": 504, "tag": tag })));
    queued.ends(504);
    queued.had_attempts(2);
    queued.id
}

fn listed(platform: &Platform) -> Vec<String> {
    let list = platform.get("/api/dead").is(200).json();
    let list = list.get("dead").and_then(Value::as_array).expect("a list");
    list.iter().filter_map(|letter| letter.get("request_id")?.as_str()).map(str::to_owned).collect()
}

fn put(platform: &Platform, path: &str) -> Response {
    platform.send(&Request::new("PUT", path))
}

//= docs/contract.md#dead-letters
//= type=test
//# A request that ends because it has had all its retries MUST be kept as a dead letter, with its input.
#[test]
fn a_request_that_has_had_its_retries_is_a_dead_letter() {
    let platform = Platform::serving(lab());
    assert_eq!(listed(&platform), Vec::<String>::new());
    assert_eq!(platform.tool(&["dead"]).went_well(), ["there are no dead letters"]);
    let first = dead(&platform, "first");
    let second = platform.submit(&json!({ "status": 503 }));
    second.ends(503);
    // Here it is the request's ten that are used up.
    let third = platform.submit(&json!({ "headers": { "x-fal-needs-retry": "1" } }));
    third.ends(200);
    third.had_attempts(11);
    let budget = "  so the request ends: it has had all its retries (retry-budget)";
    assert!(third.why().iter().any(|line| line == budget), "{:#?}", third.why());
    // What ended otherwise is none.
    let fine = platform.submit(&json!({}));
    let refused = platform.submit(&json!({ "status": 500 }));
    let forbidden = platform.submit_with("x-fal-no-retry", "1", &json!({ "status": 504 }));
    let cancelled = platform.submit(&json!({ "hold_cancel": true, "status": 504, "tag": "c" }));
    platform.lab().called("c");
    assert_eq!(cancelled.cancel().status, 202);
    for (queued, status) in [(&fine, 200), (&refused, 500), (&forbidden, 504), (&cancelled, 504)] {
        queued.ends(status);
        let record = queued.record();
        assert_eq!(record.get("dead_letter"), None, "{record}");
        assert_eq!(platform.get(&format!("/api/dead/{}", queued.id)).status, 404, "{record}");
        platform.tool(&["dead", "show", &queued.id]).failed("no dead letter");
        assert_eq!(put(&platform, &format!("/api/dead/{}/resubmit", queued.id)).status, 404);
    }
    // The one that ended last comes first.
    assert_eq!(listed(&platform), [third.id.clone(), second.id.clone(), first.clone()]);
    let letter = platform.get(&format!("/api/dead/{first}")).is(200).json();
    assert_eq!((&letter["dead_letter"], &letter["result_status"]), (&json!(true), &json!(504)));
    assert_eq!(letter["history"].as_array().map(Vec::len), Some(2), "{letter}");
    let why = platform.queued(&first).why();
    let said =
        "it is a dead letter: its input is kept, and it can be submitted again (dead-letters)";
    assert!(why.iter().any(|line| line == said), "{why:#?}");
    let verdict =
        "  so the request ends: it has had all its retries of this condition (retry-conditions)";
    assert!(why.iter().any(|line| line == verdict), "{why:#?}");
    // Its input, as it was submitted.
    let input = platform.get(&format!("/api/requests/{first}/input")).is(200).json();
    let body = json!({ "status": 504, "tag": "first" }).to_string();
    assert_eq!((&input["body"], &input["length"]), (&json!(body), &json!(body.len())));
    let has = |name: &str, value: &str| {
        input["headers"].as_array().is_some_and(|all| all.contains(&json!([name, value])))
    };
    assert!(has("x-mine", "yes") && has("content-type", "application/json"), "{input}");
    // The same for people.
    let lines = platform.tool(&["dead"]).went_well();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[2].starts_with(&format!("{first}  demo/lab  504 at ")), "{lines:?}");
    assert!(lines[2].ends_with(" after 2 attempts"), "{lines:?}");
    assert_eq!(platform.tool(&["dead", "list"]).went_well(), lines);
    let shown = platform.tool(&["dead", "show", &first]).went_well();
    assert!(shown.iter().any(|line| line == verdict), "{shown:#?}");
    assert_eq!(shown.last(), Some(&body));
}

//= docs/contract.md#dead-letters
//= type=test
//# One that is submitted again is a new request with the same input, and MUST be so once at most.
#[test]
fn a_dead_letter_is_submitted_again_once() {
    let receiver = Receiver::start();
    let platform = Platform::start("webhook_allow_private = true", &[lab()]);
    platform.lab().create("go");
    let orders = json!({ "status": 504, "tag": "t", "hold": "go" });
    let request = hooked(&receiver.url("/hook"), &orders).header("x-mine", "yes");
    let queued = platform.submit_as(&request);
    queued.ends(504);
    assert_eq!(listed(&platform), std::slice::from_ref(&queued.id));
    platform.lab().remove("go");
    let path = format!("/api/dead/{}/resubmit", queued.id);
    let again = put(&platform, &path).is(200).json();
    let heir = again["request_id"].as_str().expect("it has an id").to_owned();
    assert_ne!(heir, queued.id);
    assert_eq!((&again["status"], &again["queue_position"]), (&json!("IN_QUEUE"), &json!(0)));
    assert!(put(&platform, &path).is(404).text().contains("submitted again before"));
    platform.tool(&["dead", "resubmit", &queued.id]).failed("submitted again before");
    assert_eq!(put(&platform, &format!("/api/dead/{heir}/resubmit")).status, 404, "it is none");
    platform.lab().create("go");
    platform.queued(&heir).ends(504);
    platform.queued(&heir).had_attempts(2);
    let old = queued.record();
    assert_eq!((&old["resubmitted_as"], &old["status"]), (&json!(heir), &json!("COMPLETED")));
    let said = format!("it is a dead letter, and was submitted again as {heir}");
    assert!(queued.why().contains(&said), "{:#?}", queued.why());
    // The same input, to the last header.
    let seen = |id: &str| platform.lab().calls().into_iter().find(|call| call.request_id == id);
    let (before, after) = (seen(&queued.id).expect("it ran"), seen(&heir).expect("it runs"));
    assert_eq!((&before.path, &before.tag), (&after.path, &after.tag));
    assert_eq!(after.headers["x-mine"], "yes");
    assert_eq!(after.headers["x-fal-endpoint"], before.headers["x-fal-endpoint"]);
    assert_eq!(after.headers["x-fal-attempt"], "1");
    // Its webhook is told of it too.
    let tells = |id: &str| receiver.came().iter().any(|came| came.json()["request_id"] == *id);
    eventually("both ends are told", || (tells(&queued.id) && tells(&heir)).then_some(()));
}

//= docs/contract.md#dead-letters
//= type=test
//# One that is submitted again is a new request with the same input, and MUST be so once at most.
#[test]
fn of_many_at_once_one_submits_it_again() {
    let platform = Platform::serving(lab());
    let letter = dead(&platform, "crowd");
    let (addr, path) = (platform.addr(), format!("/api/dead/{letter}/resubmit"));
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || Request::new("PUT", &path).send(addr).status)
        })
        .collect();
    let mut answers: Vec<_> =
        callers.into_iter().map(|caller| caller.join().expect("it was answered")).collect();
    answers.sort_unstable();
    assert_eq!(answers, [200, 404, 404, 404, 404, 404, 404, 404]);
    let heir = platform.queued(&letter).record()["resubmitted_as"].clone();
    let heir = heir.as_str().expect("it has an heir").to_owned();
    platform.queued(&heir).ends(504);
    assert_eq!(listed(&platform), [heir, letter], "it has failed as before");
}

/// One that is dropped is as unknown as one that never was.
#[test]
fn a_dead_letter_that_is_dropped_is_gone() {
    let mut platform = Platform::serving(lab());
    let (first, second) = (dead(&platform, "first"), dead(&platform, "second"));
    let fine = platform.submit(&json!({}));
    fine.ends(200);
    let fine = fine.id;
    let delete = |id: &str| platform.send(&Request::new("DELETE", &format!("/api/dead/{id}")));
    assert_eq!(delete(&first).is(200).json()["status"], "DROPPED");
    assert_eq!(delete(&fine).status, 404, "what is no dead letter cannot be dropped");
    platform.queued(&fine).ends(200);
    platform.tool(&["dead", "drop", &fine]).failed("no dead letter");
    let queued = platform.queued(&first);
    for path in [
        format!("/api/dead/{first}"),
        format!("/api/requests/{first}"),
        format!("/api/requests/{first}/input"),
        queued.path(""),
        queued.path("/status"),
        queued.path("/status/stream"),
    ] {
        assert_eq!(platform.get(&path).status, 404, "{path}");
    }
    for path in [
        format!("/api/dead/{first}/resubmit"),
        format!("/api/requests/{first}/cancel"),
        format!("/api/requests/{first}/webhook"),
        queued.path("/cancel"),
    ] {
        assert_eq!(put(&platform, &path).status, 404, "{path}");
    }
    assert_eq!(delete(&first).status, 404, "it is gone");
    let said = platform.tool(&["dead", "drop", &second]).went_well();
    assert_eq!(said, [format!("{second} is dropped")]);
    platform.tool(&["dead", "drop", &second]).failed("no dead letter");
    assert_eq!(listed(&platform), Vec::<String>::new());
    platform.kill();
    let platform = platform.restart();
    assert_eq!(listed(&platform), Vec::<String>::new());
    assert_eq!(platform.get(&format!("/api/requests/{first}")).status, 404);
}

#[test]
fn dead_letters_survive_the_platform() {
    let mut platform = Platform::serving(lab());
    let (first, second) = (dead(&platform, "first"), dead(&platform, "second"));
    platform.kill();
    let mut platform = platform.restart();
    assert_eq!(listed(&platform), [second, first.clone()]);
    let input = platform.get(&format!("/api/requests/{first}/input")).is(200).json();
    assert!(input["body"].as_str().is_some_and(|body| body.contains("first")), "{input}");
    platform.queued(&first).ends(504);
    let said = platform.tool(&["dead", "resubmit", &first]).went_well();
    assert!(said.concat().starts_with("submitted again as "), "{said:?}");
    platform.kill();
    let platform = platform.restart();
    assert_eq!(put(&platform, &format!("/api/dead/{first}/resubmit")).status, 404);
    let heir = platform.queued(&first).record()["resubmitted_as"].clone();
    platform.queued(heir.as_str().expect("it has an heir")).ends(504);
}

//= docs/contract.md#dead-letters
//= type=test
//# It MUST be found for seven days after its end.
#[test]
fn a_dead_letter_is_kept_for_longer_than_a_result() {
    let platform = Platform::start("[retention]\nresult = 1\nlarge_result = 1", &[lab()]);
    let letter = dead(&platform, "kept");
    let fine = platform.submit(&json!({}));
    fine.ends(200);
    let record = platform.queued(&letter).record();
    let kept = fal_tests::millis(&record["expires"]) - fal_tests::millis(&record["finished"]);
    assert_eq!(kept, 7 * 24 * 60 * 60 * 1000);
    eventually("the result is gone", || (fine.status().status == 404).then_some(()));
    assert_eq!(listed(&platform), std::slice::from_ref(&letter));
    platform.queued(&letter).ends(504);
    assert_eq!(platform.get(&format!("/api/requests/{letter}/input")).status, 200);
}

/// Its time is configured, and then it is gone too.
#[test]
fn a_dead_letter_is_gone_after_its_time() {
    let head = "[retention]\nresult = 1\nlarge_result = 1\ndead_letter = 1.5";
    let platform = Platform::start(head, &[lab()]);
    let letter = dead(&platform, "gone");
    eventually("it is gone", || listed(&platform).is_empty().then_some(()));
    for path in ["", "/input"] {
        assert_eq!(platform.get(&format!("/api/requests/{letter}{path}")).status, 404, "{path}");
    }
    assert_eq!(put(&platform, &format!("/api/dead/{letter}/resubmit")).status, 404);
    let delete = Request::new("DELETE", &format!("/api/dead/{letter}"));
    assert_eq!(platform.send(&delete).status, 404);
}

#[test]
fn a_list_is_of_one_app_and_of_so_many() {
    let apps = [lab(), lab().named("demo/other")];
    let platform = Platform::start("", &apps);
    let (first, second) = (dead(&platform, "first"), dead(&platform, "second"));
    let other = Request::new("POST", "/queue/demo/other").json(&json!({ "status": 504 }));
    let other = platform.send(&other).is(200).json()["request_id"].clone();
    let ids = |query: &str| {
        let list = platform.get(&format!("/api/dead{query}")).is(200).json();
        let list = list["dead"].as_array().cloned().unwrap_or_default();
        list.iter().map(|letter| letter["request_id"].clone()).collect::<Vec<_>>()
    };
    eventually("the other one is dead too", || (ids("").len() == 3).then_some(()));
    assert_eq!(ids("?limit=1"), std::slice::from_ref(&other));
    assert_eq!(ids("?app=demo/lab"), [json!(second), json!(first)]);
    assert_eq!(ids("?app=demo%2Fother&limit=1000"), [other]);
    assert_eq!(ids("?app=no/body"), Vec::<Value>::new());
    for query in ["limit=0", "limit=1001", "limit=-1", "limit=x", "limit=", "app=", "app=nonsense/"]
    {
        for list in ["dead", "requests"] {
            let refused = platform.get(&format!("/api/{list}?{query}")).is(400);
            assert!(refused.json()["detail"].is_string(), "{query}");
        }
    }
}
