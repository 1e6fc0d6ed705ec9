//! What an app says of itself: to programs, to people, to those who count.

use std::{
    collections::BTreeSet, convert::Infallible, future::ready, io::Error, sync::atomic::Ordering,
};

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
    response::IntoResponse as _,
    routing::get,
};
use fal_app::{SetupContext, describe, openapi, prelude::*, run_setup, testing::TestApp};
use futures_util::stream::once;
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

/// One call of an endpoint: what it sends, or that its body breaks off, or that it is cancelled.
enum Way {
    Sends(Value),
    Bytes(&'static str),
    BreaksOff,
    IsCancelled,
}

/// How every endpoint of the studio is called, and the statuses that its error type declares and its
/// function never returns.
fn ways() -> Vec<(&'static str, Vec<Way>, &'static [u16])> {
    use Way::{BreaksOff, Bytes, IsCancelled, Sends};
    let subject = |subject: &str| Sends(json!({ "subject": subject }));
    let ruins = ["fine", "refused", "busy", "leaking", "closed", "panic", "after the panic"];
    let ruins = ruins.map(|how| Sends(how.into())).into_iter().chain([Sends(5.into()), BreaksOff]);
    vec![
        (
            "/",
            vec![subject("a pipe"), subject(""), subject("the void"), Sends(5.into()), BreaksOff],
            &[404, 499, 503],
        ),
        ("/invert", vec![Bytes("image/png"), Bytes("broken"), BreaksOff], &[404, 422, 499, 503]),
        ("/wait", vec![IsCancelled, BreaksOff], &[200, 404, 422, 500, 503]),
        ("/hold", vec![Sends(().into()), BreaksOff], &[404, 422, 499, 500, 503]),
        ("/told", vec![Sends(().into()), BreaksOff], &[404, 422, 499, 500, 503]),
        ("/cancelled", vec![Sends(().into()), BreaksOff], &[404, 422, 499, 500, 503]),
        ("/ruin", ruins.collect(), &[499]),
    ]
}

async fn status(app: &TestApp<Studio>, path: &str, way: Way) -> u16 {
    match way {
        Way::Sends(input) => app.post(path, input).await.status(),
        Way::Bytes(of) => app.call(path).bytes(of, "bytes").await.status(),
        Way::BreaksOff => {
            let shell = run_setup::<Studio>(SetupContext::default()).await.unwrap().into_shell();
            let broken = Body::from_stream(once(ready(Err::<&[u8], _>(Error::other("gone")))));
            let request = Request::post(path).body(broken).unwrap();
            shell.answer(request).await.status().as_u16()
        }
        Way::IsCancelled => {
            let waiting = app.call(path).request_id("r-1").send();
            let cancelling = async {
                app.app().entered.notified().await;
                app.cancel(path, "r-1").await.expect(200);
            };
            tokio::join!(waiting, cancelling).0.status()
        }
    }
}

//= docs/contract.md#app-description
//= type=test
//# The app's OpenAPI document MUST list exactly the statuses that each endpoint can answer, and say of
//# each what it does to the runner and to a queued request.
#[tokio::test]
async fn every_status_that_is_answered_is_described_and_no_other() {
    let app = TestApp::<Studio>::start().await;
    app.app().gate.store(true, Ordering::SeqCst);
    let mut asked = BTreeSet::from(["/health".to_owned()]);
    for (path, ways, never) in ways() {
        let mut answered = BTreeSet::new();
        for way in ways {
            answered.insert(status(&app, path, way).await);
        }
        let returned = never.iter().filter(|status| answered.contains(status));
        assert_eq!(returned.count(), 0, "{path} answers {answered:?}");
        answered.extend(never);
        assert_eq!(answered, statuses(path), "{path}");
        asked.insert(path.to_owned());
    }
    // What is said of a session are its messages.
    asked.insert("/live".to_owned());
    let described = document()["paths"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(asked, described, "each endpoint is called");
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
    for words in [
        "<h1>studio</h1>",
        "POST /invert",
        "WEBSOCKET /live",
        "Turns bytes around.",
        "class=\"ended\"",
    ] {
        assert!(page.contains(words), "{words} is not in {page}");
    }
    assert!(!page.contains("<script"), "it is complete without one");
    app.post("/docs", ()).await.expect(405);
    get("/health").await.expect(200).json(json!({ "version": "1.2.0" }));
}

#[test]
fn a_realtime_endpoint_is_described_by_its_messages() {
    let live = &document()["paths"]["/live"];
    assert_eq!(
        live["x-fal-protocol"],
        json!({
            "type": "realtime",
            "operationId": "live",
            "config": { "buffering": 2, "sessionTimeout": null, "maxBatchSize": 1 },
            "contentType": "application/msgpack",
            "realtimeMode": "unary",
        })
    );
    let schema = |content: &Value| content["content"]["application/json"]["schema"]["$ref"].clone();
    assert_eq!(schema(&live["post"]["requestBody"]), "#/components/schemas/Sketch");
    assert_eq!(schema(&live["post"]["responses"]["200"]), "#/components/schemas/Picture");
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

/// An app whose types and paths have names that a description uses itself.
#[fal_app]
struct Odd;

#[fal_app]
impl Odd {
    #[setup]
    async fn setup() -> Result<Self, SetupError> {
        Ok(Self)
    }

    #[endpoint("/both-ways")]
    async fn both_ways(&self, outer: Outer) -> Result<Outer, Infallible> {
        Ok(outer)
    }

    #[endpoint("/named")]
    async fn named(&self, input: Detail) -> Result<InnerOutput, Infallible> {
        Ok(InnerOutput { text: input.text })
    }

    #[endpoint("/health")]
    async fn health(&self) -> Result<(), OfField> {
        Err(OfField)
    }
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Outer {
    inner: Inner,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Inner {
    #[serde(default)]
    number: u8,
}

/// The name that `Inner` as it is written would get.
#[derive(Debug, Serialize, JsonSchema)]
struct InnerOutput {
    text: String,
}

/// The name of a body of the shell's.
#[derive(Debug, Deserialize, JsonSchema)]
struct Detail {
    text: String,
}

#[derive(Debug, thiserror::Error, AppError)]
#[error("the field is wrong")]
#[status(400, field = "number")]
struct OfField;

/// An app whose functions have the names that its operations would get.
#[fal_app]
struct Alive;

#[fal_app]
impl Alive {
    #[setup]
    async fn setup() -> Result<Self, SetupError> {
        Ok(Self)
    }

    #[endpoint("/")]
    async fn alive_post(&self) -> Result<EventStream<u8>, Infallible> {
        Ok(EventStream::of([1]))
    }

    #[health_check("/alive")]
    async fn alive(&self) -> Result<(), Unhealthy> {
        Ok(())
    }
}

/// An app with an endpoint that is named as the check that every app has.
#[fal_app]
struct Health;

#[fal_app]
impl Health {
    #[setup]
    async fn setup() -> Result<Self, SetupError> {
        Ok(Self)
    }

    #[endpoint("/")]
    async fn health(&self) -> Result<(), Infallible> {
        Ok(())
    }
}

#[test]
fn a_type_that_holds_one_of_two_forms_has_two_forms_itself() {
    let document = openapi::<Odd>().unwrap();
    let schemas = &document["components"]["schemas"];
    let held = |name: &str| schemas[name]["properties"]["inner"]["$ref"].clone();
    assert_eq!(held("Outer"), json!("#/components/schemas/Inner"));
    assert_eq!(held("OuterOutput"), json!("#/components/schemas/InnerOutput2"));
    assert_eq!(schemas["Inner"].get("required"), None);
    assert_eq!(schemas["InnerOutput2"]["required"], json!(["number"]));
    let operation = &document["paths"]["/both-ways"]["post"];
    let read = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    let written = &operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"];
    let found = ["Outer", "OuterOutput"].map(|name| json!(format!("#/components/schemas/{name}")));
    assert_eq!([read, written], [&found[0], &found[1]]);
}

#[test]
fn an_authors_types_keep_their_names() {
    let document = openapi::<Odd>().unwrap();
    let schemas = &document["components"]["schemas"];
    for name in ["InnerOutput", "Detail"] {
        assert!(schemas[name]["properties"].get("text").is_some(), "{name}: {}", schemas[name]);
    }
}

#[test]
fn an_endpoint_in_the_place_of_the_health_check_is_described() {
    let document = openapi::<Odd>().unwrap();
    let health = document["paths"]["/health"].as_object().unwrap();
    assert_eq!(health.keys().collect::<Vec<_>>(), ["post"]);
    let wrong = &health["post"]["responses"]["400"]["content"]["application/json"]["schema"];
    assert_eq!(wrong["$ref"], json!("#/components/schemas/fal.ValidationError"), "it is a list");
}

#[tokio::test]
async fn the_health_check_of_every_app_answers_200_alone() {
    let app = TestApp::<Health>::start().await;
    app.call("/health").method("GET").send().await.expect(200);
    let responses = &openapi::<Health>().unwrap()["paths"]["/health"]["get"]["responses"];
    assert_eq!(responses.as_object().unwrap().keys().collect::<Vec<_>>(), ["200"]);
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    for document in [openapi::<Alive>().unwrap(), openapi::<Health>().unwrap(), document()] {
        let paths = document["paths"].as_object().unwrap().values();
        let operations = paths.flat_map(|path| path.as_object().unwrap());
        let operations = operations.filter(|(method, _)| *method != "x-fal-protocol");
        let ids: Vec<_> =
            operations.map(|(_, operation)| operation["operationId"].to_string()).collect();
        let unique: BTreeSet<_> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len(), "{ids:?}");
    }
}

#[test]
fn a_stream_of_events_may_be_cut_short() {
    let document = openapi::<Alive>().unwrap();
    let success = &document["paths"]["/"]["post"]["responses"]["200"];
    let cut = &success["x-fal-outcomes"][1];
    assert_eq!(cut["case"], json!("CutShort"));
    assert_eq!((&cut["runner"], &cut["queued_request"]), (&json!("ended"), &json!("retried")));
    assert_eq!(cut["because"]["runner"], json!("truncation"));
}

/// Types that are named as OpenAPI allows no schema to be.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Größe / all")]
struct Size {
    inner: Sign,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[schemars(rename = "50% ~1?")]
enum Sign {
    Plus,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "50_ _1_")]
struct Alike {
    sign: Sign,
}

#[fal_app]
struct Named;

#[fal_app]
impl Named {
    #[setup]
    async fn setup() -> Result<Self, SetupError> {
        Ok(Self)
    }

    #[endpoint("/")]
    async fn measure(&self, size: Size) -> Result<Alike, Infallible> {
        Ok(Alike { sign: size.inner })
    }
}

#[test]
fn a_name_that_openapi_forbids_becomes_one_that_it_allows() {
    let document = openapi::<Named>().unwrap();
    let schemas = &document["components"]["schemas"];
    let mut names: Vec<_> = schemas.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["50___1_", "50___1_2", "Gr__e___all", "fal.Detail", "fal.ValidationError"]);
    let operation = &document["paths"]["/"]["post"];
    let read = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    let written = &operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"];
    assert_eq!(*read, json!("#/components/schemas/Gr__e___all"));
    let sign = schemas["Gr__e___all"]["properties"]["inner"]["$ref"].clone();
    let alike = written.as_str().unwrap().trim_start_matches("#/components/schemas/");
    assert_eq!(schemas[alike]["properties"]["sign"]["$ref"], sign);
    assert_ne!(sign, *written);
}
