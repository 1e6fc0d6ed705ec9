//! Callers that leave early, stop in the middle, never read, or send what cannot be read. None of them costs a
//! runner, and none keeps a slot.

use std::{net::TcpStream, time::Duration};

use fal_tests::{App, Connection, Platform, Request, Signal, Value, eventually, json, signal};

/// How long a connection may take: as long as a slow machine likes.
const PATIENCE: Duration = Duration::from_secs(20);

fn lab() -> App {
    App::unruly().set("min_concurrency", 1)
}

/// Asserts that the runner is the one it was, that it works on nothing, and that it serves.
#[track_caller]
fn check(platform: &Platform, before: u32) {
    eventually("no slot is in use", || match platform.runners().as_slice() {
        [runner] => (runner.in_flight == 0).then_some(()),
        _ => None,
    });
    assert_eq!(platform.call(&json!({})).is(200).pid(), before);
    assert_eq!(platform.lab().starts(), [before], "it is the first runner and the only one");
}

/// The states of all requests in the queue.
fn states(platform: &Platform) -> Vec<Value> {
    let all = platform.get("/api/requests").is(200).json();
    let all = all.get("requests").and_then(Value::as_array).cloned().expect("a list of requests");
    all.iter().filter_map(|request| request.get("status").cloned()).collect()
}

//= docs/contract.md#queue-durable
//= type=test
//# Every accepted request MUST end exactly once, also when the platform is killed in between.
#[test]
fn a_submit_that_was_stored_runs_although_its_caller_has_left() {
    let platform = Platform::serving(lab());
    let before = platform.only_runner();
    for _ in 0..60 {
        let submit = Request::new("POST", "/queue/demo/lab").json(&json!({}));
        let mut leaving = submit.begin(platform.addr());
        leaving.finish();
        // The platform is done with it when it closes its own end, with an answer or without one.
        leaving.drain();
    }
    // A cancel is made durable behind all of them, and wakes nobody.
    let nobody = platform.queued("0190d1a2-0000-7000-8000-0000000000ff");
    assert_eq!(nobody.cancel().status, 404);
    let stored = states(&platform).len();
    assert!(stored > 0, "none was stored");
    eventually("every stored request is completed", || {
        states(&platform).iter().all(|state| state == "COMPLETED").then_some(())
    });
    assert_eq!(platform.lab().calls().len(), stored, "each has run once");
    check(&platform, before);
}

//= docs/contract.md#status-503
//= type=test
//# A 503 MUST end its runner at once, after a single one, and the runner is replaced.
#[test]
fn a_streamed_503_ends_its_runner_although_its_caller_has_left() {
    let platform = Platform::serving(lab());
    let before = platform.only_runner();
    let failing = json!({ "status": 503, "events": 2, "hold_stream": "go on" });
    let mut stream = platform.begin(&failing);
    assert_eq!(stream.head().status, 503);
    stream.hang_up();
    assert_eq!(platform.lab().path_called("/cancel").pid, before);
    platform.lab().create("go on");
    let after = platform.replaced(before);
    assert_eq!(platform.call(&json!({})).is(200).pid(), after);
}

//= docs/contract.md#platform-answers
//= type=test
//# Only a runner's own response, or its silence, can end it.
#[test]
fn a_caller_that_does_not_read_holds_its_slot_no_longer_than_the_timeout() {
    let platform = Platform::serving(lab().set("request_timeout", 1));
    let before = platform.only_runner();
    let endless = json!({ "chunked": true, "body_bytes": 100_000_000, "tag": "endless" });
    let mut silent = platform.begin(&endless);
    assert_eq!(silent.head().status, 200);
    check(&platform, before);
    assert!(!silent.response().is_whole, "what did not fit in the time is cut");
}

//= docs/contract.md#platform-answers
//= type=test
//# Only a runner's own response, or its silence, can end it.
#[test]
fn a_caller_that_stops_in_the_middle_of_its_upload_does_not_cost_the_runner() {
    let platform = Platform::serving(lab().set("request_timeout", 1));
    let before = platform.only_runner();
    let (length, chunk) = ("content-length: 1000000", "transfer-encoding: chunked");
    let half = " ".repeat(500_000);
    for (framing, body) in [(length, half.clone()), (chunk, format!("7a120\r\n{half}\r\n"))] {
        let mut stuck = Connection::open(platform.addr());
        let head = format!("POST /run/demo/lab HTTP/1.1\r\nhost: x\r\n{framing}\r\n\r\n");
        stuck.send_bytes(head.as_bytes()).expect("it listens");
        stuck.send_bytes(body.as_bytes()).expect("it listens");
        if !stuck.is_closed() {
            assert_eq!(stuck.response().status, 408, "{framing}");
        }
        check(&platform, before);
    }
}

//= docs/contract.md#abandoned
//= type=test
//# A caller that hangs up MUST NOT count as a fault of the runner, and the runner is kept.
#[test]
fn callers_that_leave_around_their_grant_leave_no_slot_in_use() {
    let platform = Platform::serving(lab());
    let before = platform.only_runner();
    for round in 0..30 {
        let (tag, go) = (format!("busy {round}"), format!("go {round}"));
        let busy = platform.begin(&json!({ "tag": tag, "hold": go }));
        platform.lab().called(&tag);
        let mut waiting: Vec<_> = (0..24).map(|_| platform.begin(&json!({}))).collect();
        // Some leave before the slot is free, and the others while it goes from one to the next.
        let late = waiting.split_off(round % 24);
        waiting.into_iter().for_each(Connection::hang_up);
        platform.lab().create(&go);
        late.into_iter().for_each(Connection::hang_up);
        assert_eq!(busy.response().status, 200);
        check(&platform, before);
    }
}

//= docs/contract.md#platform-answers
//= type=test
//# An answer that the platform makes itself MUST NOT move a runner.
#[test]
fn a_malformed_chunk_is_400_and_keeps_the_runner() {
    let platform = Platform::serving(lab());
    let before = platform.only_runner();
    for body in ["zz\r\n", "5\r\nhello\r\nzz\r\n", "5\r\nhello, too long\r\n0\r\n\r\n"] {
        let mut wrong = Connection::open(platform.addr());
        let head = "POST /run/demo/lab HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
        wrong.send_bytes(format!("{head}{body}").as_bytes()).expect("it listens");
        wrong.response().is_problem(400, "bad_request");
        check(&platform, before);
    }
}

#[test]
fn a_crowd_is_connected_before_the_first_of_it_is_served() {
    let platform = Platform::serving(lab());
    signal(platform.pid(), Signal::STOP);
    let connected = (0..600).map(|_| TcpStream::connect_timeout(&platform.addr(), PATIENCE));
    let connected: Result<Vec<_>, _> = connected.collect();
    signal(platform.pid(), Signal::CONT);
    assert!(connected.is_ok(), "{connected:?}");
    assert_eq!(platform.call(&json!({})).status, 200);
}
