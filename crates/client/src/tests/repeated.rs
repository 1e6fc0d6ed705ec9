//! What is sent again, and how often.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    Client, Error, Logs, Retries, TransportError,
    tests::{
        AT_ONCE, client, client_of_fal,
        server::{self, Say, Server},
        submitted,
    },
};

fn pending() -> Say {
    server::json(202, r#"{"status":"IN_PROGRESS","logs":null}"#)
}

fn failed(status: u16) -> Say {
    server::json(status, r#"{"detail":"x","error_type":"runner_disconnected"}"#)
}

fn user_timeout() -> Say {
    server::with(504, &[("x-fal-request-timeout-type", "user")], "{}")
}

/// A whole answer that breaks off.
fn cut() -> Say {
    server::last("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"status\"")
}

fn broken() -> Say {
    Say::Last(Vec::new())
}

/// Asks for a status and says how often it was asked for.
async fn status_after(script: Vec<Say>) -> (usize, Result<crate::Status, Error>) {
    let server = Server::start(script).await;
    let handle = client(&server).handle("demo/lab", "r-1").unwrap();
    let status = handle.status(Logs::LeftOut).await;
    (server.seen().len(), status)
}

//= docs/contract.md#rust-client-retries
//= type=test
//# A direct call MUST NOT be sent again unless nothing of it was sent.
#[tokio::test]
async fn a_direct_call_that_was_sent_is_not_sent_again() {
    for say in [
        broken(),
        cut(),
        failed(502),
        failed(503),
        failed(504),
        failed(429),
        server::last("HTTP/9 x"),
    ] {
        let server = Server::start([say.clone()]).await;
        let error = client(&server).run::<_, Value>("demo/lab", &json!(1)).await.unwrap_err();
        assert!(!error.is_unsent(), "{error:?}");
        assert_eq!(server.seen().len(), 1, "{say:?} {error:?}");
        let server = Server::start([say]).await;
        let error = client(&server).stream::<_, Value>("demo/lab", &json!(1)).await.unwrap_err();
        assert_eq!(server.seen().len(), 1, "{error:?}");
    }
}

#[tokio::test]
async fn a_host_that_refuses_was_sent_nothing() {
    let server = Server::start([]).await;
    let client = client(&server);
    drop(server);
    let error = client.run::<_, Value>("demo/lab", &json!(1)).await.unwrap_err();
    assert!(error.is_unsent() && error.is_retryable(), "{error:?}");
    assert!(matches!(&error, Error::Transport(TransportError::Connect { .. })), "{error:?}");
    let chain =
        std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    let chain: Vec<_> = chain.map(ToString::to_string).collect();
    assert!(chain.iter().any(|text| text.contains("refused")), "{chain:?}");
}

//= docs/contract.md#rust-client-retries
//= type=test
//# A submit MUST NOT be sent again unless nothing of it was sent, or the platform honours the idempotency key that it has.
#[tokio::test]
async fn a_submit_is_sent_again_only_under_a_key_that_is_honoured() {
    for say in [broken(), cut(), failed(502), failed(503), failed(504), failed(429)] {
        let server = Server::start([say.clone(), submitted()]).await;
        let call = client_of_fal(&server).queued("demo/lab").idempotency_key("mine");
        let error = call.submit(&json!(1)).await.unwrap_err();
        assert_eq!(server.seen().len(), 1, "fal ignores the key: {error:?}");
        let server = Server::start([say.clone(), say, submitted()]).await;
        client(&server).submit("demo/lab", &json!(1)).await.unwrap();
        let seen = server.seen();
        assert_eq!(seen.len(), 3);
        let key = seen[0].header("idempotency-key").unwrap();
        assert!(uuid::Uuid::parse_str(key).is_ok(), "{key}");
        for again in &seen {
            assert_eq!((again.header("idempotency-key"), &again.body), (Some(key), &seen[0].body));
        }
    }
}

#[tokio::test]
async fn each_submit_has_a_key_of_its_own_or_the_callers() {
    let server = Server::start([submitted(), submitted(), submitted()]).await;
    let client = client(&server);
    for _ in 0..2 {
        client.submit("demo/lab", &json!(1)).await.unwrap();
    }
    client.queued("demo/lab").idempotency_key("mine").submit(&json!(1)).await.unwrap();
    let seen = server.seen();
    let keys: Vec<_> = seen.iter().filter_map(|seen| seen.header("idempotency-key")).collect();
    assert_eq!((keys.len(), keys[2]), (3, "mine"));
    assert_ne!(keys[0], keys[1]);
    let server = Server::start([submitted()]).await;
    client_of_fal(&server).submit("demo/lab", &json!(1)).await.unwrap();
    assert_eq!(server.seen()[0].header("idempotency-key"), None, "fal has no use for one");
}

#[tokio::test]
async fn what_a_submit_is_refused_for_is_final() {
    for (say, why) in [
        (server::json(422, "{}"), "a key with another payload"),
        (server::json(404, "{}"), "no such app"),
        (failed(500), "a store that failed"),
        (user_timeout(), "the caller's own deadline"),
    ] {
        let server = Server::start([say, submitted()]).await;
        client(&server).submit("demo/lab", &json!(1)).await.unwrap_err();
        assert_eq!(server.seen().len(), 1, "{why}");
    }
    let server = Server::start([server::json(429, "{}"), submitted()]).await;
    let call = client(&server).queued("demo/lab").max_queue_length(3);
    let error = call.submit(&json!(1)).await.unwrap_err();
    assert!(matches!(error, Error::TooManyRequests(_)));
    assert_eq!(server.seen().len(), 1, "the caller asked to be refused");
}

#[tokio::test]
async fn a_read_is_repeated_where_another_try_may_go_well() {
    for say in [
        broken(),
        cut(),
        failed(502),
        failed(503),
        failed(504),
        failed(429),
        server::last("HTTP/9 x"),
    ] {
        let (asked, status) = status_after(vec![say.clone(), say.clone(), pending()]).await;
        assert_eq!((asked, status.is_ok()), (3, true), "{say:?} {status:?}");
        let (asked, status) = status_after(vec![say.clone(); 9]).await;
        assert_eq!((asked, status.is_err()), (4, true), "no more than allowed: {say:?} {status:?}");
    }
}

//= docs/contract.md#rust-client-retries
//= type=test
//# A 504 that is the caller's own deadline MUST NOT lead to a repetition.
#[tokio::test]
async fn a_read_is_not_repeated_where_the_answer_is_final() {
    for say in
        [user_timeout(), failed(500), failed(501), server::json(404, "{}"), server::json(401, "{}")]
    {
        let (asked, status) = status_after(vec![say.clone(), pending()]).await;
        assert_eq!((asked, status.is_err()), (1, true), "{say:?} {status:?}");
    }
}

#[tokio::test]
async fn a_cancel_is_repeated_as_a_read_is() {
    let accepted = server::json(202, r#"{"status":"CANCELLATION_REQUESTED"}"#);
    let server = Server::start([broken(), failed(503), accepted]).await;
    let handle = client(&server).handle("demo/lab", "r-1").unwrap();
    handle.cancel().await.unwrap();
    assert_eq!(server.asked(), ["PUT /queue/demo/lab/requests/r-1/cancel"; 3]);
}

#[tokio::test]
async fn the_result_of_a_failed_request_is_read_once() {
    for status in [429, 502, 503, 504] {
        let over =
            r#"{"status":"COMPLETED","logs":null,"error":"x","error_type":"runner_disconnected"}"#;
        let script = [server::json(200, over), broken(), failed(status)];
        let server = Server::start(script).await;
        let handle = client(&server).handle("demo/lab", "r-1").unwrap();
        let error = handle.try_result::<Value>().await.unwrap_err();
        assert_eq!(error.status(), Some(status), "{error:?}");
        assert_eq!(server.seen().len(), 3, "it is what the request came to");
        let over = r#"{"status":"COMPLETED","logs":null}"#;
        let script = [server::json(200, over), failed(status), server::json(200, "7")];
        let server = Server::start(script).await;
        let handle = client(&server).handle("demo/lab", "r-1").unwrap();
        assert_eq!(handle.try_result::<u32>().await.unwrap(), Some(7), "it is not the result");
    }
}

//= docs/contract.md#rust-client-retries
//= type=test
//# A `Retry-After` MUST be waited for, or the error returned.
#[tokio::test]
async fn a_retry_after_is_waited_for() {
    let told = |seconds| server::with(429, &[("retry-after", seconds)], "{}");
    let begun = Instant::now();
    let (asked, status) = status_after(vec![told("1"), pending()]).await;
    assert_eq!((asked, status.is_ok()), (2, true));
    assert!(begun.elapsed() >= Duration::from_secs(1));
    let (asked, status) = status_after(vec![told("3"), pending()]).await;
    let error = status.unwrap_err();
    assert_eq!((asked, error.reply().unwrap().retry_after()), (1, Some(Duration::from_secs(3))));
}

#[tokio::test]
async fn a_platform_that_says_nothing_is_asked_again() {
    let server = Server::start([Say::Nothing, Say::Nothing, pending()]).await;
    let builder = Client::builder().base(&server.url()).retries(AT_ONCE);
    let client = builder.read_timeout(Duration::from_millis(50)).build().unwrap();
    let handle = client.handle("demo/lab", "r-1").unwrap();
    handle.status(Logs::LeftOut).await.unwrap();
    assert_eq!(server.seen().len(), 3);
    server.was_left(2).await;
}

#[tokio::test]
async fn nothing_is_repeated_where_nothing_is_to_be() {
    let server = Server::start([failed(503), pending()]).await;
    let builder = Client::builder().base(&server.url()).retries(Retries::none());
    let handle = builder.build().unwrap().handle("demo/lab", "r-1").unwrap();
    assert_eq!(handle.status(Logs::LeftOut).await.unwrap_err().status(), Some(503));
    assert_eq!(server.seen().len(), 1);
}
