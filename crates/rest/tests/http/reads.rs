//! Objects as callers and browsers read them.

use std::time::Duration;

use serde_json::json;

use crate::server::Server;

fn large() -> Vec<u8> {
    (0..200_000_u32).flat_map(u32::to_be_bytes).collect()
}

/// The URL of a new object with this content type and lifecycle.
async fn stored(server: &Server, content_type: &str, lifecycle: &str) -> String {
    let call = server.call("POST", "/rest/storage/upload/initiate");
    let call = call.with("x-fal-object-lifecycle", lifecycle);
    let made = call.json(&json!({ "file_name": "größe.html", "content_type": content_type }));
    let made = made.send().await.is(200);
    server.call("PUT", &made.text("upload_url")).body(b"<script>").send().await.is(200);
    made.text("file_url")
}

//= docs/contract.md#object-read
//= type=test
//# An object MUST be answered with its content type, length, etag and name, with `nosniff`, and with `Cache-Control` that lets others keep it no longer than it is kept here.
#[tokio::test]
async fn an_object_says_what_it_is() {
    let server = Server::start().await;
    let url = stored(&server, "image/png", "{}").await;
    let read = server.get(&url).await.is(200);
    assert_eq!(read.header("content-type"), "image/png");
    assert_eq!(read.header("content-length"), "8");
    assert_eq!(read.header("accept-ranges"), "bytes");
    assert_eq!(read.header("x-content-type-options"), "nosniff");
    assert_eq!(read.header("cache-control"), "public, max-age=31536000, immutable");
    let name = "inline; filename=\"gr__e.html\"; filename*=UTF-8''gr%C3%B6%C3%9Fe.html";
    assert_eq!(read.header("content-disposition"), name);
    assert_eq!(read.header("content-security-policy"), "");
    assert!(read.header("etag").starts_with('"'));

    let head = server.call("HEAD", &url).send().await.is(200);
    assert_eq!((&head.body[..], head.header("content-length")), (&b""[..], "8"));
    assert_eq!(head.header("etag"), read.header("etag"));

    let short = stored(&server, "a/b", r#"{"expiration_duration_seconds": 100}"#).await;
    server.pass(Duration::from_secs(40));
    let read = server.get(&short).await.is(200);
    assert_eq!(read.header("cache-control"), "public, max-age=60, immutable");
}

//= docs/contract.md#object-read
//= type=test
//# What a browser could run MUST be answered with a content security policy that lets it do nothing.
#[tokio::test]
async fn a_page_that_somebody_uploads_runs_nothing() {
    let server = Server::start().await;
    for active in ["text/html", "image/svg+xml", "application/xml", "nonsense"] {
        let read = server.get(&stored(&server, active, "{}").await).await.is(200);
        let policy = read.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.ends_with("sandbox"), "{policy}");
    }
}

//= docs/contract.md#object-read
//= type=test
//# A request for a range of bytes MUST be answered with 206 and those bytes, and one for bytes beyond the end with 416.
#[tokio::test]
async fn a_range_of_an_object_can_be_read() {
    let server = Server::start().await;
    let body = large();
    let url = server.stored("large.bin", &body).await;
    let range = async |range: &str| server.call("GET", &url).with("range", range).send().await;
    for (asked, first, end) in [
        ("bytes=0-0", 0, 1),
        ("bytes=5-300004", 5, 300_005),
        ("bytes=799990-", 799_990, 800_000),
        ("bytes=-10", 799_990, 800_000),
        ("bytes=799999-900000", 799_999, 800_000),
    ] {
        let read = range(asked).await.is(206);
        assert!(read.body == body[first..end], "{asked}");
        let told = format!("bytes {first}-{}/800000", end - 1);
        assert_eq!(read.header("content-range"), told, "{asked}");
        assert_eq!(read.header("content-length"), (end - first).to_string(), "{asked}");
    }
    for beyond in ["bytes=800000-", "bytes=-0"] {
        let answer = range(beyond).await.is(416);
        assert_eq!(answer.header("content-range"), "bytes */800000");
    }
    for whole in ["bytes=9-3", "bytes=0-1,5-6", "pages=1-2"] {
        assert!(range(whole).await.is(200).body == body, "{whole}");
    }
    let head = server.call("HEAD", &url).with("range", "bytes=0-9").send().await.is(206);
    assert_eq!((&head.body[..], head.header("content-length")), (&b""[..], "10"));
}

//= docs/contract.md#object-read
//= type=test
//# A request that names the etag in `If-None-Match` MUST be answered with 304.
#[tokio::test]
async fn who_has_an_object_is_not_sent_it_again() {
    let server = Server::start().await;
    let url = server.stored("a.txt", b"text").await;
    let etag = server.get(&url).await.is(200).header("etag").to_owned();
    let known = server.call("GET", &url).with("if-none-match", &etag).send().await.is(304);
    assert_eq!((&known.body[..], known.header("etag")), (&b""[..], etag.as_str()));
    assert_eq!(known.header("cache-control"), "public, max-age=31536000, immutable");
    server.call("GET", &url).with("if-none-match", "\"other\"").send().await.is(200);
    let range = |known: &str| {
        let call = server.call("GET", &url).with("range", "bytes=1-2").with("if-range", known);
        call.send()
    };
    assert_eq!(&range(&etag).await.is(206).body[..], b"ex");
    assert_eq!(&range("\"other\"").await.is(200).body[..], b"text");
}

#[tokio::test]
async fn an_object_is_at_its_own_url_only() {
    let server = Server::start().await;
    let url = server.stored("a.txt", b"text").await;
    server.get(&url).await.is(200);
    let (place, _) = url.rsplit_once('/').unwrap();
    for other in [
        format!("{place}/a.html"),
        format!("{place}/"),
        place.to_owned(),
        format!("{place}/../a.txt"),
        format!("{place}/a.txt/"),
        format!("{url}%00"),
        format!("{place}/%2e%2e%2fobject"),
        format!("{place}/%ff"),
        "/cdn/files/../../etc/passwd".to_owned(),
        "/cdn/files/%2e%2e/object".to_owned(),
        format!("/cdn/files/{}/a.txt", "0".repeat(32)),
        format!("/cdn/files/{}/a.txt", "0".repeat(10_000)),
    ] {
        server.get(&other).await.is(404);
    }
}

//= docs/contract.md#upload-rights
//= type=test
//# An object whose `initial_acl.default` is `forbid` or `hide` MUST be read with such a token only; without one the first gets 403 and the second 404.
#[tokio::test]
async fn an_object_may_be_for_its_owner_only() {
    let server = Server::start().await;
    for (word, refused) in [("forbid", 403), ("hide", 404)] {
        let lifecycle = json!({ "initial_acl": { "default": word } }).to_string();
        let url = stored(&server, "text/plain", &lifecycle).await;
        server.get(&url).await.is(refused);
        let foreign = server.call("GET", &url).with("authorization", "Bearer x.y.z");
        foreign.send().await.is(refused);
        for header in ["authorization", "x-fal-cdn-token"] {
            let token = server.store_token();
            let token = if header == "authorization" {
                &token
            } else {
                token.trim_start_matches("Bearer ")
            };
            let read = server.call("GET", &url).with(header, token).send().await.is(200);
            assert_eq!(read.header("cache-control"), "private, no-store");
        }
    }
    let url = stored(&server, "text/plain", r#"{"initial_acl": {"default": "allow"}}"#).await;
    server.get(&url).await.is(200);
}
