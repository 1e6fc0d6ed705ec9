//! What an endpoint knows of its request, and how it works on it.

use std::sync::atomic::Ordering;

use fal_app::{SetupContext, prelude::*, testing::TestApp};
use futures_util::FutureExt as _;
use serde_json::json;

use crate::{
    lab::Lab,
    studio::{Picture, Studio, Told},
};

fn sketch(subject: &str) -> serde_json::Value {
    json!({ "subject": subject })
}

#[tokio::test]
async fn an_endpoint_knows_its_request() {
    let app = TestApp::<Studio>::start().await;
    let call = app.call("/told").request_id("r-1").attempt(3).header("x-app-fal-brush", "fine");
    let told: Told = call.send().await.expect(200).output();
    assert_eq!((told.id.as_deref(), told.endpoint.as_str()), (Some("r-1"), "/told"));
    assert_eq!((told.attempt, told.brush.as_deref()), (3, Some("fine")));
    let told: Told = app.post("/told", ()).await.output();
    assert_eq!((told.id, told.attempt, told.brush), (None, 1, None));
}

#[tokio::test]
async fn a_blocking_endpoint_has_a_thread_of_its_own_and_knows_its_request() {
    let app = TestApp::<Studio>::start().await;
    let call = app.call("/").request_id("r-1").json(sketch("a pipe"));
    let picture: Picture = call.await.expect(200).output();
    assert_eq!((picture.title.as_str(), picture.request.as_deref()), ("a pipe", Some("r-1")));
    assert_ne!(Some(picture.painter.as_str()), std::thread::current().name());
}

#[tokio::test]
async fn a_panic_on_a_thread_of_its_own_is_a_500_too() {
    let app = TestApp::<Studio>::start().await;
    app.post("/", sketch("the void")).await.expect(500).detail("Internal Server Error");
    app.post("/", sketch("a pipe")).await.expect(200);
}

#[tokio::test]
async fn bytes_go_in_and_out_with_their_type() {
    let app = TestApp::<Studio>::start().await;
    let call = app.call("/invert").bytes("image/x-raw", vec![0u8, 255, 15]);
    let inverted = call.await.expect(200).has_header("content-type", "image/x-raw");
    assert_eq!(inverted.body(), [255, 0, 240]);
    let untyped = app.call("/invert").send().await;
    untyped.expect(200).has_header("content-type", "application/octet-stream");
    let broken = app.call("/invert").bytes("broken", vec![1u8]).await;
    broken.expect(500).keeps_the_runner();
}

//= docs/contract.md#app-cancel
//= type=test
//# An app of `fal-app` MUST tell a request that is in flight of its cancel signal, and run its
//# `#[on_cancel]`.
#[tokio::test]
async fn a_cancel_reaches_the_request_it_names() {
    let app = TestApp::<Studio>::start().await;
    let waiting = app.call("/wait").request_id("r-1").send();
    let cancelling = async {
        app.app().entered.notified().await;
        app.cancel("/wait", "another").await.expect(404);
        app.cancel("/", "r-1").await.expect(404);
        app.cancel("/wait", "r-1").await.expect(200);
    };
    let (answered, ()) = tokio::join!(waiting, cancelling);
    answered.expect(499).detail("the request was cancelled").keeps_the_runner().is_not_retried();
    app.app().heard.notified().await;
    app.post("/cancelled", ()).await.json(json!(["r-1"]));
    app.cancel("/wait", "r-1").await.expect(404);
}

#[tokio::test]
async fn a_cancel_reaches_a_request_that_waits_in_line() {
    let app = TestApp::<Studio>::start().await;
    let mut first = Box::pin(app.call("/wait").request_id("r-1").send());
    let mut second = Box::pin(app.call("/wait").request_id("r-2").send());
    assert!(first.as_mut().now_or_never().is_none());
    assert!(second.as_mut().now_or_never().is_none());
    app.cancel("/wait", "r-2").await.expect(200);
    app.cancel("/wait", "r-1").await.expect(200);
    first.await.expect(499);
    second.await.expect(499);
}

#[tokio::test]
async fn a_cancel_reaches_every_attempt_that_is_here() {
    let cx = SetupContext::default().with_var("FAL_MAX_MULTIPLEXING", "2");
    let app = TestApp::<Studio>::start_with(cx).await;
    let both = || app.call("/wait").request_id("r-1").send();
    let (mut first, mut second) = (Box::pin(both()), Box::pin(both()));
    assert!(first.as_mut().now_or_never().is_none());
    assert!(second.as_mut().now_or_never().is_none());
    app.cancel("/wait", "r-1").await.expect(200);
    first.await.expect(499);
    second.await.expect(499);
}

