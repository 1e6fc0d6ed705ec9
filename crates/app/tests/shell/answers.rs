//! What a request is answered.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body as Raw,
    http::{Request, StatusCode},
    middleware::{Next, from_fn},
    response::IntoResponse as _,
    routing::get,
};
use fal_app::{Ready, SetupContext, Shell, run_setup};
use http_body_util::BodyExt as _;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::lab::{self, Lab};

/// One answer, read whole.
struct Answered {
    status: StatusCode,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answered {
    fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(key, _)| key == name);
        found.next().map(|(_, value)| value.as_str())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

async fn ready() -> Ready<Lab> {
    run_setup::<Lab>(SetupContext::default()).await.unwrap()
}

async fn ask(shell: &Shell<Lab>, request: Request<Raw>) -> Answered {
    let (parts, body) = shell.answer(request).await.into_parts();
    let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
    let headers =
        parts.headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes())));
    let headers = headers.collect();
    let body = text(&body.collect().await.unwrap().to_bytes());
    Answered { status: parts.status, headers, body }
}

fn post(path: &str, body: impl Into<Raw>) -> Request<Raw> {
    let request = Request::post(path).header("content-type", "application/json");
    request.header("x-fal-request-id", "r-1").body(body.into()).unwrap()
}

async fn check(request: Request<Raw>, status: u16, body: Value) -> Answered {
    let answered = ask(&ready().await.into_shell(), request).await;
    assert_eq!((answered.status.as_u16(), answered.json()), (status, body));
    answered
}

