//! Inputs that come faster than they are answered.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use fal_app::testing::{TestApp, TestSession};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::app::{LiveLab, Text};

async fn send(session: &mut TestSession, texts: impl IntoIterator<Item = usize>) {
    for text in texts {
        session.send(json!({ "text": text.to_string() })).await;
    }
}

/// Returns when an input is being worked on.
async fn begun(app: &TestApp<LiveLab>) {
    app.app().begun.acquire().await.unwrap().forget();
}

/// Returns when nothing happens any more: time only moves on when nothing else does.
async fn all_is_quiet() {
    sleep(Duration::from_millis(1)).await;
}

//= docs/contract.md#app-buffering
//= type=test
//# With `buffering = n` at most n inputs wait, and the oldest of them MUST be dropped for a newer one.
#[tokio::test(start_paused = true)]
async fn the_oldest_input_is_dropped_for_a_newer_one() {
    let app = TestApp::<LiveLab>::start().await;
    let mut session = app.open("/latest").await;
    send(&mut session, [0]).await;
    begun(&app).await;
    send(&mut session, 1..10).await;
    all_is_quiet().await;
    app.app().gate.add_permits(10);
    for text in ["0", "8", "9"] {
        assert_eq!(session.output::<Text>().await.text, text);
    }
    send(&mut session, [10]).await;
    assert_eq!(session.output::<Text>().await.text, "10", "nothing else is left");
}

//= docs/contract.md#app-buffering
//= type=test
//# Without it every input MUST be answered: a session that is behind reads no more.
#[tokio::test(start_paused = true)]
async fn without_buffering_a_client_that_is_ahead_waits() {
    const ALL: usize = 100;
    let app = TestApp::<LiveLab>::start().await;
    let mut session = app.open("/gated").await;
    let sent = AtomicUsize::new(0);
    // So long that no buffer between the two takes all of them, and answered shortly.
    let bytes = vec![0; 10_000];
    let mut sending = Box::pin(async {
        for number in 0..ALL {
            session.send(json!({ "text": number.to_string(), "bytes": bytes })).await;
            sent.fetch_add(1, Ordering::SeqCst);
        }
    });
    let waits = timeout(Duration::from_secs(60), sending.as_mut()).await.is_err();
    let held = sent.load(Ordering::SeqCst);
    assert!(waits && (64..ALL).contains(&held), "{held} were taken");
    app.app().gate.add_permits(ALL);
    sending.await;
    for number in 0..ALL {
        assert_eq!(session.output::<Text>().await.text, number.to_string());
    }
}

//= docs/contract.md#app-buffering
//= type=test
//# An endpoint that takes several inputs MUST get those that wait, up to `max_batch_size`.
#[tokio::test(start_paused = true)]
async fn inputs_that_wait_are_answered_together() {
    let app = TestApp::<LiveLab>::start().await;
    let mut session = app.open("/together").await;
    send(&mut session, [0]).await;
    begun(&app).await;
    send(&mut session, 1..11).await;
    all_is_quiet().await;
    app.app().gate.add_permits(10);
    let mut batches = Vec::new();
    for _ in 0..4 {
        let output: Value = session.output().await;
        batches.push(output["texts"].as_array().unwrap().len());
    }
    assert_eq!(batches, [1, 4, 4, 2]);
}

//= docs/contract.md#app-buffering
//= type=test
//# As many as twice n outputs wait to be sent, and an endpoint that is ahead of its client waits.
#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_ahead_of_its_client_waits() {
    let app = TestApp::<LiveLab>::start().await;
    let mut session = app.open("/latest").await;
    let text = || "x".repeat(100_000);
    app.app().gate.add_permits(100);
    let mut begun = 0;
    for _ in 0..20 {
        session.send(json!({ "text": text() })).await;
        all_is_quiet().await;
        begun += usize::from(app.app().begun.try_acquire().is_ok_and(|permit| {
            permit.forget();
            true
        }));
    }
    // One on the line, four in the queue, one in the endpoint's hands.
    assert_eq!(begun, 6, "the client hears nothing");
    for _ in 0..6 {
        assert_eq!(session.output::<Text>().await.text, text());
    }
}
