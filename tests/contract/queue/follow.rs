//! Status, position and stream.

use std::time::Duration;

use fal_tests::{App, Connection, Platform, Request, Timer, eventually, holds_for, json};

const UNKNOWN: &str = "0190d1a2-0000-7000-8000-0000000000ff";

fn lab() -> Platform {
    Platform::serving(App::unruly().set("min_concurrency", 1))
}

//= docs/contract.md#queue-status
//= type=test
//# The status of a request that is not completed MUST be answered with 202, and of a completed one with 200.
//= docs/contract.md#queue-status
//= type=test
//# The key `logs` MUST be there in every status, and is null unless `logs=1` or `logs=true` asks for it.
//= docs/contract.md#queue-position
//= type=test
//# `queue_position` MUST be the number of waiting requests of the same app that will start before this one.
#[test]
fn a_status_says_where_a_request_is() {
    let platform = lab();
    let running = platform.submit(&json!({ "hold": "go", "tag": "running" }));
    platform.lab().called("running");
    let first = platform.submit(&json!({}));
    let second = platform.submit(&json!({ "status": 404 }));
    let low = platform.submit_with("x-fal-queue-priority", "low", &json!({}));
    let third = platform.submit(&json!({}));
    assert_eq!(low.submitted["queue_position"], 2);
    for (queued, state, position) in [
        (&running, "IN_PROGRESS", None),
        (&first, "IN_QUEUE", Some(0)),
        (&second, "IN_QUEUE", Some(1)),
        (&third, "IN_QUEUE", Some(2)),
        (&low, "IN_QUEUE", Some(3)),
    ] {
        let status = queued.status().is(202).json();
        assert_eq!(status["status"], state);
        assert_eq!(
            status.get("queue_position").and_then(fal_tests::Value::as_u64),
            position,
            "{status}"
        );
        assert_eq!(status.get("logs"), Some(&json!(null)), "{status}");
        assert_eq!(status["request_id"], queued.id);
        assert!(status["response_url"].is_string() && status["metrics"].is_object(), "{status}");
    }
    platform.lab().create("go");
    for queued in [&running, &first, &second, &third, &low] {
        queued.reaches("COMPLETED");
        let status = queued.status().is(200).json();
        assert_eq!(status.get("logs"), Some(&json!(null)));
        assert!(
            status["metrics"]["inference_time"].as_f64().is_some_and(|time| time >= 0.0),
            "{status}"
        );
        assert_eq!(status.get("queue_position"), None);
    }
    assert!(second.status().json()["error"].is_string(), "it failed");
}

//= docs/contract.md#queue-status
//= type=test
//# The key `logs` MUST be there in every status, and is null unless `logs=1` or `logs=true` asks for it.
#[test]
fn logs_are_what_the_runner_printed_meanwhile() {
    let platform = lab();
    let print =
        json!({ "print": "to standard output", "print_error": "to standard error", "hold": "go" });
    let queued = platform.submit(&print);
    eventually("both lines, while it runs", || {
        let logs = platform.get(&queued.path("/status?logs=1")).is(202).json()["logs"].clone();
        (logs.as_array().map(Vec::len) == Some(2)).then_some(())
    });
    platform.lab().create("go");
    assert_eq!(queued.wait().status, 200);
    for asked in ["logs=1", "logs=true"] {
        let logs = eventually("both lines", || {
            let status = platform.get(&queued.path(&format!("/status?{asked}"))).is(200).json();
            status["logs"].as_array().filter(|logs| logs.len() == 2).cloned()
        });
        for (message, level) in [("to standard output", "STDOUT"), ("to standard error", "STDERR")]
        {
            let line =
                logs.iter().find(|line| line["message"] == message).expect("the line is there");
            assert_eq!(
                (line["level"].as_str(), line["source"].as_str()),
                (Some(level), Some("USER"))
            );
            assert!(line["timestamp"].is_string());
        }
    }
    for asked in ["logs=0", "logs=false", ""] {
        let status = platform.get(&queued.path(&format!("/status?{asked}"))).json();
        assert_eq!(status.get("logs"), Some(&json!(null)));
    }
    let log = platform.log();
    assert!(
        log.lines().any(|line| line.contains("to standard error") && line.contains(&queued.id)),
        "{log}"
    );
}

/// What was printed before the answer was sent belongs to the request, even by a hair.
#[test]
fn a_line_just_before_the_answer_is_the_requests() {
    let platform = lab();
    for number in 0..50 {
        let line = format!("line {number}");
        let queued = platform.submit(&json!({ "print_error": line, "print": line }));
        assert_eq!(queued.wait().status, 200);
        let has_both = || {
            let status = platform.get(&queued.path("/status?logs=1")).is(200).json();
            (status["logs"].as_array().map(Vec::len) == Some(2)).then_some(())
        };
        eventually(&format!("both of {line}"), has_both);
    }
}

