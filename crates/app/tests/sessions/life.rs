//! How long a session lasts, and what it holds meanwhile.

use std::time::Duration;

use fal_app::{SetupContext, testing::TestApp};
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use crate::app::{LiveLab, Number, Text};

async fn alone() -> TestApp<LiveLab> {
    serving(1).await
}

async fn serving(sessions: u32) -> TestApp<LiveLab> {
    let sessions = sessions.to_string();
    TestApp::start_with(SetupContext::default().with_var("FAL_MAX_MULTIPLEXING", sessions)).await
}

//= docs/contract.md#app-session-timeout
//= type=test
//# A session MUST end when no input has come for `session_timeout` while none was being answered: with
//# the text frame `{"type":"x-fal-error","error":"TIMEOUT","reason":"no inputs, reconnect when
//# needed!"}`, and close 1000.
#[tokio::test(start_paused = true)]
async fn a_session_that_is_idle_for_too_long_ends() {
    let app = TestApp::<LiveLab>::start().await;
    let mut session = app.open("/realtime").await;
    let started = Instant::now();
    for _ in 0..3 {
        sleep(Duration::from_secs(29)).await;
        session.send(json!({ "text": "still here" })).await;
        session.output::<Value>().await;
    }
    session.end().await.timed_out().code(1000);
    assert_eq!(started.elapsed().as_secs(), 3 * 29 + 30);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_waits_for_an_answer_is_not_idle() {
    let app = TestApp::<LiveLab>::start().await;
    let mut session = app.open("/gated").await;
    session.send(json!({ "text": "a" })).await;
    let started = Instant::now();
    assert!(timeout(Duration::from_secs(1_000), session.heard()).await.is_err());
    app.app().gate.add_permits(1);
    assert_eq!(session.output::<Text>().await.text, "a");
    session.end().await.timed_out();
    assert_eq!(started.elapsed().as_secs(), 1_030);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_was_never_used_ends_too() {
    let app = TestApp::<LiveLab>::start().await;
    let started = Instant::now();
    app.open("/realtime").await.end().await.timed_out();
    assert_eq!(started.elapsed().as_secs(), 30);
    let mut unlimited = app.open("/chat").await;
    assert!(timeout(Duration::from_secs(1_000_000), unlimited.heard()).await.is_err());
}

//= docs/contract.md#app-session-life
//= type=test
//# A session MUST hold one slot of `max_multiplexing` while it lasts.
#[tokio::test]
async fn a_session_has_a_slot_while_it_lasts() {
    let app = alone().await;
    let mut session = app.open("/realtime").await;
    let mut call = Box::pin(app.post("/open", 0));
    let mut second = Box::pin(app.open("/raw"));
    assert!(call.as_mut().now_or_never().is_none(), "it waits in line");
    assert!(second.as_mut().now_or_never().is_none());
    app.call("/health").method("GET").send().await.expect(200);
    session.send(json!({ "text": "a" })).await;
    session.output::<Value>().await;
    session.leave().await;
    call.await.expect(200);
    second.await.leave().await;
    app.open("/chat").await.leave().await;
}

#[tokio::test]
async fn a_handshake_whose_caller_leaves_the_line_holds_nothing() {
    let app = alone().await;
    let session = app.open("/realtime").await;
    let mut waiting = Box::pin(app.open("/raw"));
    assert!(waiting.as_mut().now_or_never().is_none());
    drop(waiting);
    drop(session);
    app.post("/open", 0).await.expect(200);
}

//= docs/contract.md#app-session-life
//= type=test
//# A client that leaves, with or without a word, MUST end its session: what it had begun is dropped at
//# its next `await`.
#[tokio::test]
async fn a_client_that_leaves_in_the_middle_ends_its_session() {
    let app = alone().await;
    for says_it in [true, false] {
        let mut session = app.open("/gated").await;
        session.send(json!({ "text": "a" })).await;
        app.app().begun.acquire().await.unwrap().forget();
        if says_it {
            session.leave().await;
        } else {
            drop(session);
        }
        app.app().dropped.acquire().await.unwrap().forget();
        app.post("/open", 0).await.expect(200);
    }
}

#[tokio::test]
async fn a_raw_session_whose_client_leaves_ends_with_its_endpoint() {
    let app = alone().await;
    drop(app.open("/raw").await);
    app.open("/raw").await.leave().await;
    app.post("/open", 0).await.expect(200);
}

//= docs/contract.md#app-session-life
//= type=test
//# A cancel MUST end a session: it takes no more inputs, what it has begun is told as any request is,
//# and then it closes with 1000.
#[tokio::test]
async fn a_cancel_ends_a_session() {
    let app = TestApp::<LiveLab>::start().await;
    let idle = app.call("/realtime").request_id("r-1").open().await;
    let raw = app.call("/raw").request_id("r-1").open().await;
    app.cancel("/realtime", "r-2").await.expect(404);
    app.cancel("/realtime", "r-1").await.expect(200);
    idle.end().await.without_a_word().code(1000).reason("cancelled");
    app.cancel("/raw", "r-1").await.expect(200);
    raw.end().await.without_a_word().code(1000);

    let mut busy = app.call("/gated").request_id("r-1").open().await;
    busy.send(json!({ "text": "a" })).await;
    app.app().begun.acquire().await.unwrap().forget();
    app.cancel("/gated", "r-1").await.expect(200);
    busy.end().await.failed("the request was cancelled").code(1000);
    app.cancel("/gated", "r-1").await.expect(404);
}

#[tokio::test]
async fn a_stream_that_never_ends_ends_with_its_cancel() {
    let app = TestApp::<LiveLab>::start().await;
    let mut endless = app.call("/count").request_id("r-1").open().await;
    endless.send(Number { number: u64::MAX }).await;
    endless.output::<Number>().await;
    app.cancel("/count", "r-1").await.expect(200);
    endless.end().await.without_a_word().code(1000).reason("cancelled");
}

//= docs/contract.md#app-session-life
//= type=test
//# When the runner stops, a session takes no more inputs, and MUST close with 1001 when it has answered
//# those that it has.
#[tokio::test(start_paused = true)]
async fn a_runner_that_stops_lets_a_session_finish_what_it_has_begun() {
    let app = TestApp::<LiveLab>::start().await;
    let idle = app.open("/realtime").await;
    let mut summing = app.open("/sum").await;
    summing.send(Number { number: 4 }).await;
    let mut busy = app.open("/gated").await;
    for text in ["a", "b"] {
        busy.send(json!({ "text": text })).await;
    }
    app.app().begun.acquire().await.unwrap().forget();
    app.app().gate.add_permits(2);
    let stopping = tokio::spawn(app.stop());
    idle.end().await.without_a_word().code(1001).reason("going away");
    let summed = summing.end().await.without_a_word().code(1001);
    assert_eq!(summed.outputs::<Number>()[0].number, 4);
    let said: Vec<Text> = busy.end().await.without_a_word().code(1001).outputs();
    assert_eq!(said.into_iter().map(|output| output.text).collect::<Vec<_>>(), ["a", "b"]);
    stopping.await.unwrap();
}

//= docs/contract.md#app-session-life
//= type=test
//# One that is not done a second before the grace period is over MUST be cut, with the same close.
#[tokio::test(start_paused = true)]
async fn a_runner_that_stops_cuts_what_takes_too_long() {
    let app = TestApp::<LiveLab>::start().await;
    let mut busy = app.open("/gated").await;
    busy.send(json!({ "text": "a" })).await;
    let mut raw = app.open("/raw").await;
    app.app().begun.acquire().await.unwrap().forget();
    let started = Instant::now();
    let stopping = tokio::spawn(app.stop());
    raw.say("still here").await;
    assert_eq!(raw.heard().await, Some("still here".into()), "it is its endpoint's until then");
    busy.end().await.without_a_word().code(1001).reason("going away");
    raw.end().await.without_a_word().code(1001).reason("going away");
    stopping.await.unwrap();
    // The app declares a grace period of 4 s.
    assert_eq!(started.elapsed().as_secs(), 3);
}

//= docs/contract.md#app-broken-session
//= type=test
//# A path of a session that is marked `#[runner_broken]` MUST end it as an error does, but with close
//# 1011, and every health check of the app MUST answer 500 from then on.
#[tokio::test]
async fn a_broken_runner_is_told_by_a_close_and_by_its_health() {
    let app = TestApp::<LiveLab>::start().await;
    let other = app.open("/chat").await;
    let mut session = app.open("/realtime").await;
    app.call("/health").method("GET").send().await.expect(200);
    assert!(app.broken().now_or_never().is_none());
    session.send(json!({ "text": "", "fail": "broken" })).await;
    session.end().await.failed("the device is gone").code(1011).reason("the device is gone");
    app.broken().await;
    app.call("/health").method("GET").send().await.expect(500);
    other.end().await.without_a_word().code(1001);
}

#[tokio::test]
async fn a_raw_session_can_show_a_broken_runner_too() {
    let app = TestApp::<LiveLab>::start().await;
    let mut session = app.open("/raw").await;
    session.say("broken").await;
    session.end().await.without_a_word().code(1011).reason("the device is gone");
    app.broken().await;
}

#[tokio::test]
async fn many_sessions_go_on_at_once() {
    const ALL: usize = 500;
    let app = serving(500).await;
    let mut sessions = Vec::new();
    for _ in 0..ALL {
        sessions.push(app.open("/chat").await);
    }
    for round in 0..3 {
        for (number, session) in sessions.iter_mut().enumerate() {
            session.send(Text { text: format!("{number}/{round}") }).await;
        }
        for (number, session) in sessions.iter_mut().enumerate() {
            let said = format!("{number}/{round}").chars().rev().collect::<String>();
            assert_eq!(session.output::<Text>().await.text, said);
        }
    }
    drop(sessions);
    app.stop().await;
}
