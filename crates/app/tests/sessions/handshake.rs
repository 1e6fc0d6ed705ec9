//! How a session begins, and how it does not.

use std::sync::Arc;

use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
};
use fal_app::{
    SetupContext, run_setup,
    testing::{Reply, TestApp, TestCall},
};
use parking_lot::Mutex;
use serde_json::json;

use crate::app::LiveLab;

/// A handshake, without anything that could become a session.
fn handshake<'a>(app: &'a TestApp<LiveLab>, path: &str) -> TestCall<'a, LiveLab> {
    let call = app.call(path).method("GET").header("sec-websocket-version", "13");
    let call = call.header("connection", "keep-alive, Upgrade").header("upgrade", "WebSocket");
    call.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
}

fn plain(reply: &Reply) {
    assert_eq!(reply.body(), b"");
    assert_eq!(reply.header("content-type"), None);
}

//= docs/contract.md#app-handshake
//= type=test
//# A handshake of an app's session MUST be answered with 101 and no subprotocol, when a slot is free
//# for it.
#[tokio::test]
async fn a_handshake_is_answered_with_101_and_no_subprotocol() {
    let app = TestApp::<LiveLab>::start().await;
    for path in ["/realtime", "/raw"] {
        let call = handshake(&app, path).header("sec-websocket-protocol", "chat");
        let call = call.header("sec-websocket-extensions", "permessage-deflate");
        let reply = call.send().await.expect(101).has_header("connection", "upgrade");
        // The key and the answer that the standard itself shows.
        let reply = reply
            .has_header("upgrade", "websocket")
            .has_header("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(reply.header("sec-websocket-protocol"), None);
        assert_eq!(reply.header("sec-websocket-extensions"), None);
        plain(&reply);
    }
}

//= docs/contract.md#app-handshake
//= type=test
//# A handshake anywhere else MUST be answered with a plain 403, and anything else that is sent to a
//# session's path with 404.
#[tokio::test]
async fn a_handshake_elsewhere_is_refused_plainly() {
    let app = TestApp::<LiveLab>::start().await;
    for path in ["/unknown", "/open", "/health", "/docs", "/realtime/", "/realtime/cancel"] {
        let reply = handshake(&app, path).send().await.expect(403).keeps_the_runner();
        plain(&reply);
    }
    let policy = handshake(&app, "/realtime").header("x-app-fal-upload-policy", "{}");
    plain(&policy.send().await.expect(403));
}

#[tokio::test]
async fn a_call_of_a_sessions_path_finds_nothing() {
    let app = TestApp::<LiveLab>::start().await;
    for method in ["GET", "POST", "HEAD", "OPTIONS"] {
        for path in ["/realtime", "/raw"] {
            let reply = app.call(path).method(method).send().await.expect(404);
            reply
                .json(json!({ "detail": format!("Path {path} not found") }))
                .has_header("x-fal-billable-units", "0");
        }
    }
    // It asks for an upgrade, and not for this one.
    let other = app.call("/raw").method("GET").header("connection", "upgrade");
    other.header("upgrade", "h2c").send().await.expect(404);
}

#[tokio::test]
async fn a_handshake_that_is_none_is_told_why() {
    let app = TestApp::<LiveLab>::start().await;
    let asked = || app.call("/raw").method("GET").header("connection", "upgrade");
    let asked = || asked().header("upgrade", "websocket");
    asked().send().await.expect(426).has_header("sec-websocket-version", "13");
    let old = asked().header("sec-websocket-version", "8");
    old.send().await.expect(426).has_header("sec-websocket-version", "13");
    asked().header("sec-websocket-version", "13").send().await.expect(400);
}

#[tokio::test]
async fn a_session_passes_through_what_the_author_has_added() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sees = Arc::clone(&seen);
    let watch = move |request: Request, next: Next| {
        let sees = Arc::clone(&sees);
        async move {
            let response = next.run(request).await;
            sees.lock().push(response.status().as_u16());
            response
        }
    };
    let ready = run_setup::<LiveLab>(SetupContext::default()).await.unwrap();
    let shell = ready.into_shell_with(|router: Router| router.layer(from_fn(watch)));
    let app = TestApp::from(shell);
    let mut session = app.open("/raw").await;
    session.say("hello").await;
    assert_eq!(session.heard().await, Some("hello".into()));
    assert_eq!(*seen.lock(), [101]);
}
