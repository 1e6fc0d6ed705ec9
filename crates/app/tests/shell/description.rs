//! What an app says of itself: to programs, to people, to those who count.

use std::collections::BTreeSet;

use axum::{Router, http::StatusCode, response::IntoResponse as _, routing::get};
use fal_app::{SetupContext, describe, openapi, run_setup, testing::TestApp};
use serde_json::{Value, json};

use crate::{lab::Lab, studio::Studio};

fn document() -> Value {
    openapi::<Studio>().unwrap()
}

/// The statuses that the description lists for an endpoint.
fn statuses(path: &str) -> BTreeSet<u16> {
    let document = document();
    let responses = document["paths"][path]["post"]["responses"].as_object().unwrap();
    responses.keys().map(|status| status.parse().unwrap()).collect()
}

#[test]
fn the_whole_document_is_as_reviewed() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&document()).unwrap());
}

//= docs/contract.md#app-description
//= type=test
//# The app's OpenAPI document MUST list exactly the statuses that each endpoint can answer, and say of
//# each what it does to the runner and to a queued request.
#[tokio::test]
async fn every_status_that_is_answered_is_described_and_no_other() {
    let app = TestApp::<Studio>::start().await;
    // A body that breaks off cannot be sent without a socket.
    let mut answered = BTreeSet::from([400]);
    for how in ["fine", "refused", "busy", "leaking", "closed", "panic", "after the panic"] {
        answered.insert(app.post("/ruin", how).await.status());
    }
    answered.insert(app.post("/ruin", 5).await.status());
    let mut described = statuses("/ruin");
    // Its error type says one more, for the endpoints that can be cancelled.
    assert!(described.remove(&499));
    assert_eq!(answered, described);
}

#[test]
fn a_status_says_what_it_does() {
    let document = document();
    let responses = &document["paths"]["/ruin"]["post"]["responses"];
    let outcomes = |status: &str| responses[status]["x-fal-outcomes"].as_array().unwrap().clone();
    let broken = outcomes("503");
    assert_eq!((&broken[0]["case"], &broken[0]["runner"]), (&json!("Broken"), &json!("ended")));
    assert_eq!(broken[0]["queued_request"], json!("done"), "this app retries no server error");
    let internal: Vec<_> = outcomes("500")
        .iter()
        .map(|outcome| (outcome["case"].clone(), outcome["runner"].clone()))
        .collect();
    assert_eq!(
        internal,
        [("Busy", "checked"), ("Leaking", "ended"), ("Panic", "checked")]
            .map(|(case, runner)| (json!(case), json!(runner)))
    );
}

#[tokio::test]
async fn the_document_and_the_page_are_served() {
    let app = TestApp::<Studio>::start().await;
    let get = |path: &str| app.call(path).method("GET").send();
    get("/openapi.json").await.expect(200).json(document());
    let page = get("/docs").await.expect(200);
    let page = page.has_header("content-type", "text/html; charset=utf-8");
    let page = String::from_utf8_lossy(page.body()).into_owned();
    for words in ["<h1>studio</h1>", "POST /invert", "Turns bytes around.", "class=\"ended\""] {
        assert!(page.contains(words), "{words} is not in {page}");
    }
    assert!(!page.contains("<script"), "it is complete without one");
    app.post("/docs", ()).await.expect(405);
    get("/health").await.expect(200).json(json!({ "version": "1.2.0" }));
}

#[tokio::test]
async fn a_realtime_endpoint_is_described_and_says_that_it_is_not_served() {
    let live = &document()["paths"]["/live"];
    assert_eq!(live["x-fal-protocol"]["config"], json!({ "buffering": 2 }));
    let app = TestApp::<Studio>::start().await;
    app.call("/live").method("GET").send().await.expect(501).keeps_the_runner();
}

//= docs/contract.md#unearned-503
//= type=test
//# A 503 from anywhere else in such an app MUST be turned into a 500, with an error in the log that
//# names the endpoint.
#[tokio::test]
async fn an_unearned_503_is_counted() {
    let shed = || async { StatusCode::SERVICE_UNAVAILABLE.into_response() };
    let ready = run_setup::<Studio>(SetupContext::default()).await.unwrap();
    let shell = ready.into_shell_with(|router: Router| router.route("/raw/{id}", get(shed)));
    let app = TestApp::from(shell);
    for id in ["/raw/1", "/raw/2"] {
        app.call(id).method("GET").send().await.expect(500).keeps_the_runner();
    }
    app.post("/told", ()).await.expect(200);
    app.post("/told", ()).await.expect(200);
    let metrics = app.call("/metrics").method("GET").send().await.expect(200);
    let metrics = String::from_utf8_lossy(metrics.body()).into_owned();
    for line in [
        "fal_app_info{version=\"1.2.0\"} 1",
        "http_requests_total{app_name=\"studio\",method=\"POST\",path=\"/told\",status_code=\"200\"} 2",
        "fal_unearned_503_total{path=\"(elsewhere)\"} 2",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} is not in {metrics}");
    }
}

#[test]
fn an_app_describes_what_the_platform_reads() {
    let described = describe::<Studio>().unwrap();
    assert_eq!(
        described["limits"],
        json!({
            "keep_alive": 60,
            "skip_retry_conditions": ["timeout"],
            "retry_config": { "server_error": { "retries": 0 } },
        })
    );
    assert_eq!(described["version"], json!("1.2.0"));
    assert_eq!(described["realtime"], json!([{ "path": "/live" }]));
    assert_eq!(described["openapi"], document());
    assert_eq!(describe::<Lab>().unwrap()["realtime"], json!([]));
}
