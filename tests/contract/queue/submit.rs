//! Submitting, and what is forwarded.

use fal_tests::{App, Platform, Request, json};

fn lab() -> Platform {
    Platform::serving(App::unruly().set("min_concurrency", 1))
}

//= docs/contract.md#queue-submit
//= type=test
//# A submit MUST answer 200 with `status`, `request_id`, `response_url`, `status_url`, `cancel_url` and `queue_position`.
#[test]
fn a_submit_says_where_to_ask() {
    let platform = lab();
    let queued = platform.submit(&json!({}));
    let said = &queued.submitted;
    let base = format!("http://{}/queue/demo/lab/requests/{}", platform.addr(), queued.id);
    assert_eq!(said["status"], "IN_QUEUE");
    assert_eq!(said["response_url"], base);
    assert_eq!(said["status_url"], format!("{base}/status"));
    assert_eq!(said["cancel_url"], format!("{base}/cancel"));
    assert_eq!(said["queue_position"], 0);
    assert_eq!(queued.wait().is(200).json()["method"], "POST");
}

/// The body is forwarded verbatim, as a POST to the path of the submit, whatever its content type.
#[test]
fn what_was_submitted_is_forwarded_as_it_was() {
    let platform = lab();
    let odd = "  {\"a\" : 1.0e0 ,\n\t\"b\":\"\\u00e9\"} ";
    for (path, seen) in
        [("", "/"), ("/v2/turbo", "/v2/turbo"), ("/v2?x=1&y=a%20b", "/v2?x=1&y=a%20b")]
    {
        let request = Request::new("POST", &format!("/queue/demo/lab{path}"));
        let request = request.header("content-type", "text/odd").body(odd);
        let result = platform.submit_as(&request).wait().is(200).json();
        assert_eq!(
            (result["method"].as_str(), result["path"].as_str()),
            (Some("POST"), Some(seen))
        );
        assert_eq!(result["text"], odd);
        assert_eq!(result["headers"]["content-type"], "text/odd");
    }
    let empty = platform.submit_as(&Request::new("POST", "/queue/demo/lab"));
    assert_eq!(empty.wait().is(200).json()["received"], 0);
}

//= docs/contract.md#queue-submit
//= type=test
//# With `fal_max_queue_length` a submit MUST get 429 when more requests than that are waiting.
#[test]
fn a_submit_may_ask_for_a_short_queue() {
    let platform = lab();
    let held = platform.submit(&json!({ "hold": "go", "tag": "held" }));
    platform.lab().called("held");
    let limited = |most: u32| {
        let path = format!("/queue/demo/lab?fal_max_queue_length={most}");
        platform.send(&Request::new("POST", &path).json(&json!({})))
    };
    assert_eq!(limited(0).status, 200);
    let full = limited(0);
    assert_eq!(full.status, 429, "{}", full.text());
    assert!(full.json()["detail"].is_string());
    assert_eq!(limited(1).status, 200);
    assert_eq!(limited(1).status, 429);
    platform.lab().create("go");
    assert_eq!(held.wait().status, 200);
    let nonsense = Request::new("POST", "/queue/demo/lab?fal_max_queue_length=x");
    platform.send(&nonsense).is_problem(400, "bad_request");
}

//= docs/contract.md#queue-result
//= type=test
//# The result MUST be the app's own status, headers and body, with `x-fal-request-id` added.
//= docs/contract.md#queue-result
//= type=test
//# The result of a request that is not completed MUST be 400 with `Request is still in progress`.
#[test]
fn a_result_is_the_apps_own_answer() {
    let platform = lab();
    let own = json!({ "status": 418, "headers": { "x-mine": "yes", "content-type": "text/tea" },
        "body": "short and stout", "hold": "go", "tag": "tea" });
    let queued = platform.submit(&own);
    platform.lab().called("tea");
    let early = queued.result().is(400);
    assert_eq!(early.json()["detail"], "Request is still in progress");
    platform.lab().create("go");
    let result = queued.wait().is(418);
    assert_eq!((result.text().as_str(), result.header("x-mine")), ("short and stout", Some("yes")));
    assert_eq!(result.header("content-type"), Some("text/tea"));
    assert_eq!(result.request_id(), queued.id);
    for form in ["/", "/response"] {
        assert_eq!(platform.get(&queued.path(form)).is(418).body, result.body);
    }
    let by_path = format!("/queue/demo/lab/v2/requests/{}", queued.id);
    assert_eq!(platform.get(&by_path).status, 418, "clients keep the path before it");
    for orders in [
        json!({ "body_bytes": 300_000 }),
        json!({ "chunked": true, "body_bytes": 70_000 }),
        json!({ "events": 3 }),
        json!({ "until_close": true, "body_bytes": 5000 }),
        json!({ "body": "" }),
    ] {
        let direct = platform.call(&orders).is(200);
        let result = platform.submit(&orders).wait().is(200);
        assert!(direct.is_whole && direct.body == result.body, "{orders}");
    }
}

//= docs/contract.md#retention
//= type=test
//# A completed request MUST be found for an hour after its end, or for six minutes when its result has 10 KB or more.
//= docs/contract.md#retention
//= type=test
//# After that it MUST be answered as unknown.
#[test]
fn results_are_kept_for_an_hour_and_large_ones_for_six_minutes() {
    let mut platform = lab();
    let small = platform.submit(&json!({ "body_bytes": 10 * 1024 - 1 }));
    let large = platform.submit(&json!({ "body_bytes": 10 * 1024 }));
    assert_eq!((small.wait().status, large.wait().status), (200, 200));
    let (small, large) = (small.id, large.id);
    assert_eq!(platform.stop().code(), Some(0));
    // The clock cannot be moved, so the ends are: a minute less than each is kept for, then a minute more.
    let move_ends = |platform: &Platform, minutes: i64| {
        let store =
            rusqlite::Connection::open(platform.dir().join("data/queue.sqlite")).expect("a file");
        let change = "UPDATE requests SET finished = finished - ?1, expires = expires - ?1";
        store.execute(change, [minutes * 60_000_000]).expect("the store's tables");
    };
    move_ends(&platform, 5);
    let mut platform = platform.restart();
    assert_eq!(
        (platform.queued(&small).result().status, platform.queued(&large).result().status),
        (200, 200)
    );
    assert_eq!(platform.stop().code(), Some(0));
    move_ends(&platform, 2);
    let mut platform = platform.restart();
    let gone = |platform: &Platform, id: &str| {
        fal_tests::eventually("it is unknown", || {
            (platform.queued(id).status().status == 404).then_some(())
        });
        assert_eq!(platform.queued(id).result().status, 404);
    };
    gone(&platform, &large);
    assert_eq!(platform.queued(&small).result().status, 200);
    assert_eq!(platform.stop().code(), Some(0));
    move_ends(&platform, 52);
    let mut platform = platform.restart();
    assert_eq!(platform.queued(&small).result().status, 200);
    assert_eq!(platform.stop().code(), Some(0));
    move_ends(&platform, 2);
    gone(&platform.restart(), &small);
}
