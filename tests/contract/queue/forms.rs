//! Every form in which clients ask, and what is odd in it.

use fal_tests::{App, Platform, Request, json};

fn lab() -> Platform {
    Platform::serving(App::unruly().set("min_concurrency", 1))
}

/// Clients put a slash behind, `/response` behind, and the endpoint's path before `/requests`.
#[test]
fn every_url_of_a_request_has_several_forms() {
    let platform = lab();
    let submit = |path: &str, orders: &fal_tests::Value| {
        platform.submit_as(&Request::new("POST", path).json(orders))
    };
    for (path, seen) in [
        ("/queue/demo/lab", "/"),
        ("/queue/demo/lab/", "/"),
        ("/queue/demo/lab/v2/turbo", "/v2/turbo"),
        ("/queue/demo/lab/v2/turbo/", "/v2/turbo/"),
        ("/queue/demo/lab/?x=1", "/?x=1"),
        ("/queue/demo/lab/requests", "/requests"),
    ] {
        let queued = submit(path, &json!({}));
        assert_eq!(queued.wait().is(200).json()["path"], seen, "{path}");
        let before = path.split('?').next().unwrap_or_default().trim_end_matches('/');
        for base in
            [before, "/queue/demo/lab", "/queue/demo/lab/other/path", "/queue/demo/lab/requests"]
        {
            let url = format!("{base}/requests/{}", queued.id);
            let result = platform.get(&url).is(200);
            for form in ["/", "/response", "/response/"] {
                assert_eq!(
                    platform.get(&format!("{url}{form}")).is(200).body,
                    result.body,
                    "{url}{form}"
                );
            }
            for form in ["/status", "/status/", "/status?logs=1", "/status/?logs=0"] {
                let status = platform.get(&format!("{url}{form}")).is(200).json();
                assert_eq!(status["status"], "COMPLETED", "{url}{form}");
                let own =
                    format!("http://{}/queue/demo/lab/requests/{}", platform.addr(), queued.id);
                assert_eq!(status["response_url"], own, "{url}{form}");
            }
            for form in ["/status/stream", "/status/stream/", "/status/stream?logs=true"] {
                let stream = Request::new("GET", &format!("{url}{form}"));
                let event = stream.begin(platform.addr()).event_after_head();
                assert_eq!(event["status"], "COMPLETED", "{url}{form}");
            }
            for form in ["/cancel", "/cancel/"] {
                let cancel = Request::new("PUT", &format!("{url}{form}"));
                assert_eq!(platform.send(&cancel).is(400).json()["status"], "ALREADY_COMPLETED");
            }
        }
    }
}

/// What looks like a request and is none is 404; a method that does not fit is 405 and names the one that does.
#[test]
fn what_is_odd_in_a_url_is_refused() {
    let platform = lab();
    let queued = platform.submit(&json!({}));
    queued.ends(200);
    let id = &queued.id;
    for tail in [
        "x",
        "",
        "/status",
        &format!("{id}/nothing"),
        &format!("{id}/status/streams"),
        &format!("{id}0"),
        &id[1..],
        &format!("{{{id}}}"),
        &format!("{id}%20"),
        &format!("{id}/status/stream/x"),
    ] {
        let answered = platform.get(&format!("/queue/demo/lab/requests/{tail}")).is(404);
        let body = answered.json();
        assert_eq!(body["status"], "NOT_FOUND", "{tail}");
        assert!(body["detail"].is_string(), "{tail}: {body}");
    }
    // An id in other letters is the same id.
    assert_eq!(
        platform.get(&format!("/queue/demo/lab/requests/{}", id.to_uppercase())).status,
        200
    );
    for (method, tail, allow) in [
        ("POST", "", "GET"),
        ("DELETE", "", "GET"),
        ("POST", "/status", "GET"),
        ("PUT", "/status/stream", "GET"),
        ("GET", "/cancel", "PUT"),
        ("POST", "/cancel", "PUT"),
        ("DELETE", "/cancel", "PUT"),
    ] {
        let answered = platform.send(&Request::new(method, &queued.path(tail))).is(405);
        assert_eq!(answered.header("allow"), Some(allow), "{method} {tail}");
    }
    for method in ["GET", "PUT", "DELETE", "PATCH"] {
        let answered = platform.send(&Request::new(method, "/queue/demo/lab/v2")).is(405);
        assert_eq!(answered.header("allow"), Some("POST"), "{method}");
    }
    queued.had_attempts(1);
}