//= docs/contract.md#queue-status
//= type=test
//# An unknown id, and the id of another app's request, MUST get 404.
#[test]
fn an_unknown_id_and_another_apps_are_404() {
    let other = App::unruly().named("demo/other");
    let platform = Platform::start("", &[App::unruly(), other]);
    let queued = platform.submit(&json!({}));
    assert_eq!(queued.wait().status, 200);
    for (app, id) in
        [("demo/lab", UNKNOWN), ("demo/lab", "nonsense"), ("demo/other", queued.id.as_str())]
    {
        let base = format!("/queue/{app}/requests/{id}");
        for (method, tail) in
            [("GET", ""), ("GET", "/status"), ("GET", "/status/stream"), ("PUT", "/cancel")]
        {
            let answered = platform.send(&Request::new(method, &format!("{base}{tail}")));
            assert_eq!(answered.status, 404, "{method} {base}{tail}");
            assert_eq!(answered.json()["status"], "NOT_FOUND");
        }
    }
    assert_eq!(queued.result().status, 200);
}

//= docs/contract.md#queue-stream
//= type=test
//# The status stream MUST send one status object for each change and close after `COMPLETED`.
#[test]
fn a_stream_tells_each_change_and_ends() {
    let platform = lab();
    let busy = platform.submit(&json!({ "hold": "first", "tag": "busy" }));
    platform.lab().called("busy");
    let queued =
        platform.submit(&json!({ "hold": "second", "tag": "streamed", "print": "a line" }));
    let stream = Request::new("GET", &queued.path("/status/stream?logs=1"));
    let mut stream = stream.begin(platform.addr());
    let head = stream.head();
    assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
    let first = stream.event().expect("an event at once");
    assert_eq!(
        (first["status"].as_str(), first["queue_position"].as_u64()),
        (Some("IN_QUEUE"), Some(0))
    );
    platform.lab().create("first");
    let mut states = vec!["IN_QUEUE".to_owned()];
    let mut last = first;
    platform.lab().called("streamed");
    let running = stream.event().expect("it has changed");
    assert_eq!(running["status"], "IN_PROGRESS");
    eventually("its line is read", || {
        let logs = platform.get(&queued.path("/status?logs=1")).json()["logs"].clone();
        (logs.as_array().map(Vec::len) == Some(1)).then_some(())
    });
    platform.lab().create("second");
    while let Some(event) = stream.event() {
        assert_ne!(event, last, "each event is a change");
        states.push(event["status"].as_str().unwrap_or_default().to_owned());
        last = event;
    }
    assert_eq!(states.last().map(String::as_str), Some("COMPLETED"));
    assert_eq!(last["logs"][0]["message"], "a line");
    // Of a request that is over, the stream tells just that.
    let mut late = Request::new("GET", &busy.path("/status/stream")).begin(platform.addr());
    assert_eq!(late.head().status, 200);
    assert_eq!(late.event().map(|event| event["status"].clone()), Some(json!("COMPLETED")));
    assert_eq!(late.event(), None);
}

//= docs/contract.md#queue-stream
//= type=test
//# The status stream MUST send one status object for each change and close after `COMPLETED`.
#[test]
fn two_streams_of_one_request_both_end() {
    let platform = lab();
    let state = |stream: &mut Connection| stream.event().map(|event| event["status"].clone());
    for round in 0..5 {
        let (tag, go) = (format!("watched {round}"), format!("go {round}"));
        let queued = platform.submit(&json!({ "tag": tag, "hold": go }));
        platform.lab().called(&tag);
        let watch = Request::new("GET", &queued.path("/status/stream"));
        let mut streams = [(); 3].map(|()| watch.begin(platform.addr()));
        for stream in &mut streams {
            assert_eq!(stream.head().status, 200);
            assert_eq!(state(stream), Some(json!("IN_PROGRESS")));
        }
        let [mut leaving, mut one, mut other] = streams;
        // Who leaves early does not take the others along.
        leaving.finish();
        leaving.drain();
        let timer = Timer::start();
        platform.lab().create(&go);
        for stream in [&mut one, &mut other] {
            assert_eq!(state(stream), Some(json!("COMPLETED")));
            assert_eq!(stream.event(), None, "it is closed");
        }
        assert!(
            timer.elapsed() < Duration::from_secs(10),
            "they heard of it: {:?}",
            timer.elapsed()
        );
    }
}

/// A caller that leaves a stream, or never reads it, costs nothing.
#[test]
fn streams_that_nobody_reads_hold_nothing_up() {
    let platform = lab();
    let queued = platform.submit(&json!({ "hold": "go", "tag": "watched" }));
    platform.lab().called("watched");
    let watch = Request::new("GET", &queued.path("/status/stream"));
    let streams: Vec<_> = (0..50).map(|_| watch.begin(platform.addr())).collect();
    let (left, kept) = streams.split_at(25);
    drop(left.iter().collect::<Vec<_>>());
    platform.lab().create("go");
    assert_eq!(queued.wait().status, 200);
    assert_eq!(kept.len(), 25);
    holds_for(Duration::from_millis(20), "it serves", || platform.call(&json!({})).status == 200);
}
