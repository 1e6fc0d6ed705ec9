//! Sessions: WebSocket through the platform, to its end, however that comes.

use std::{io::Write as _, net::Shutdown, time::Duration};

use fal_tests::{App, Ended, Platform, Request, Session, Timer, eventually, json};
use tungstenite::Message;

const FORWARDING: &str = "Error while forwarding the request";

fn lab() -> App {
    App::unruly().set("min_concurrency", 1)
}

/// Asserts that the runner is the one it was, that it works on nothing, and that it serves.
#[track_caller]
fn kept(platform: &Platform, before: u32) {
    no_slot_is_held(platform);
    assert_eq!(platform.call(&json!({})).is(200).pid(), before);
    assert_eq!(platform.lab().starts(), [before]);
}

#[track_caller]
fn no_slot_is_held(platform: &Platform) {
    eventually("no slot is in use", || {
        platform.runners().iter().all(|runner| runner.in_flight == 0).then_some(())
    });
}

/// Asserts that a session is closed with this code and reason.
#[track_caller]
fn closes(session: &mut Session, code: u16, reason: &str) {
    assert_eq!(session.ended(), Ended::Closed(Some((code, reason.to_owned()))));
}

//= docs/contract.md#sessions
//= type=test
//# Frames MUST pass as they are in both directions, and in the order of their sending.
#[test]
fn messages_pass_in_both_directions() {
    let platform = Platform::serving(lab());
    let mut session = platform.session("/live?max_buffering=2");
    let id = session.handshake.headers()["x-fal-request-id"].to_str().unwrap().to_owned();
    let seen = session.greeting();
    assert_eq!(
        (seen["path"].as_str(), seen["request_id"].as_str()),
        (Some("/live?max_buffering=2"), Some(&*id))
    );
    assert_eq!(seen["headers"]["x-fal-endpoint"], "demo/lab/live");
    for length in [0, 1, 125, 126, 127, 65_535, 65_536, 3_000_000] {
        let bytes: Vec<u8> = (0..length).map(|at: u32| at.to_le_bytes()[0]).collect();
        session.send(Message::Binary(bytes.clone().into()));
        assert_eq!(session.message(), Message::Binary(bytes.into()));
    }
    for number in 0..100 {
        session.order(&json!({ "say": format!("{number}") }));
    }
    for number in 0..100 {
        assert_eq!(session.message(), Message::text(format!("{number}")));
    }
    session.send(Message::Ping("are you there".into()));
    assert_eq!(session.message(), Message::Pong("are you there".into()));
    let before = platform.only_runner();
    assert_eq!(session.close(), Ended::Closed(None), "a close without a code comes back so");
    kept(&platform, before);
}

//= docs/contract.md#sessions
//= type=test
//# A session that was closed counts as an answer of 200.
#[test]
fn a_session_holds_a_slot_until_it_is_closed() {
    let platform = Platform::serving(lab());
    let before = platform.only_runner();
    let mut session = platform.session("/live");
    assert_eq!(session.greeting()["pid"], before);
    let waiting = platform.begin(&json!({}));
    let second = platform.session("/live");
    assert_eq!(platform.runners()[0].in_flight, 1);
    session.order(&json!({ "close": 4000 }));
    closes(&mut session, 4000, "as asked");
    // Whichever of the two came first.
    let mut second = second;
    assert_eq!(second.greeting()["pid"], before);
    drop(second);
    assert_eq!(waiting.response().is(200).pid(), before);
    kept(&platform, before);
}

//= docs/contract.md#sessions
//= type=test
//# A WebSocket handshake MUST be answered with 101 without waiting for a runner, unless the caller offers subprotocols, of which the runner picks one.
#[test]
fn a_session_is_open_before_there_is_a_runner() {
    let platform = Platform::serving(lab().env("UNRULY_HOLD_SETUP", "go"));
    let mut session = platform.session("/live");
    session.order(&json!({ "say": "sent early" }));
    session.send(Message::Ping("still there".into()));
    assert_eq!(session.message(), Message::Pong("still there".into()), "nobody takes it for dead");
    let mut left = platform.session("/live");
    left.send(Message::Close(None));
    closes(&mut left, 1000, "");
    platform.lab().create("go");
    let pid = session.greeting()["pid"].clone();
    assert_eq!(session.message(), Message::text("sent early"));
    assert_eq!(pid, platform.only_runner());
    assert_eq!(platform.lab().calls().iter().filter(|call| call.path == "/live").count(), 1);
}

//= docs/contract.md#sessions
//= type=test
//# A WebSocket handshake MUST be answered with 101 without waiting for a runner, unless the caller offers subprotocols, of which the runner picks one.
#[test]
fn the_runner_picks_the_subprotocol() {
    let platform = Platform::serving(lab());
    let offered = [("sec-websocket-protocol", "chat.v2, chat.v1")];
    let mut session = Session::open(platform.addr(), "/run/demo/lab/live", &offered).unwrap();
    assert_eq!(session.handshake.headers()["sec-websocket-protocol"], "chat.v2");
    assert_eq!(session.greeting()["headers"]["sec-websocket-protocol"], "chat.v2, chat.v1");
}

