//! What calls look like on the wire, and what becomes of their answers.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    BadCall, Cancel, Error, Logs, Method, ObjectLifecycle, Priority, State,
    tests::{
        client, client_of_fal,
        server::{self, Server},
        submitted, value,
    },
};

#[derive(Debug, Serialize)]
struct Input {
    prompt: &'static str,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Output {
    text: String,
}

const INPUT: Input = Input { prompt: "you" };

#[tokio::test]
async fn a_run_is_a_post_of_json() {
    let server = Server::start([server::json(200, r#"{"text":"hello"}"#)]).await;
    let output: Output = client(&server).run("demo/lab", &INPUT).await.unwrap();
    assert_eq!(output.text, "hello");
    let [seen] = server.seen().try_into().unwrap();
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/run/demo/lab"));
    assert_eq!(seen.body, br#"{"prompt":"you"}"#);
    assert_eq!(seen.header("authorization"), Some("Key id:secret"));
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("accept"), Some("application/json"));
    assert!(seen.header("user-agent").unwrap().starts_with("fal-client/"));
    for absent in ["x-fal-queue-priority", "x-fal-request-timeout", "idempotency-key"] {
        assert_eq!(seen.header(absent), None);
    }
}

#[tokio::test]
async fn what_is_said_of_a_call_is_sent() {
    let server = Server::start([server::json(200, "1")]).await;
    let lifecycle = ObjectLifecycle {
        expires_after: Some(Duration::from_secs(3600)),
        initial_acl: Some(json!({ "default": "hide" })),
    };
    let call = client(&server).call("demo/lab/v1").path("/turbo?x=1").runner_hint("warm");
    let call = call.start_timeout(Duration::from_millis(2500)).object_lifecycle(&lifecycle);
    let call = call.header("X-Custom", "yes").header("authorization", "Key other");
    let output: u32 = call.method(Method::PUT).run(&json!(null)).await.unwrap();
    assert_eq!(output, 1);
    let [seen] = server.seen().try_into().unwrap();
    assert_eq!(server.asked(), ["PUT /run/demo/lab/v1/turbo?x=1"]);
    assert_eq!(seen.body, b"null");
    for (name, wanted) in [
        ("x-fal-runner-hint", "warm"),
        ("x-fal-request-start-timeout", "2.5"),
        ("x-fal-request-timeout", "2.5"),
        ("x-custom", "yes"),
        ("authorization", "Key id:secret"),
    ] {
        assert_eq!(seen.header(name), Some(wanted), "{name}");
    }
    let lifecycle = value(seen.header("x-fal-object-lifecycle-preference").unwrap());
    let wanted =
        json!({ "expiration_duration_seconds": 3600, "initial_acl": { "default": "hide" } });
    assert_eq!(lifecycle, wanted);
}

#[tokio::test]
async fn a_get_has_its_input_in_the_url() {
    let server = Server::start([server::json(200, "1"), server::json(200, "2")]).await;
    let call = || client(&server).call("demo/lab").method(Method::GET);
    let input = json!({ "a": "x y", "b": 1.5, "c": true, "d": null });
    assert_eq!(call().run::<_, u32>(&input).await.unwrap(), 1);
    assert_eq!(call().path("health").run::<_, u32>(&()).await.unwrap(), 2);
    assert_eq!(
        server.asked(),
        ["GET /run/demo/lab?a=x%20y&b=1.5&c=true", "GET /run/demo/lab/health"]
    );
    assert!(server.seen().iter().all(|seen| seen.body.is_empty()));
    for input in [json!([1]), json!({ "a": [1] }), json!("x")] {
        let error = call().run::<_, u32>(&input).await.unwrap_err();
        assert!(matches!(error, Error::BadCall(BadCall::Query)), "{error:?}");
    }
}

#[tokio::test]
async fn a_call_that_cannot_be_made_is_not_sent() {
    let server = Server::start([]).await;
    let client = client(&server);
    let run = async |call: crate::Call<crate::Direct>| {
        let error = call.run::<_, Value>(&json!(1)).await.unwrap_err();
        assert!(error.is_unsent() && !error.is_retryable(), "{error:?}");
        let Error::BadCall(bad) = error else { panic!("{error:?}") };
        bad.to_string()
    };
    assert!(run(client.call("lab")).await.contains("`lab`"));
    assert!(run(client.call("a/b").path("x y")).await.contains("x y"));
    assert!(run(client.call("a/b").header("a b", "1")).await.contains("a b"));
    assert!(run(client.call("a/b").header("a", "secret\n")).await.contains("`a`"));
    assert!(run(client.call("a/b").runner_hint("\u{7}")).await.contains("x-fal-runner-hint"));
    let unwritable = std::collections::BTreeMap::from([((1, 2), 3)]);
    let error = client.run::<_, Value>("a/b", &unwritable).await.unwrap_err();
    assert!(matches!(error, Error::BadCall(BadCall::Input(_))), "{error:?}");
    assert!(client.handle("a/b", "../x").is_err() && client.handle("a", "x").is_err());
    assert_eq!(server.asked(), [""; 0]);
}

#[tokio::test]
async fn a_submit_says_all_that_it_was_told() {
    let server = Server::start([submitted()]).await;
    let call = client(&server).queued("comfy/demo/lab/v2").priority(Priority::Low).no_retry();
    let call = call.webhook("https://a.test/hook?x=1").max_queue_length(7).store_io();
    let handle = call.idempotency_key("mine").submit(&INPUT).await.unwrap();
    assert_eq!((handle.request_id(), handle.app()), ("r-1", "comfy/demo/lab"));
    assert_eq!((handle.queue_position(), handle.is_replay()), (Some(2), false));
    let target = "POST /queue/comfy/demo/lab/v2?fal_webhook=https%3A%2F%2Fa.test%2Fhook%3Fx%3D1&fal_max_queue_length=7";
    assert_eq!(server.asked(), [target]);
    let [seen] = server.seen().try_into().unwrap();
    for (name, wanted) in [
        ("x-fal-queue-priority", "low"),
        ("x-fal-no-retry", "1"),
        ("x-fal-store-io", "1"),
        ("idempotency-key", "mine"),
    ] {
        assert_eq!(seen.header(name), Some(wanted), "{name}");
    }
}

#[tokio::test]
async fn a_handle_asks_below_the_queue_whatever_urls_it_was_told() {
    let told = r#"{"request_id":"r-1","status_url":"http://evil.test/s","cancel_url":"http://evil.test/c"}"#;
    let pending = r#"{"status":"IN_QUEUE","request_id":"r-1","queue_position":3,"logs":null}"#;
    let over = r#"{"status":"COMPLETED","logs":[{"message":"m","timestamp":"t","level":"STDOUT","source":"USER"}],"metrics":{"inference_time":1.5}}"#;
    let script = [
        server::with(200, &[("idempotency-replayed", "true")], told),
        server::json(202, pending),
        server::json(202, pending),
        server::json(200, over),
        server::json(202, r#"{"status":"CANCELLATION_REQUESTED"}"#),
        server::json(400, r#"{"status":"ALREADY_COMPLETED"}"#),
        server::json(400, r#"{"status":"ELSE"}"#),
        server::json(200, over),
        server::json(200, "{\"text\":\"x\"}"),
    ];
    let server = Server::start(script).await;
    let handle = client(&server).submit("demo/lab/deep", &INPUT).await.unwrap();
    assert!(handle.is_replay());
    let status = handle.status(Logs::LeftOut).await.unwrap();
    assert_eq!(status.state, State::InQueue { position: Some(3) });
    assert_eq!(handle.try_result::<Output>().await.unwrap(), None);
    let status = handle.status(Logs::Wanted).await.unwrap();
    assert!(status.is_completed() && status.logs[0].message == "m", "{status:?}");
    let State::Completed(ended) = status.state else { panic!() };
    assert_eq!((ended.inference_time, ended.error), (Some(Duration::from_millis(1500)), None));
    assert_eq!(handle.cancel().await.unwrap(), Cancel::Requested);
    assert_eq!(handle.cancel().await.unwrap(), Cancel::AlreadyCompleted);
    assert!(
        matches!(handle.cancel().await, Err(Error::App(refusal)) if refusal.reply.status() == 400)
    );
    let output = handle.try_result::<Output>().await.unwrap();
    assert_eq!(output, Some(Output { text: "x".to_owned() }));
    let below = |tail: &str| format!("/queue/demo/lab/requests/r-1{tail}");
    let wanted = [
        "POST /queue/demo/lab/deep".to_owned(),
        format!("GET {}", below("/status?logs=0")),
        format!("GET {}", below("/status?logs=0")),
        format!("GET {}", below("/status?logs=1")),
        format!("PUT {}", below("/cancel")),
        format!("PUT {}", below("/cancel")),
        format!("PUT {}", below("/cancel")),
        format!("GET {}", below("/status?logs=0")),
        format!("GET {}", below("")),
    ];
    assert_eq!(server.asked(), wanted);
}

#[tokio::test]
async fn an_answer_is_given_with_its_headers() {
    let headers = [("x-fal-billable-units", "1.5"), ("x-fal-served-from", "runner-7")];
    let script = [
        server::with(200, &headers, "{\"text\":\"x\"}"),
        server::with(200, &[("content-type", "image/png")], "PNG"),
        server::raw("HTTP/1.1 204 No Content\r\n\r\n"),
    ];
    let server = Server::start(script).await;
    let call = || client(&server).call("demo/lab");
    let answer = call().answer::<_, Output>(&INPUT).await.unwrap();
    assert_eq!(answer.output.text, "x");
    assert_eq!(answer.reply.request_id(), Some("r-1"));
    assert_eq!(answer.reply.billable_units(), Some(1.5));
    assert_eq!(answer.reply.served_from(), Some("runner-7"));
    let reply = call().reply(&INPUT).await.unwrap();
    assert_eq!(
        (reply.body().as_ref(), reply.header("content-type")),
        (&b"PNG"[..], Some("image/png"))
    );
    call().run::<_, ()>(&INPUT).await.unwrap();
}

#[tokio::test]
async fn a_success_that_does_not_fit_is_a_decode_error() {
    let script = [
        server::json(200, r#"{"text":7}"#),
        server::json(200, "<html>"),
        server::json(200, r#"{"text":"x"} and more"#),
        server::json(200, r#"{"id":"r-1"}"#),
    ];
    let server = Server::start(script).await;
    let client = client(&server);
    for (at, text) in
        [("text", r#"{"text":7}"#), (".", "<html>"), (".", r#"{"text":"x"} and more"#)]
    {
        let error = client.run::<_, Output>("demo/lab", &INPUT).await.unwrap_err();
        assert!(!error.is_retryable() && error.request_id() == Some("r-1"), "{error:?}");
        let Error::Decode(decode) = error else { panic!("{error:?}") };
        assert_eq!((decode.at.as_str(), decode.text.as_str()), (at, text));
    }
    let error = client.submit("demo/lab", &INPUT).await.unwrap_err();
    assert!(matches!(&error, Error::Decode(_)), "{error:?}");
    assert_eq!(server.seen().len(), 4, "none is asked for twice");
}

#[tokio::test]
async fn a_redirect_of_a_call_is_not_followed() {
    let to = [("location", "http://127.0.0.1:1/elsewhere")];
    let server = Server::start([server::with(307, &to, ""), server::with(302, &to, "")]).await;
    let client = client_of_fal(&server);
    for _ in 0..2 {
        let error = client.run::<_, Output>("demo/lab", &INPUT).await.unwrap_err();
        assert!(error.to_string().contains("elsewhere"), "{error}");
        assert!(matches!(&error, Error::Redirect(_)) && !error.is_retryable(), "{error:?}");
    }
}

#[tokio::test]
async fn an_answer_over_the_limit_is_refused() {
    let long = "1".repeat(100);
    let chunked =
        format!("HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n64\r\n{long}\r\n0\r\n\r\n");
    let server = Server::start([server::json(200, &long), server::raw(&chunked)]).await;
    let client = crate::Client::builder().base(&server.url()).response_limit(99).build().unwrap();
    for _ in 0..2 {
        let error = client.run::<_, Value>("demo/lab", &INPUT).await.unwrap_err();
        assert!(matches!(error, Error::TooLarge { limit: 99 }), "{error:?}");
    }
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_given_up_and_hung_up() {
    let server = Server::start([server::Say::Nothing]).await;
    let call = client(&server).call("demo/lab").timeout(Duration::from_millis(50));
    let error = call.run::<_, Value>(&INPUT).await.unwrap_err();
    assert!(
        matches!(&error, Error::Timeout(up) if up.after == Duration::from_millis(50)),
        "{error:?}"
    );
    assert!(error.is_retryable() && !error.is_user_timeout() && !error.is_unsent());
    server.was_left(1).await;
    assert_eq!(server.seen().len(), 1, "and not made again");
}
