//! For how long a request is kept, and what of it.

use fal_tests::{App, Platform, Queued, Request, eventually, json, millis};

fn lab() -> App {
    App::unruly().set("min_concurrency", 1)
}

/// The milliseconds that an ended request is kept after its end.
#[track_caller]
fn kept(queued: &Queued<'_>) -> i64 {
    let record = queued.record();
    let at = |key: &str| millis(record.get(key).expect("it has ended"));
    at("expires") - at("finished")
}

/// Nothing knows of it any more.
#[track_caller]
fn is_unknown(platform: &Platform, queued: &Queued<'_>) {
    eventually("it is unknown", || (queued.status().status == 404).then_some(()));
    let id = &queued.id;
    for path in [
        queued.path(""),
        queued.path("/response"),
        queued.path("/status/stream"),
        format!("/api/requests/{id}"),
        format!("/api/requests/{id}/input"),
    ] {
        assert_eq!(platform.get(&path).status, 404, "{path}");
    }
    assert_eq!(queued.cancel().is(404).json().get("status"), Some(&json!("NOT_FOUND")));
    let webhook = Request::new("PUT", &format!("/api/requests/{id}/webhook"));
    assert_eq!(platform.send(&webhook).status, 404);
    assert!(!platform.get("/api/requests").text().contains(id), "no list has it");
    platform.tool(&["why", id]).failed("not found");
}

//= docs/contract.md#retention
//= type=test
//# After that it MUST be answered as unknown.
#[test]
fn results_are_kept_for_as_long_as_is_configured() {
    let head = "[retention]\nresult = 1\nlarge_result = 1.25\nlarge_from = 100\nstored = 2.5";
    let platform = Platform::start(head, &[lab()]);
    let small = platform.submit(&json!({ "body_bytes": 99 }));
    let large = platform.submit(&json!({ "body_bytes": 100 }));
    let stored = platform.submit_with("x-fal-store-io", "1", &json!({ "body_bytes": 100_000 }));
    let failed = platform.submit(&json!({ "status": 404, "body_bytes": 1 }));
    let cancelled = platform.submit(&json!({ "hold_cancel": true, "drop": true, "tag": "c" }));
    platform.lab().called("c");
    assert_eq!(cancelled.cancel().status, 202);
    // They are gone before a slow machine could ask for all of them one after the other.
    let ended = |queued: &Queued<'_>| {
        eventually("it has ended", || queued.record()["expires"].as_str().map(|_| kept(queued)))
    };
    assert_eq!(ended(&cancelled), 1000);
    let last = platform.submit(&json!({ "body_bytes": 100 }));
    assert_eq!(ended(&last), 1250);
    let long = platform.submit_with("x-fal-store-io", "1", &json!({}));
    assert_eq!(ended(&long), 2500);
    for queued in [&small, &large, &failed, &cancelled, &last, &stored, &long] {
        is_unknown(&platform, queued);
    }
}

/// The times that count where nothing is configured, as the record has them.
#[test]
fn the_record_says_until_when_it_is_kept() {
    const HOUR: i64 = 60 * 60 * 1000;
    let platform = Platform::serving(lab());
    for (orders, expected) in [
        (json!({ "body_bytes": 10 * 1024 - 1 }), HOUR),
        (json!({ "body_bytes": 10 * 1024 }), HOUR / 10),
        (json!({ "status": 500, "body_bytes": 10 * 1024 }), HOUR / 10),
        (json!({ "status": 204, "body": "" }), HOUR),
    ] {
        let queued = platform.submit(&orders);
        assert_eq!(queued.record().get("expires"), None, "it has not ended: {orders}");
        queued.reaches("COMPLETED");
        assert_eq!(kept(&queued), expected, "{orders}");
    }
    let last = platform.submit(&json!({})).why().last().cloned().unwrap_or_default();
    assert!(!last.is_empty());
}

