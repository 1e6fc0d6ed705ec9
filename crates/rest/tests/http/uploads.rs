//! Objects that come whole, as fal's clients send them.

use std::time::Duration;

use axum::{Extension, Router, routing};
use fal_access::Right;
use http::uri::Scheme;
use serde_json::json;

use crate::server::{BEGIN, Server};

const TOKEN: &str = "/rest/storage/auth/token?storage_type=fal-cdn-v3";
const INITIATE: &str = "/rest/storage/upload/initiate?storage_type=fal-cdn-v3";

fn image() -> serde_json::Value {
    json!({ "file_name": "cat.png", "content_type": "image/png" })
}

//= docs/contract.md#upload-token
//= type=test
//# `POST /rest/storage/auth/token` MUST be answered with `token`, `token_type`, `base_url` and `expires_at`, and the token MUST allow to store objects below that URL and nothing else.
//= docs/contract.md#upload-direct
//= type=test
//# `POST /cdn/files/upload` MUST keep the body under the name of `X-Fal-File-Name` with the request's content type, and be answered with `access_url`.
#[tokio::test]
async fn a_caller_gets_a_token_and_uploads_with_it() {
    let server = Server::start().await;
    let token = server.call("POST", TOKEN).json(&json!({})).send().await.is(200);
    assert_eq!(token.text("token_type"), "Bearer");
    assert_eq!(token.text("base_url"), format!("http://{}/cdn", server.addr));
    assert_eq!(token.text("expires_at"), "2026-09-21T20:13:20.000+00:00");
    assert_eq!(server.tokens.read(&token.text("token"), BEGIN), Ok(Right::Store));

    let url = format!("{}/files/upload", token.text("base_url"));
    let call = server.call("POST", &url).with("x-fal-file-name", "my cat.png");
    let call = call.with("authorization", &format!("Bearer {}", token.text("token")));
    let stored = call.with("content-type", "image/png").body(b"png").send().await.is(200);
    let url = stored.text("access_url");
    assert!(url.ends_with("/my_cat.png"), "{url}");
    let read = server.get(&url).await.is(200);
    assert_eq!((&read.body[..], read.header("content-type")), (&b"png"[..], "image/png"));
}

//= docs/contract.md#upload-initiate
//= type=test
//# `POST /rest/storage/upload/initiate` MUST be answered with `upload_url`, to which the bytes are PUT without any other right, and `file_url`, where they are then.
#[tokio::test]
async fn a_caller_gets_a_url_and_uploads_to_it() {
    let server = Server::start().await;
    for (kind, other_right) in [("fal-cdn-v3", None), ("gcs", Some("Key id:secret"))] {
        let url = format!("/rest/storage/upload/initiate?storage_type={kind}");
        let made = server.call("POST", &url).json(&image()).send().await.is(200);
        let file_url = made.text("file_url");
        server.get(&file_url).await.is(404);
        let mut put = server.call("PUT", &made.text("upload_url")).with("content-type", "a/b");
        if let Some(right) = other_right {
            put = put.with("authorization", right);
        }
        put.body(b"bytes").send().await.is(200);
        let read = server.get(&file_url).await.is(200);
        assert_eq!((&read.body[..], read.header("content-type")), (&b"bytes"[..], "image/png"));
    }
}

#[tokio::test]
async fn what_a_caller_leaves_out_has_a_usual_value() {
    let server = Server::start().await;
    let made = server.call("POST", "/rest/storage/upload/initiate").json(&json!({}));
    let made = made.send().await.is(200);
    assert!(made.text("file_url").ends_with("/file.bin"));
    server.call("PUT", &made.text("upload_url")).send().await.is(200);
    let read = server.get(&made.text("file_url")).await.is(200);
    assert_eq!(read.header("content-type"), "application/octet-stream");
    assert_eq!((read.header("content-length"), &read.body[..]), ("0", &b""[..]));
}

//= docs/contract.md#object-once
//= type=test
//# An upload that is sent again with the same bytes MUST be answered as the first one was, and one with other bytes MUST get 409 and change nothing.
#[tokio::test]
async fn an_upload_may_be_repeated_and_not_replaced() {
    let server = Server::start().await;
    let made = server.call("POST", INITIATE).json(&image()).send().await.is(200);
    let put =
        async |body: &[u8]| server.call("PUT", &made.text("upload_url")).body(body).send().await;
    let first = put(b"one").await.is(200);
    assert_eq!(put(b"one").await.is(200).body, first.body);
    put(b"two").await.is(409);
    assert_eq!(&server.get(&made.text("file_url")).await.is(200).body[..], b"one");
}

