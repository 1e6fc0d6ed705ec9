//! The test kit: what holds passes, and what does not says why.

use std::panic::{AssertUnwindSafe, catch_unwind};

use fal_app::testing::{Reply, TestApp};
use serde_json::json;

use crate::{lab::Lab, studio::Studio};

/// Runs a check that is to fail, and returns what it says.
#[track_caller]
fn complaint(reply: Reply, check: impl FnOnce(Reply) -> Reply) -> String {
    let checked = catch_unwind(AssertUnwindSafe(|| check(reply).status()));
    let payload = checked.expect_err("it was to fail");
    *payload.downcast::<String>().expect("it says why")
}

#[tokio::test]
async fn one_line_says_what_an_answer_does() {
    let app = TestApp::<Studio>::start().await;
    app.post("/", json!({ "subject": "a pipe" }))
        .await
        .expect(200)
        .keeps_the_runner()
        .is_not_retried();
    app.post("/", json!({ "subject": "" }))
        .await
        .expect(422)
        .detail("there is no subject")
        .json(json!({ "detail": [{
            "loc": ["body", "subject"], "msg": "there is no subject", "type": "value_error",
        }] }))
        .has_header("x-fal-billable-units", "0");
    app.post("/ruin", "refused")
        .await
        .expect(422)
        .has_header("x-fal-billable-units", "0.25000000")
        .has_header("x-fal-error-type", "content_policy_violation")
        .keeps_the_runner();
    app.post("/ruin", "closed")
        .await
        .expect(404)
        .json(json!({ "detail": [{
            "loc": ["body"], "msg": "the studio is closed", "type": "studio_closed",
        }] }))
        .is_not_retried();
    app.post("/ruin", "busy").await.expect(500).keeps_the_runner().is_retried();
    app.post("/ruin", "leaking").await.expect(500).kills_the_runner().is_not_retried();
}

#[tokio::test]
async fn the_rules_are_those_that_the_app_declares() {
    // A 503 is retried, but this app gives its condition no retries.
    let studio = TestApp::<Studio>::start().await;
    studio.post("/ruin", "panic").await.expect(500);
    studio.post("/ruin", "").await.expect(503).kills_the_runner().is_not_retried();
    let lab = TestApp::<Lab>::start().await;
    lab.post("/", json!({ "fail": "broken" })).await.expect(503).kills_the_runner().is_retried();
}

#[tokio::test]
async fn a_check_that_fails_says_what_the_answer_would_do() {
    let lab = TestApp::<Lab>::start().await;
    let broken = lab.post("/", json!({ "fail": "broken" })).await;
    let told = complaint(broken, Reply::keeps_the_runner);
    assert_eq!(
        told,
        "was to keep the runner: POST / answered 503, which would KILL THE RUNNER (status-503) and \
         let a queued request go again (status-503): {\"detail\":\"the device is gone\"}"
    );
    let fine = || lab.post("/", json!({ "text": "a" }));
    let told = complaint(fine().await, |reply| reply.expect(422));
    assert!(told.starts_with("was to answer 422: "), "{told}");
    let told = complaint(fine().await, Reply::is_retried);
    assert!(told.starts_with("was to be retried: "), "{told}");
    let told = complaint(fine().await, |reply| reply.detail("x"));
    assert!(told.starts_with("was to say \"x\": "), "{told}");
    let told = complaint(fine().await, |reply| {
        assert_eq!(reply.output::<u32>(), 0);
        reply
    });
    assert!(told.starts_with("is no such output: "), "{told}");
    let cut = lab.post("/stream", 99).await;
    let told = complaint(cut, |reply| reply.json(json!(null)));
    assert!(told.contains("(the body was cut)"), "{told}");
}

#[tokio::test]
async fn a_stream_that_breaks_counts_as_an_answer_cut_short() {
    let lab = TestApp::<Lab>::start().await;
    lab.post("/stream", 2).await.expect(200).keeps_the_runner();
    lab.post("/stream", 99).await.expect(200).kills_the_runner().is_retried();
}

#[tokio::test]
async fn a_stopped_app_is_torn_down() {
    let app = TestApp::<Studio>::start().await;
    let torn = app.app().torn.clone();
    app.post("/told", ()).await.expect(200);
    app.stop().await;
    assert_eq!(*torn.lock(), ["exit", "teardown"]);
}