//= docs/contract.md#sessions
//= type=test
//# A session that finds no runner, or whose runner does not take it, MUST be closed with 1011.
#[test]
fn a_session_that_the_runner_refuses_is_closed() {
    let platform = Platform::serving(lab());
    let before = platform.only_runner();
    for status in [403, 404, 200, 422] {
        let mut session = platform.session(&format!("/refuse/{status}"));
        closes(&mut session, 1011, FORWARDING);
    }
    kept(&platform, before);
    // The status has its meaning here too.
    let mut session = platform.session("/refuse/503");
    closes(&mut session, 1011, FORWARDING);
    platform.replaced(before);
}

//= docs/contract.md#sessions
//= type=test
//# A session that finds no runner, or whose runner does not take it, MUST be closed with 1011.
#[test]
fn a_session_that_finds_no_runner_is_closed() {
    let app = App::unruly().set("startup_timeout", 1).env("UNRULY_HOLD_SETUP", "go");
    let platform = Platform::serving(app);
    let mut session = platform.session("/live");
    let Ended::Closed(Some((code, reason))) = session.ended() else { panic!("there was no close") };
    assert_eq!(code, 1011);
    assert!(!reason.is_empty() && reason != FORWARDING, "{reason}");
}

//= docs/contract.md#sessions
//= type=test
//# A session whose runner breaks MUST be closed with 1011, and its runner is checked as after a 502.
#[test]
fn a_session_whose_runner_breaks_is_closed() {
    let platform = Platform::serving(lab());
    let before = platform.only_runner();
    let mut session = platform.session("/live");
    session.greeting();
    session.order(&json!({ "drop": true }));
    closes(&mut session, 1011, FORWARDING);
    kept(&platform, before);
    // Within a frame nothing can be said any more.
    let mut session = platform.session("/live");
    session.greeting();
    session.order(&json!({ "part": true, "drop": true }));
    assert_eq!(session.ended(), Ended::Cut);
    kept(&platform, before);
    let mut session = platform.session("/live");
    session.greeting();
    session.order(&json!({ "crash": "kill" }));
    closes(&mut session, 1011, FORWARDING);
    platform.replaced(before);
}

//= docs/contract.md#sessions
//= type=test
//# A session that has lasted `request_timeout`, or whose platform stops, MUST be closed with 1001, and its runner is kept.
#[test]
fn a_session_does_not_outlast_its_time() {
    let platform = Platform::serving(lab().set("request_timeout", 1));
    let before = platform.only_runner();
    let mut session = platform.session("/live");
    closes(&mut session, 1001, "The session has lasted request_timeout");
    kept(&platform, before);
    // A runner that does not answer the handshake is as one that does not answer.
    let mut session = platform.session("/deaf");
    closes(&mut session, 1011, FORWARDING);
    platform.replaced(before);
}

//= docs/contract.md#sessions
//= type=test
//# A session that has lasted `request_timeout`, or whose platform stops, MUST be closed with 1001, and its runner is kept.
#[test]
fn a_platform_that_stops_closes_its_sessions() {
    let app = lab().set("termination_grace_period_seconds", 30).set("max_multiplexing", 3);
    let mut platform = Platform::serving(app);
    let mut session = platform.session("/live");
    session.greeting();
    let mut waiting = platform.session("/hold/never");
    eventually("the second handshake has arrived", || {
        platform.lab().calls().iter().any(|call| call.path == "/hold/never").then_some(())
    });
    let timer = Timer::start();
    assert_eq!(platform.stop().code(), Some(0));
    assert!(timer.elapsed() < Duration::from_secs(15), "{:?}", timer.elapsed());
    closes(&mut session, 1001, "The platform is stopping");
    closes(&mut waiting, 1001, "The platform is stopping");
}

//= docs/contract.md#sessions
//= type=test
//# A caller that leaves without a close MUST NOT count as a fault of the runner, which gets the cancel signal.
#[test]
fn a_caller_that_leaves_costs_nothing() {
    let platform = Platform::serving(lab());
    let before = platform.only_runner();
    let mut session = platform.session("/live");
    let id = session.greeting()["request_id"].as_str().unwrap().to_owned();
    session.stream().shutdown(Shutdown::Both).unwrap();
    eventually("the runner has the cancel signal", || {
        let calls = platform.lab().calls();
        calls.iter().any(|call| call.path == "/live/cancel" && call.request_id == id).then_some(())
    });
    kept(&platform, before);
    // One that never reads what the runner sends.
    let mut session = platform.session("/live");
    session.order(&json!({ "flood": 2_000 }));
    session.stream().shutdown(Shutdown::Both).unwrap();
    kept(&platform, before);
    // One that is gone while the runner reads nothing of what it has sent.
    let mut session = platform.session("/busy");
    session.greeting();
    session.order(&json!({ "silent": "read again" }));
    session.stream().set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let piece = vec![0x82; 64 * 1024];
    while session.stream().write_all(&piece).is_ok() {}
    session.vanish();
    assert_eq!(platform.lab().path_called("/busy/cancel").pid, before);
    no_slot_is_held(&platform);
    platform.lab().create("read again");
    kept(&platform, before);
    // And one that is gone while it waits.
    let held = platform.begin(&json!({ "hold": "go", "tag": "held" }));
    platform.lab().called("held");
    drop(platform.session("/live"));
    platform.lab().create("go");
    assert_eq!(held.response().status, 200);
    kept(&platform, before);
}