#[tokio::test]
async fn what_a_failure_declares_counts_more_than_what_was_said_before_it() {
    let app = TestApp::<Studio>::start().await;
    let fine = app.post("/ruin", "fine").await;
    fine.expect(200).has_header("x-fal-billable-units", "5").has_header("x-fal-stop-runner", "0");
    let leaking = app.post("/ruin", "leaking").await;
    leaking.expect(500).has_header("x-fal-stop-runner", "1").kills_the_runner();
    let refused = app.post("/ruin", "refused").await;
    refused.expect(422).has_header("x-fal-billable-units", "0.25000000");
    let panicked = app.post("/ruin", "panic").await.expect(500);
    assert_eq!(panicked.header("x-fal-billable-units"), None);
    assert_eq!(panicked.header("x-fal-stop-runner"), None);
}

/// An error that may hold another of its own kind.
#[derive(Debug, thiserror::Error, AppError)]
enum Nested {
    #[error("deeper")]
    #[status(transparent)]
    Deeper(Box<Self>),
    #[error("the bottom")]
    #[status(409)]
    Bottom,
}

#[fal_app]
struct Deep;

#[fal_app]
impl Deep {
    #[setup]
    async fn setup() -> Result<Self, SetupError> {
        Ok(Self)
    }

    #[endpoint("/")]
    async fn fall(&self, depth: u32) -> Result<(), Nested> {
        Err((0..depth).fold(Nested::Bottom, |inner, _| Nested::Deeper(inner.into())))
    }
}

#[tokio::test]
async fn an_error_may_hold_another_of_its_own_kind() {
    let app = TestApp::<Deep>::start().await;
    app.post("/", 3).await.expect(409);
    let document = app.call("/openapi.json").method("GET").send().await.value();
    assert!(document["paths"]["/"]["post"]["responses"]["409"].is_object());
}

#[tokio::test]
async fn a_request_that_is_not_here_cannot_be_cancelled() {
    let app = TestApp::<Lab>::start().await;
    app.cancel("/", "r-1").await.expect(404).keeps_the_runner();
    app.call("/cancel").send().await.expect(404);
}

#[tokio::test]
async fn a_cancel_is_a_post() {
    let app = TestApp::<Studio>::start().await;
    app.call("/wait/cancel").method("GET").send().await.expect(405).has_header("allow", "POST");
}

//= docs/contract.md#multiplexing
//= type=test
//# An app of `fal-app` MUST hold to the number itself, also without a platform.
#[tokio::test]
async fn an_app_that_declares_no_limit_serves_one_request_at_once() {
    let app = TestApp::<Studio>::start().await;
    let mut first = Box::pin(app.call("/wait").request_id("r-1").send());
    assert!(first.as_mut().now_or_never().is_none());
    let mut second = Box::pin(app.call("/told").send());
    assert!(second.as_mut().now_or_never().is_none(), "it waits in line");
    app.call("/health").method("GET").send().await.expect(200);
    app.cancel("/wait", "r-1").await.expect(200);
    first.await.expect(499);
    second.await.expect(200);
}

#[tokio::test]
async fn the_platform_says_how_many_requests_it_sends() {
    let cx = SetupContext::default().with_var("FAL_MAX_MULTIPLEXING", "2");
    let app = TestApp::<Studio>::start_with(cx).await;
    let mut first = Box::pin(app.call("/wait").send());
    assert!(first.as_mut().now_or_never().is_none());
    app.call("/told").send().await.expect(200);
}

#[tokio::test]
async fn a_thread_that_works_on_keeps_its_place_and_hears_that_its_caller_left() {
    let app = TestApp::<Studio>::start().await;
    let mut caller = Box::pin(app.call("/hold").request_id("r-1").send());
    assert!(caller.as_mut().now_or_never().is_none());
    app.app().entered.notified().await;
    drop(caller);
    let mut next = Box::pin(app.call("/hold").send());
    assert!(next.as_mut().now_or_never().is_none(), "the thread still works");
    app.app().gate.store(true, Ordering::SeqCst);
    next.await.expect(200).json(json!(false));
    assert!(app.app().left.load(Ordering::SeqCst), "the first was told that its caller had left");
}

#[tokio::test]
async fn a_poisoned_model_breaks_the_runner() {
    let app = TestApp::<Studio>::start().await;
    app.post("/ruin", "panic").await.expect(500).keeps_the_runner();
    app.post("/ruin", "panic").await.expect(503).kills_the_runner();
}
