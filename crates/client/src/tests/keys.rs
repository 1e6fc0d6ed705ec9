//! Where the key goes, and where it does not.

use std::sync::Arc;

use parking_lot::Mutex;
use tracing::{Event, Metadata, Subscriber, field, span};

use crate::{
    Client, Error, SetupError, Upload,
    tests::{
        client,
        server::{self, Server},
    },
};

/// Keeps all that is logged, of every level.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        attributes.record(&mut Words(self));
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, record: &span::Record<'_>) {
        record.record(&mut Words(self));
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Words(self));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Words<'a>(&'a Log);

impl field::Visit for Words<'_> {
    fn record_debug(&mut self, field: &field::Field, value: &dyn std::fmt::Debug) {
        let mut log = self.0.0.lock();
        log.push_str(&format!("{field}={value:?}\n"));
    }
}

//= docs/contract.md#rust-client-key
//= type=test
//# Nothing that the client shows of itself, says in an error or logs MUST hold the key.
#[tokio::test]
async fn the_key_is_never_shown() {
    let log = Log::default();
    let guard = tracing::subscriber::set_default(log.clone());
    let wrong = server::json(401, r#"{"detail":"no such key"}"#);
    let server = Server::start([server::json(503, "{}"), wrong, server::last("garbage")]).await;
    let client = client(&server);
    let builder = Client::builder().key("id:secret").base(&server.url());
    let call = client.queued("demo/lab").header("x-mine", "secret too");
    let mut shown = format!("{client:?} {builder:?} {call:?}");
    let handle = client.handle("demo/lab", "r-1").unwrap();
    let errors = [
        handle.status(crate::Logs::LeftOut).await.unwrap_err(),
        client.run::<_, ()>("demo/lab", &1).await.unwrap_err(),
    ];
    for error in errors {
        shown.push_str(&format!("{error} {error:?}"));
    }
    drop(guard);
    let log = log.0.lock();
    assert!(log.contains("asking again"), "{log}");
    for text in [shown.as_str(), log.as_str()] {
        assert!(!text.contains("secret"), "{text}");
    }
    assert_eq!(server.seen()[0].header("authorization"), Some("Key id:secret"));
}

#[tokio::test]
async fn a_key_that_cannot_be_sent_is_refused_without_being_shown() {
    let error = Client::builder().key("sec\u{1}ret").build().unwrap_err();
    assert!(matches!(error, SetupError::BadKey), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("ret"));
    assert!(matches!(Client::builder().key(" ").build(), Err(SetupError::NoKey)));
    let error = Client::builder().base("http://id:secret@a.test").build().unwrap_err();
    assert!(matches!(&error, SetupError::BadUrl(url) if url == "...@a.test/run"), "{error:?}");
    let client = Client::builder().build().unwrap();
    let error = client.download("http://id:secret@a.test", 1).await.unwrap_err();
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
}

//= docs/contract.md#rust-client-key
//= type=test
//# The key MUST be sent to the URLs that the client was made with, and to no other.
#[tokio::test]
async fn the_key_is_sent_nowhere_else() {
    let elsewhere = Server::start([
        server::json(200, "{}"),
        server::with(302, &[("location", "/b")], ""),
        server::json(200, "x"),
    ])
    .await;
    let spot = serde_json::json!({
        "upload_url": format!("{}/put", elsewhere.url()), "file_url": "http://f.test/x",
    });
    let server = Server::start([server::json(200, &spot.to_string())]).await;
    let client = client(&server);
    client.upload(Upload::bytes("abc", "text/plain")).await.unwrap();
    client.download(&format!("{}/a", elsewhere.url()), 10).await.unwrap();
    assert_eq!(elsewhere.asked(), ["PUT /put", "GET /a", "GET /b"]);
    for seen in elsewhere.seen() {
        assert_eq!(seen.header("authorization"), None);
    }
    assert_eq!(server.seen()[0].header("authorization"), Some("Key id:secret"));
}

#[tokio::test]
async fn without_a_key_calls_name_nobody() {
    let server = Server::start([server::json(401, r#"{"detail":"who are you"}"#)]).await;
    let client = Client::builder().base(&server.url()).build().unwrap();
    let error = client.run::<_, ()>("demo/lab", &1).await.unwrap_err();
    assert!(
        matches!(&error, Error::Unauthorized(refusal) if refusal.detail == "who are you"),
        "{error:?}"
    );
    assert_eq!(server.seen()[0].header("authorization"), None);
}