//= docs/contract.md#object-expiry
//= type=test
//# `expiration_duration_seconds` of `X-Fal-Object-Lifecycle` or `X-Fal-Object-Lifecycle-Preference` MUST say how long an object is kept; without it, or with 0, `objects.expires` says so, and without that it is kept.
#[tokio::test]
async fn a_caller_says_how_long_an_object_is_kept() {
    let usual =
        |options: &mut fal_objects::Options| options.lifetime = Some(Duration::from_secs(100));
    let server = Server::start_with(usual, |_| {}).await;
    let store = async |header: &str, value: &str| {
        let call = server.call("POST", INITIATE).with(header, value).json(&image());
        let made = call.send().await.is(200);
        server.call("PUT", &made.text("upload_url")).body(b"x").send().await.is(200);
        made.text("file_url")
    };
    let ten = r#"{"expiration_duration_seconds": 10}"#;
    let short = store("x-fal-object-lifecycle", ten).await;
    let same = store("x-fal-object-lifecycle-preference", ten).await;
    let long = store("x-fal-object-lifecycle", r#"{"expiration_duration_seconds": 1000}"#).await;
    let plain = store("x-fal-object-lifecycle", r#"{"expiration_duration_seconds": 0}"#).await;
    server.pass(Duration::from_secs(9));
    for url in [&short, &same, &long, &plain] {
        server.get(url).await.is(200);
    }
    server.pass(Duration::from_secs(1));
    server.get(&short).await.is(404);
    server.get(&same).await.is(404);
    server.pass(Duration::from_secs(90));
    server.get(&plain).await.is(404);
    server.get(&long).await.is(200);

    let bad = server.call("POST", INITIATE).with("x-fal-object-lifecycle", "soon").json(&image());
    bad.send().await.is(400);
}

//= docs/contract.md#object-expiry
//= type=test
//# An object whose time has come MUST NOT be served any more, and its room MUST be given back within a minute.
#[tokio::test]
async fn room_is_given_back_when_an_object_has_expired() {
    let server = Server::start().await;
    let call = server.call("POST", "/cdn/files/upload").body(b"x");
    let call = call.with("authorization", &server.store_token());
    let life = r#"{"expiration_duration_seconds": 10}"#;
    let stored = call.with("x-fal-object-lifecycle", life).send().await.is(200);
    assert!(server.store.used() > 0);
    tokio::time::pause();
    let sweep = tokio::spawn(fal_rest::sweep(server.store.clone(), server.clock()));
    tokio::time::advance(Duration::from_secs(5)).await;
    assert!(server.store.used() > 0, "its time has not come");
    server.pass(Duration::from_secs(10));
    tokio::time::advance(Duration::from_secs(59)).await;
    // The runtime is kept busy, or its clock would run on while the store's threads work.
    let mut looks = 0_u32;
    while server.store.used() > 0 {
        looks += 1;
        assert!(looks < 20_000_000, "the room is not given back");
        tokio::task::yield_now().await;
    }
    sweep.abort();
    tokio::time::resume();
    server.get(&stored.text("access_url")).await.is(404);
}

//= docs/contract.md#upload-urls
//= type=test
//# URLs in answers MUST be absolute, and begin with the configured public URL, or else with the scheme and host that the caller used.
#[tokio::test]
async fn urls_are_such_as_the_caller_can_reach() {
    let server = Server::start().await;
    let call = server.call("POST", INITIATE).with("host", "fal.test:81").json(&image());
    let made = call.send().await.is(200);
    assert!(made.text("file_url").starts_with("http://fal.test:81/cdn/files/"));
    assert!(made.text("upload_url").starts_with(&made.text("file_url")));

    let secure = Server::start_as(|router| router.layer(Extension(Scheme::HTTPS))).await;
    let made = secure.call("POST", INITIATE).with("host", "fal.test").json(&image());
    let made = made.send().await.is(200);
    assert!(made.text("file_url").starts_with("https://fal.test/cdn/files/"));

    let public = |options: &mut fal_rest::Options| {
        options.public_url = Some("https://files.test/fal/".to_owned());
    };
    let server = Server::start_with(|_| {}, public).await;
    let made = server.call("POST", INITIATE).json(&image()).send().await.is(200);
    assert!(made.text("file_url").starts_with("https://files.test/fal/cdn/files/"));
    let token = server.call("POST", TOKEN).send().await.is(200);
    assert_eq!(token.text("base_url"), "https://files.test/fal/cdn");
}

#[tokio::test]
async fn other_routes_may_stand_beside_these() {
    let keys = Router::new().route("/rest/.well-known/jwks.json", routing::get(async || "keys"));
    let keys = keys.fallback(async || "elsewhere");
    let server = Server::start_as(|router| router.merge(keys)).await;
    assert_eq!(&server.get("/rest/.well-known/jwks.json").await.is(200).body[..], b"keys");
    assert_eq!(&server.get("/healthz").await.is(200).body[..], b"elsewhere");
    server.get("/rest/elsewhere").await.is(404);
    server.call("POST", TOKEN).send().await.is(200);
}
