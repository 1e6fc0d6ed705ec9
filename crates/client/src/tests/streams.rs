//! Answers that come event by event.

use futures_util::StreamExt as _;
use serde::Deserialize;
use serde_json::json;

use crate::{
    Client, Error, EventStream,
    tests::{
        client,
        server::{self, Say, Server},
    },
};

#[derive(Debug, Deserialize, PartialEq)]
struct Token {
    text: String,
}

const TWO: &str = "data: {\"text\":\"a\"}\n\n: ping\n\ndata: {\"text\":\ndata: \"b\"}\n\n";

async fn open(server: &Server) -> EventStream<Token> {
    client(server).stream("demo/lab", &json!({ "prompt": "x" })).await.unwrap()
}

async fn is_token(stream: &mut EventStream<Token>, text: &str) {
    assert_eq!(stream.next().await.unwrap().unwrap().text, text);
}

#[tokio::test]
async fn a_stream_gives_its_events_and_ends() {
    let server = Server::start([server::events(TWO), server::events("")]).await;
    let mut stream = open(&server).await;
    assert_eq!(stream.reply().request_id(), Some("r-1"));
    is_token(&mut stream, "a").await;
    is_token(&mut stream, "b").await;
    assert!(stream.next().await.is_none() && stream.next().await.is_none());
    let none: Vec<_> = open(&server).await.collect().await;
    assert!(none.is_empty(), "{none:?}");
    let [seen, _] = server.seen().try_into().unwrap();
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/run/demo/lab/stream"));
    assert_eq!(seen.header("accept"), Some("text/event-stream"));
    assert_eq!(
        (seen.header("cache-control"), seen.json()),
        (Some("no-store"), json!({ "prompt": "x" }))
    );
}

#[tokio::test]
async fn an_event_comes_before_the_next_is_sent() {
    let server = Server::start([server::begun("data: {\"text\":\"a\"}\n\n")]).await;
    let mut stream = open(&server).await;
    is_token(&mut stream, "a").await;
    drop(stream);
    server.was_left(1).await;
}

//= docs/contract.md#rust-client-cut
//= type=test
//# A stream that is cut MUST end with an error after the events that have come.
#[tokio::test]
async fn a_cut_is_an_error_after_the_events() {
    let cut = |text: &str| match server::begun(text) {
        Say::Bytes(bytes) | Say::Last(bytes) => Say::Last(bytes),
        Say::Nothing => Say::Nothing,
    };
    let fixed = format!(
        "HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\nx-fal-request-id: r-1\r\ncontent-length: 999\r\n\r\n{TWO}"
    );
    let half = format!("{TWO}data: {{\"te");
    let unended = format!("{TWO}data: {{\"text\":\"c\"}}\n");
    for (why, say) in [
        ("no last chunk", cut(TWO)),
        ("in an event, no last chunk", cut(&half)),
        ("in an event, closed in order", server::events(&half)),
        ("no empty line, closed in order", server::events(&unended)),
        ("less than announced", server::last(&fixed)),
    ] {
        let server = Server::start([say]).await;
        let mut stream = open(&server).await;
        is_token(&mut stream, "a").await;
        is_token(&mut stream, "b").await;
        let error = stream.next().await.expect(why).unwrap_err();
        assert_eq!(
            (error.request_id(), error.is_retryable(), error.is_unsent()),
            (Some("r-1"), true, false)
        );
        let Error::Cut(cut) = error else { panic!("{why}: {error:?}") };
        assert!(cut.received >= TWO.len() as u64, "{why}: {cut:?}");
        assert!(stream.next().await.is_none(), "{why}");
    }
}

#[tokio::test]
async fn an_event_that_does_not_fit_is_one_error() {
    let text = "data: {\"text\":1}\n\ndata: nonsense\n\ndata: {\"text\":\"b\"}\n\n";
    let server = Server::start([server::events(text)]).await;
    let mut stream = open(&server).await;
    for (at, text) in [("text", "{\"text\":1}"), (".", "nonsense")] {
        let error = stream.next().await.unwrap().unwrap_err();
        let Error::Decode(decode) = error else { panic!("{error:?}") };
        assert_eq!((decode.at.as_str(), decode.text.as_str()), (at, text));
    }
    is_token(&mut stream, "b").await;
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn an_event_without_end_is_not_held() {
    let long = format!("data: {}", "x".repeat(200));
    let server = Server::start([server::begun(&long)]).await;
    let client = Client::builder().base(&server.url()).response_limit(100).build().unwrap();
    let mut stream: EventStream<Token> = client.stream("demo/lab", &json!(1)).await.unwrap();
    let error = stream.next().await.unwrap().unwrap_err();
    assert!(matches!(error, Error::TooLarge { limit: 100 }), "{error:?}");
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn what_is_no_stream_is_an_error_before_the_events() {
    let refused = server::json(422, r#"{"detail":[{"type":"missing","msg":"no"}]}"#);
    let dead = r#"{"detail":"x","error_type":"runner_disconnected"}"#;
    let typeless = server::raw("HTTP/1.1 200 X\r\ncontent-length: 0\r\n\r\n");
    let script = [refused, server::json(503, dead), server::json(200, "{}"), typeless];
    let server = Server::start(script).await;
    let call = || client(&server).call("demo/lab").path("/tokens");
    let open = async || call().stream::<_, Token>(&json!(1)).await.unwrap_err();
    assert!(matches!(open().await, Error::Validation(_)));
    assert!(matches!(open().await, Error::Platform(_)));
    let error = open().await;
    assert!(
        matches!(&error, Error::NotAStream(refusal) if refusal.detail == "application/json"),
        "{error:?}"
    );
    assert!(matches!(open().await, Error::NotAStream(_)));
    assert_eq!(server.asked(), ["POST /run/demo/lab/tokens"; 4]);
}