//= docs/contract.md#queue-status
//= type=test
//# The key `logs` MUST be there in every status, and is null unless `logs=1` or `logs=true` asks for it.
#[test]
fn logs_are_asked_for_in_two_words() {
    let platform = lab();
    let running = platform.submit(&json!({ "hold": "go", "print": "mine", "tag": "running" }));
    platform.lab().called("running");
    let waiting = platform.submit(&json!({}));
    let done = |state: &str| {
        for queued in [&running, &waiting] {
            for (query, is_wanted) in [
                ("logs=1", true),
                ("logs=true", true),
                ("x=y&logs=1", true),
                ("logs=0", false),
                ("logs=false", false),
                ("logs=", false),
                ("logs", false),
                ("logs=2", false),
                ("log=1", false),
                ("", false),
            ] {
                let status = platform.get(&queued.path(&format!("/status?{query}"))).json();
                let logs = status.get("logs").expect("the key is there");
                assert_eq!(
                    (logs.is_array(), logs.is_null()),
                    (is_wanted, !is_wanted),
                    "{state} {query}"
                );
            }
        }
    };
    done("under way");
    platform.lab().create("go");
    running.ends(200);
    waiting.ends(200);
    done("completed");
}

//= docs/contract.md#queue-submit
//= type=test
//# With `fal_max_queue_length` a submit MUST get 429 when more requests than that are waiting.
#[test]
fn a_bound_on_the_queue_counts_those_that_wait() {
    let platform = lab();
    let limited = |most: &str| {
        let path = format!("/queue/demo/lab?fal_max_queue_length={most}");
        platform.send(&Request::new("POST", &path).json(&json!({ "tag": "limited" })))
    };
    for nonsense in ["x", "", "-1", "1.5", "1e3", "99999999999999999999999", "%31", "0x1", " 1"] {
        let nonsense = nonsense.replace(' ', "%20");
        limited(&nonsense).is_problem(400, "bad_request");
    }
    let held = platform.submit(&json!({ "hold": "go", "tag": "held" }));
    platform.lab().called("held");
    // One that runs does not wait; those that come later count though they would be overtaken.
    assert_eq!(limited("0").status, 200);
    let low = platform.submit_with("x-fal-queue-priority", "low", &json!({ "tag": "low" }));
    let full = limited("1").is(429);
    let detail = full.json()["detail"].as_str().unwrap_or_default().to_owned();
    assert!(detail.contains("fal_max_queue_length") && detail.contains('2'), "{detail}");
    assert!(full.header("x-fal-request-id").is_some());
    assert_eq!(limited("2").status, 200);
    assert_eq!(limited("2").status, 429);
    assert_eq!(limited("18446744073709551615").status, 200);
    platform.lab().create("go");
    held.ends(200);
    low.ends(200);
    assert_eq!(platform.lab().tags(), ["held", "limited", "limited", "limited", "low"]);
}

/// `low` is one word, in any letters; every other word is `normal`.
#[test]
fn a_priority_is_a_word() {
    let platform = lab();
    for (word, expected) in [
        ("low", "low"),
        ("LOW", "low"),
        ("Low", "low"),
        ("normal", "normal"),
        ("high", "normal"),
        ("", "normal"),
        ("lowest", "normal"),
        ("low,normal", "normal"),
    ] {
        let queued = platform.submit_with("x-fal-queue-priority", word, &json!({}));
        assert_eq!(queued.record()["priority"], expected, "{word}");
    }
    assert_eq!(platform.submit(&json!({})).record()["priority"], "normal");
}