#[tokio::test]
async fn an_endpoint_answers_json_with_json() {
    let answered = check(post("/", r#"{"text":"a"}"#), 200, json!({ "text": "a" })).await;
    assert_eq!(answered.header("content-type"), Some("application/json"));
    assert_eq!(answered.header("x-fal-needs-retry"), None);
}

#[tokio::test]
async fn a_variant_answers_the_status_and_the_headers_it_declares() {
    check(post("/", r#"{"fail":"plain"}"#), 422, json!({ "detail": "plain failure" })).await;
    let retry =
        check(post("/", r#"{"fail":"retry"}"#), 500, json!({ "detail": "try again" })).await;
    assert_eq!(retry.header("x-fal-needs-retry"), Some("1"));
    let entry = json!({ "loc": ["body"], "msg": "no model", "type": "no_model" });
    let typed = check(post("/", r#"{"fail":"typed"}"#), 404, json!({ "detail": [entry] })).await;
    assert_eq!(typed.header("x-fal-error-type"), Some("no_model"));
    assert_eq!(typed.header("x-fal-needs-retry"), None);
    assert_eq!(typed.header("x-fal-billable-units"), Some("0"));
    assert_eq!(retry.header("x-fal-billable-units"), None);
}

//= docs/contract.md#unearned-503
//= type=test
//# An app of `fal-app` MUST NOT answer 503 except by a path that is marked `#[runner_broken]`.
#[tokio::test]
async fn evidence_that_the_runner_is_broken_is_a_503() {
    let body = json!({ "detail": "the device is gone" });
    check(post("/", r#"{"fail":"broken"}"#), 503, body).await;
}

//= docs/contract.md#unearned-503
//= type=test
//# A 503 from anywhere else in such an app MUST be turned into a 500, with an error in the log that
//# names the endpoint.
#[tokio::test]
async fn a_503_without_evidence_becomes_a_500_whoever_sends_it() {
    let shed = || async { StatusCode::SERVICE_UNAVAILABLE.into_response() };
    let shell = ready().await.into_shell_with(|router: Router| {
        router.route("/raw", get(shed)).layer(axum::middleware::map_response(
            |mut response: axum::response::Response| async move {
                if response.status() == StatusCode::NOT_FOUND {
                    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                }
                response
            },
        ))
    });
    let internal = json!({ "detail": "Internal Server Error" });
    let raw = ask(&shell, Request::get("/raw").body(Raw::empty()).unwrap()).await;
    assert_eq!((raw.status.as_u16(), raw.json()), (500, internal.clone()));
    let layer = ask(&shell, post("/unknown", "{}")).await;
    assert_eq!((layer.status.as_u16(), layer.json()), (500, internal));
    let earned = ask(&shell, post("/", r#"{"fail":"broken"}"#)).await;
    assert_eq!(earned.status.as_u16(), 503, "evidence passes through the author's layers");
}

/// As a cache keeps an answer and gives it to others, with all that hangs on it.
#[tokio::test]
async fn evidence_is_worth_a_503_to_its_own_request_and_to_no_other() {
    let kept = Arc::new(Mutex::new(None));
    let replay = move |request: Request<Raw>, next: Next| {
        let kept = Arc::clone(&kept);
        async move {
            let is_other = request.uri().path() == "/other";
            let mut response = next.run(request).await;
            if response.status() == StatusCode::SERVICE_UNAVAILABLE {
                *kept.lock() = Some(response.extensions().clone());
                // And as a layer builds an answer anew.
                response = axum::response::Response::builder()
                    .status(503)
                    .body(response.into_body())
                    .unwrap();
            } else if is_other && let Some(extensions) = kept.lock().clone() {
                *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                *response.extensions_mut() = extensions;
            }
            response
        }
    };
    let shell = ready().await.into_shell_with(|router: Router| {
        router.route("/other", get(|| async { "fine" })).layer(from_fn(replay))
    });
    let earned = ask(&shell, post("/", r#"{"fail":"broken"}"#)).await;
    assert_eq!(earned.status.as_u16(), 503, "a layer may build the answer anew");
    let other = ask(&shell, Request::get("/other").body(Raw::empty()).unwrap()).await;
    assert_eq!(other.status.as_u16(), 500, "another request has earned nothing");
}

#[tokio::test]
async fn a_panic_is_a_500_that_tells_nothing() {
    let internal = json!({ "detail": "Internal Server Error" });
    check(post("/", r#"{"fail":"panic"}"#), 500, internal).await;
}

//= docs/contract.md#validation-422
//= type=test
//# The endpoint MUST NOT be entered with such an input.
#[tokio::test]
async fn an_input_that_does_not_fit_is_a_422_and_costs_nothing() {
    let entry =
        json!({ "type": "missing", "loc": ["body"], "msg": "Field required", "input": null });
    let missing = check(post("/", ""), 422, json!({ "detail": [entry] })).await;
    assert_eq!(missing.header("x-fal-billable-units"), Some("0"));
    let shell = ready().await.into_shell();
    let wrong = ask(&shell, post("/", r#"{"text":5}"#)).await;
    assert_eq!(wrong.json()["detail"][0]["loc"], json!(["body", "text"]));
    let entered = ask(&shell, post("/entered", "")).await;
    assert_eq!(entered.json(), json!(0));
}

#[tokio::test]
async fn only_json_is_read_as_json() {
    let typed = |content_type: &str| {
        let request = Request::post("/").header("content-type", content_type);
        request.body(Raw::from("{}")).unwrap()
    };
    let shell = ready().await.into_shell();
    for content_type in
        ["application/json; charset=utf-8", "Application/JSON", "application/a+json"]
    {
        assert_eq!(ask(&shell, typed(content_type)).await.status, 200, "{content_type}");
    }
    let text = ask(&shell, typed("text/plain")).await;
    assert_eq!(text.json()["detail"][0]["input"], json!("<binary 2 bytes>"));
    let untyped = Request::post("/").body(Raw::from("{}")).unwrap();
    assert_eq!(ask(&shell, untyped).await.status, 200);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_as_fal_tells_them() {
    let unknown = check(post("/x", "{}"), 404, json!({ "detail": "Path /x not found" })).await;
    assert_eq!(unknown.header("x-fal-billable-units"), Some("0"));
    let get = Request::get("/").body(Raw::empty()).unwrap();
    let wrong = check(get, 405, json!({ "detail": "Method Not Allowed" })).await;
    assert_eq!(wrong.header("allow"), Some("POST"));
}

#[tokio::test]
async fn health_is_answered_by_the_declared_check_and_never_with_503() {
    let health = || Request::get("/health").body(Raw::empty()).unwrap();
    check(health(), 200, json!({ "version": "unknown" })).await;
    let shell = run_setup::<lab::Sick>(SetupContext::default()).await.unwrap().into_shell();
    let sick = shell.answer(health()).await;
    assert_eq!(sick.status(), 500);
    let body = sick.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, r#"{"detail":"too warm"}"#);
}

#[tokio::test]
async fn events_are_sent_one_by_one_and_know_their_request() {
    let events = ask(&ready().await.into_shell(), post("/stream", "3")).await;
    assert_eq!(events.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert_eq!(events.body, "data: \"r-1 0\"\n\ndata: \"r-1 1\"\n\ndata: \"r-1 2\"\n\n");
}

#[tokio::test]
async fn a_panic_in_a_stream_cuts_it() {
    let shell = ready().await.into_shell();
    let mut body = shell.answer(post("/stream", "99")).await.into_body();
    assert!(body.frame().await.unwrap().is_ok());
    assert!(body.frame().await.unwrap().is_err());
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn an_endpoint_can_tell_the_platform_what_to_do_with_the_runner() {
    let told = check(post("/tell", ""), 200, json!("r-1")).await;
    assert_eq!(told.header("x-fal-stop-runner"), Some("0"));
    assert_eq!(told.header("retry-after"), Some("7"));
    assert_eq!(told.header("x-fal-runner-health-check"), Some("true"));
    assert_eq!(told.header("x-fal-billable-units"), Some("3"));
}

#[tokio::test(start_paused = true)]
async fn requests_beyond_the_limit_wait_in_line() {
    let shell = ready().await.into_shell();
    let slow = || ask(&shell, post("/slow", ""));
    let started = tokio::time::Instant::now();
    let (first, second, third) = tokio::join!(slow(), slow(), slow());
    // Two at a time, a second each.
    assert_eq!(started.elapsed(), Duration::from_secs(2));
    assert!([first, second, third].iter().all(|answered| answered.status == 200));
}

#[tokio::test]
async fn a_caller_that_leaves_ends_its_endpoint() {
    let shell = ready().await.into_shell();
    let pending = shell.answer(post("/forever", ""));
    let left = tokio::select! {
        biased;
        _ = pending => false,
        () = lab::entered_forever() => true,
    };
    assert!(left);
    assert!(lab::forever_was_dropped(), "the endpoint's future went with its caller");
}

#[tokio::test]
async fn a_failed_setup_gives_nothing_to_listen_with() {
    let failing = |how: &str| SetupContext::default().with_var("FAIL", how);
    let error = run_setup::<Lab>(failing("error")).await.unwrap_err();
    assert_eq!(error.to_string(), "setup failed: no weights");
    let error = run_setup::<Lab>(failing("panic")).await.unwrap_err();
    assert_eq!(error.to_string(), "setup panicked: no luck");
}

#[test]
fn an_app_describes_itself_without_running() {
    let described = fal_app::describe::<Lab>().unwrap();
    assert_eq!(described["name"], json!("lab"));
    assert_eq!(described["limits"], json!({ "max_multiplexing": 2 }));
    assert_eq!(described["endpoints"][0], json!({ "path": "/" }));
    assert_eq!(described["health_check"], json!(null));
    let sick = fal_app::describe::<lab::Sick>().unwrap();
    assert_eq!(sick["health_check"], json!({ "path": "/health" }));
}
