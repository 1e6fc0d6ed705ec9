//! Calls that wait for their app.

use std::time::Duration;

use fal_client::{Error, ErrorType, EventStream, Method, ModelErrorKind};
use fal_tests::{App, Platform, Value, eventually, json};
use serde::{Deserialize, Serialize};

use crate::rust::{answer, client, error, platform};

#[derive(Debug, Serialize)]
struct Prompt {
    prompt: &'static str,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Greeting {
    text: String,
}

/// What `unruly` says of the call.
#[derive(Debug, Deserialize)]
struct Seen {
    pid: u32,
    method: String,
    path: String,
    headers: Value,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_reaches_its_app() {
    let platform = platform(App::unruly());
    let client = client(&platform);
    let seen: Seen = client.run("demo/lab", &json!({ "tag": "run" })).await.unwrap();
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/"));
    assert_eq!(seen.headers["content-type"], "application/json");
    let seen: Seen = client.run("demo/lab/v2/turbo", &json!({})).await.unwrap();
    assert_eq!(seen.path, "/v2/turbo");
    let call =
        client.call("demo/lab").path("v3").method(Method::PUT).header("x-app-fal-mine", "yes");
    let answer = call.answer::<_, Seen>(&json!({})).await.unwrap();
    assert_eq!((answer.output.method.as_str(), answer.output.path.as_str()), ("PUT", "/v3"));
    assert_eq!(answer.output.headers["x-app-fal-mine"], "yes");
    assert_eq!(answer.reply.request_id(), answer.output.headers["x-fal-request-id"].as_str());
    let call = client.call("demo/lab").method(Method::GET);
    assert_eq!(call.run::<_, Seen>(&json!({ "x": "a b" })).await.unwrap().path, "/?x=a%20b");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_in_rust_is_called_with_its_own_types() {
    let platform = Platform::serving(App::example("hello").named("demo/hello"));
    let client = client(&platform);
    let greeting: Greeting = client.run("demo/hello", &Prompt { prompt: "you" }).await.unwrap();
    assert_eq!(greeting.text, "Hello, you!");
    let prompt = Prompt { prompt: "all of you" };
    let mut stream: EventStream<Greeting> = client.stream("demo/hello", &prompt).await.unwrap();
    let mut words = String::new();
    while let Some(word) = stream.next().await {
        words.push_str(&word.unwrap().text);
    }
    assert_eq!(words, "Hello, all of you!");
    let Error::Validation(refused) =
        error(client.run::<_, Greeting>("demo/hello", &json!({})).await)
    else {
        panic!("a field is missing");
    };
    let [missing] = refused.errors.as_slice() else { panic!("{refused:?}") };
    assert_eq!(missing.kind, ModelErrorKind::Other("missing".to_owned()));
    assert_eq!(missing.field(), Some("prompt"));
    let empty = error(client.run::<_, Greeting>("demo/hello", &Prompt { prompt: "" }).await);
    assert!(matches!(&empty, Error::App(refusal) if refusal.reply.status() == 422), "{empty:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apps_statuses_are_its_own_words() {
    let platform = platform(App::unruly());
    let client = client(&platform);
    for (status, again) in [(400, false), (422, false), (500, false), (504, true)] {
        let asked = answer(status, &json!({ "detail": "mine" }));
        let error = error(client.run::<_, Value>("demo/lab", &asked).await);
        assert_eq!(error.is_retryable(), again, "{status}");
        assert!(error.request_id().is_some());
        assert!(matches!(&error, Error::App(refusal) if refusal.detail == "mine"), "{error:?}");
    }
    let item = json!({ "loc": ["body", "image_url"], "msg": "too small", "type": "image_too_small",
        "ctx": { "min_height": 64, "min_width": 32 } });
    let refused = answer(422, &json!({ "detail": [item] }));
    let error = error(client.run::<_, Value>("demo/lab", &refused).await);
    let Error::Validation(refused) = error else { panic!("{error:?}") };
    let wanted = ModelErrorKind::ImageTooSmall { min_height: Some(64.0), min_width: Some(32.0) };
    assert_eq!(refused.errors[0].kind, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_503_is_given_once_and_ends_its_runner() {
    let platform = platform(App::unruly());
    let client = client(&platform);
    let before: Seen = client.run("demo/lab", &json!({})).await.unwrap();
    let broken = json!({ "status": 503, "body": "{\"detail\":\"gone\"}", "tag": "broken" });
    let error = error(client.run::<_, Value>("demo/lab", &broken).await);
    assert!(matches!(&error, Error::App(refusal) if refusal.reply.status() == 503), "{error:?}");
    let after: Seen = client.run("demo/lab", &json!({})).await.unwrap();
    assert_ne!(before.pid, after.pid);
    let broken = platform.lab().tags().iter().filter(|tag| *tag == "broken").count();
    assert_eq!(broken, 1, "it was not called again");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_platforms_own_errors_have_their_types() {
    let platform = platform(App::unruly().set("request_timeout", 1));
    let client = client(&platform);
    for (asked, kind, status) in [
        (json!({ "crash": "kill" }), ErrorType::RunnerDisconnected, 503),
        (json!({ "truncate_at": 10 }), ErrorType::RunnerIncompleteResponse, 502),
        (json!({ "hold": "never" }), ErrorType::RequestTimeout, 504),
    ] {
        let error = error(client.run::<_, Value>("demo/lab", &asked).await);
        assert!(error.is_retryable() && !error.is_unsent(), "{error:?}");
        let Error::Platform(problem) = error else { panic!("{error:?}") };
        assert_eq!((problem.kind, problem.reply.status()), (kind, status));
    }
    let call = client.call("demo/lab").start_timeout(Duration::from_millis(1));
    let error = error(call.run::<_, Value>(&json!({})).await);
    assert!(
        matches!(&error, Error::Platform(problem) if problem.kind == ErrorType::BadRequest),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_found() {
    let platform = platform(App::unruly());
    let client = client(&platform);
    let error = error(client.run::<_, Value>("no/body", &json!({})).await);
    assert!(matches!(&error, Error::NotFound(_)), "{error:?}");
    assert!(matches!(client.submit("no/body", &json!({})).await, Err(Error::NotFound(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_comes_event_by_event_and_shows_its_cut() {
    let platform = platform(App::unruly());
    let client = client(&platform);
    let headers = json!({ "content-type": "text/event-stream" });
    let asked = json!({ "events": 2, "hold_stream": "more", "headers": headers });
    let mut stream: EventStream<u32> = client.stream("demo/lab", &asked).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), 0);
    platform.lab().create("more");
    assert_eq!(stream.next().await.unwrap().unwrap(), 1);
    assert!(stream.next().await.is_none());
    let held = json!({ "events": 2, "hold_stream": "die", "crash": "kill", "headers": headers });
    let mut stream: EventStream<u32> = client.stream("demo/lab", &held).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), 0);
    platform.lab().create("die");
    let mut last = stream.next().await;
    // What a process has written just before its death may be lost with it.
    if matches!(last, Some(Ok(1))) {
        last = stream.next().await;
    }
    assert!(matches!(last, Some(Err(Error::Cut(_)))), "{last:?}");
    assert!(stream.next().await.is_none());
    let refused = answer(422, &json!({ "detail": "mine" }));
    assert!(matches!(client.stream::<_, u32>("demo/lab", &refused).await, Err(Error::App(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_cancels() {
    let platform = platform(App::unruly());
    let call = client(&platform).call("demo/lab").timeout(Duration::from_secs(1));
    let asked = json!({ "hold_cancel": true, "tag": "held" });
    let error = error(call.run::<_, Value>(&asked).await);
    assert!(matches!(error, Error::Timeout(_)), "{error:?}");
    let held = platform.lab().called("held").request_id;
    eventually("its runner is told", || {
        platform.dir().join("lab").join(format!("cancel-{held}")).exists().then_some(())
    });
}