/// Seconds of the last attempt, for a request that had one.
#[test]
fn metrics_have_the_time_of_the_last_attempt() {
    let platform = lab();
    let queued = platform
        .submit(&json!({ "script": [{ "status": 504, "sleep_ms": 400 }], "sleep_ms": 100 }));
    let waiting = platform.submit(&json!({}));
    assert_eq!(waiting.status().json()["metrics"], json!({}));
    assert_eq!(waiting.cancel().status, 202);
    queued.ends(200);
    let time = queued.status().json()["metrics"]["inference_time"].as_f64();
    let history = queued.record()["history"].clone();
    let took = |attempt: usize| {
        let of = &history[attempt];
        fal_tests::millis(&of["ended"]) - fal_tests::millis(&of["started"])
    };
    assert!(took(0) >= 400, "{history}");
    let time = time.expect("it had an attempt") * 1000.0;
    assert!((time - took(1) as f64).abs() <= 1.0 && time >= 100.0, "{time} {history}");
    let cancelled = waiting.status().json();
    assert_eq!((&cancelled["status"], &cancelled["metrics"]), (&json!("COMPLETED"), &json!({})));
    assert_eq!(cancelled["error_type"], "client_cancelled", "{cancelled}");
}

//= docs/contract.md#queue-stream
//= type=test
//# The status stream MUST send one status object for each change and close after `COMPLETED`.
#[test]
fn a_stream_on_which_nothing_happens_is_kept_alive_by_comments() {
    let platform = lab();
    let queued = platform.submit(&json!({ "hold": "go", "tag": "held" }));
    platform.lab().called("held");
    let mut stream = Request::new("GET", &queued.path("/status/stream")).begin(platform.addr());
    assert_eq!(stream.event_after_head()["status"], "IN_PROGRESS");
    let timer = fal_tests::Timer::start();
    let chunk = stream.chunk().expect("the stream goes on");
    assert!(
        chunk.starts_with(b":") && chunk.ends_with(b"\n\n"),
        "{}",
        String::from_utf8_lossy(&chunk)
    );
    let took = timer.elapsed();
    assert!(took >= std::time::Duration::from_secs(14), "a comment every 15 s: {took:?}");
    platform.lab().create("go");
    assert_eq!(stream.event().map(|event| event["status"].clone()), Some(json!("COMPLETED")));
    assert_eq!(stream.event(), None);
}

/// Tools cancel a request without naming its app.
#[test]
fn tools_cancel_a_request_of_any_app() {
    let platform = lab();
    let busy = platform.submit(&json!({ "hold": "go", "tag": "busy" }));
    platform.lab().called("busy");
    let queued = platform.submit(&json!({ "tag": "never" }));
    let cancel =
        |id: &str| platform.send(&Request::new("PUT", &format!("/api/requests/{id}/cancel")));
    assert_eq!(cancel(&queued.id).is(202).json()["status"], "CANCELLATION_REQUESTED");
    queued.result().is_problem(499, "client_cancelled");
    assert_eq!(cancel(&queued.id).is(400).json()["status"], "ALREADY_COMPLETED");
    assert_eq!(cancel(&busy.id).status, 202);
    for unknown in ["0190d1a2-0000-7000-8000-0000000000ff", "nonsense"] {
        assert!(cancel(unknown).is(404).json()["detail"].is_string());
    }
    let by_page = Request::new("POST", &format!("/api/requests/{}/cancel", queued.id));
    assert_eq!(platform.send(&by_page).status, 405);
    platform.lab().create("go");
    busy.ends(200);
    assert_eq!(platform.lab().tags().iter().filter(|tag| *tag == "never").count(), 0);
}