/// A close that nobody answers keeps no slot for long.
#[test]
fn a_close_that_is_not_answered_ends_the_session_all_the_same() {
    let platform = Platform::serving(lab());
    let before = platform.only_runner();
    let mut session = platform.session("/live");
    session.greeting();
    session.order(&json!({ "silent": "go" }));
    session.send(Message::Close(None));
    closes(&mut session, 1000, "");
    platform.lab().create("go");
    kept(&platform, before);
}

#[test]
fn a_handshake_that_is_none_is_refused() {
    let platform = Platform::serving(lab());
    let before = platform.only_runner();
    let key = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let check = |headers: &[(&str, &str)], said: &str| {
        let request = Request::new("GET", "/run/demo/lab/live").header("upgrade", "websocket");
        let request =
            headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let response = platform.send(&request).is(400);
        assert!(response.json()["detail"].as_str().unwrap().contains(said), "{response:?}");
    };
    let connection = ("connection", "keep-alive, Upgrade");
    check(&[], "Connection: Upgrade");
    check(&[connection, key], "version 13");
    check(&[connection, key, ("sec-websocket-version", "8")], "version 13");
    check(&[connection, ("sec-websocket-version", "13")], "Sec-WebSocket-Key");
    let short = ("sec-websocket-key", "AAAA");
    check(&[connection, short, ("sec-websocket-version", "13")], "Sec-WebSocket-Key");
    for path in ["/run/demo/unknown/live", "/run/demo"] {
        let refused = Session::open(platform.addr(), path, &[]).unwrap_err();
        assert_eq!(refused.0, 404, "{refused:?}");
    }
    kept(&platform, before);
}

/// Garbage in place of frames is the runner's to refuse, and nobody else's affair.
#[test]
fn malformed_frames_end_their_own_session_only() {
    let platform = Platform::serving(lab().set("max_multiplexing", 2));
    let before = platform.only_runner();
    let mut good = platform.session("/live");
    good.greeting();
    for garbage in
        [&[0xff; 64][..], &[0x83, 0x80, 0, 0, 0, 0], &[0x81, 0x05, b'h', b'e', b'l', b'l', b'o']]
    {
        let mut bad = platform.session("/live");
        bad.greeting();
        bad.stream().write_all(garbage).unwrap();
        let ended = bad.ended();
        let is_known = matches!(&ended, Ended::Closed(Some((1002 | 1011, _))) | Ended::Cut);
        assert!(is_known, "{garbage:?}: {ended:?}");
    }
    good.order(&json!({ "say": "untouched" }));
    assert_eq!(good.message(), Message::text("untouched"));
    assert_eq!(good.close(), Ended::Closed(None));
    kept(&platform, before);
}

//= docs/contract.md#sessions
//= type=test
//# A caller that leaves without a close MUST NOT count as a fault of the runner, which gets the cancel signal.
#[test]
fn a_caller_that_leaves_during_the_handshake_keeps_the_slot_until_it_is_over() {
    let platform = Platform::serving(lab());
    let before = platform.only_runner();
    let session = platform.session("/hold/go");
    assert_eq!(platform.lab().path_called("/hold/go").pid, before);
    session.stream().shutdown(Shutdown::Both).unwrap();
    assert_eq!(platform.lab().path_called("/hold/go/cancel").pid, before);
    assert_eq!(platform.runners()[0].in_flight, 1, "the runner still works on it");
    platform.lab().create("go");
    kept(&platform, before);
}

/// Whoever offers subprotocols has been promised nothing yet, and sees why there is no session.
#[test]
fn a_refusal_is_seen_where_subprotocols_are_offered() {
    let platform = Platform::serving(lab());
    let offered = [("sec-websocket-protocol", "chat.v2")];
    let open =
        |path: &str| Session::open(platform.addr(), &format!("/run/demo/lab{path}"), &offered);
    assert_eq!(open("/refuse/403").unwrap_err().0, 403);
    assert_eq!(open("/refuse/404").unwrap_err().0, 404);
    assert_eq!(open("/live").unwrap().greeting()["pid"], platform.only_runner());
}