//= docs/contract.md#store-io
//= type=test
//# With `X-Fal-Store-IO: 1` the input and the result MUST be kept for 30 days.
#[test]
fn input_and_result_are_stored_where_the_caller_wants_it() {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    let mut platform = Platform::serving(lab());
    let orders = json!({ "body_bytes": 20_000, "tag": "stored" });
    let submit = Request::new("POST", "/queue/demo/lab/v2?x=1").header("x-mine", "yes");
    let submit = submit.header("x-fal-store-io", "1").header("x-fal-other", "no");
    let queued = platform.submit_as(&submit.json(&orders));
    queued.ends(200);
    assert_eq!(kept(&queued), 30 * DAY);
    let record = queued.record();
    assert_eq!(record["path"], "/v2?x=1", "{record}");
    let id = queued.id.clone();
    platform.kill();
    let platform = platform.restart();
    let queued = platform.queued(&id);
    let input = platform.get(&format!("/api/requests/{id}/input")).is(200).json();
    assert_eq!(input["body"], orders.to_string());
    assert_eq!(input["length"], orders.to_string().len());
    let names: Vec<_> = input["headers"]
        .as_array()
        .map(|all| all.iter().filter_map(|pair| pair[0].as_str()).collect())
        .unwrap_or_default();
    assert!(names.contains(&"x-mine") && names.contains(&"content-type"), "{names:?}");
    assert!(!names.contains(&"x-fal-store-io") && !names.contains(&"x-fal-other"), "{names:?}");
    assert_eq!(queued.result().is(200).body.len(), 20_000);
}

/// Without the header, the input is gone with the end of its request.
#[test]
fn an_input_that_is_not_stored_goes_with_the_end() {
    let platform = Platform::serving(lab());
    let input = |queued: &Queued<'_>| platform.get(&format!("/api/requests/{}/input", queued.id));
    for word in ["0", "", "no", "false", "2", "yes please"] {
        let (tag, go) = (format!("tag {word}"), format!("go {word}"));
        let orders = json!({ "hold": go, "tag": tag });
        let queued = platform.submit_with("x-fal-store-io", word, &orders);
        platform.lab().called(&tag);
        let shown = input(&queued).is(200).json();
        assert_eq!(shown["body"], orders.to_string(), "while it runs");
        platform.lab().create(&go);
        queued.ends(200);
        assert_eq!(input(&queued).status, 404, "{word}");
        assert_eq!(kept(&queued), 60 * 60 * 1000, "{word}");
    }
    // A body that is no text is shown as far as it is one, and its length is right.
    let bytes = [&b"\xff\xfe"[..], &[b'x'; 70_000]].concat();
    let submit = Request::new("POST", "/queue/demo/lab").header("x-fal-store-io", "true");
    let queued = platform.submit_as(&submit.body(bytes));
    queued.ends(200);
    let shown = input(&queued).is(200).json();
    assert_eq!(shown["length"], 70_002);
    let text = shown["body"].as_str().unwrap_or_default();
    assert!(text.starts_with("\u{fffd}\u{fffd}xxx") && text.len() < 70_000, "{}", text.len());
}

#[test]
fn a_retention_out_of_range_is_refused() {
    for (line, key) in [
        ("result = 0", "result"),
        ("result = 0.5", "result"),
        ("result = -1", "result"),
        ("result = \"1h\"", "result"),
        ("large_result = 1e12", "large_result"),
        ("large_from = -1", "large_from"),
        ("dead_letter = nan", "dead_letter"),
        ("stored = inf", "stored"),
        ("days = 1", "days"),
    ] {
        let app = "[apps.\"a/b\"]\ncommand = [\"sh\"]\n";
        let config = format!("listen = \"127.0.0.1:0\"\n[retention]\n{line}\n{app}");
        let refused = Platform::refused(&config, |_| {});
        assert_eq!(refused.code, Some(2), "{line}: {}", refused.log);
        let place = "fal.toml:3: ";
        assert!(
            refused.log.contains(place) && refused.log.contains(key),
            "{line}: {}",
            refused.log
        );
    }
}
