//! Files on their way up and down.

use std::time::Duration;

use serde_json::json;

use crate::{
    BadCall, Client, Error, ObjectLifecycle, Upload,
    tests::{
        client,
        server::{self, Say, Server},
    },
};

const MIB: usize = 1024 * 1024;

fn spot(server: &Server) -> Say {
    let body = json!({
        "upload_url": format!("{}/up/7?signature=x", server.url()), "file_url": "http://f.test/cat.png",
    });
    server::json(200, &body.to_string())
}

/// A server that gives one place, and then says this.
async fn storage(then: impl IntoIterator<Item = Say>) -> (Server, Client) {
    let server = Server::start([]).await;
    server.say([spot(&server)]);
    server.say(then);
    let client = client(&server);
    (server, client)
}

/// Bytes that differ from their neighbours.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

#[tokio::test]
async fn a_small_file_is_put_where_the_storage_says() {
    let (server, client) = storage([server::json(503, "{}"), server::json(200, "")]).await;
    let lifecycle = ObjectLifecycle::expires_after(Duration::from_secs(60));
    let upload = Upload::bytes("meow", "image/png").name("cat.png").object_lifecycle(lifecycle);
    assert_eq!(client.upload(upload).await.unwrap(), "http://f.test/cat.png");
    let initiate = "POST /rest/storage/upload/initiate?storage_type=fal-cdn-v3";
    let put = "PUT /up/7?signature=x";
    assert_eq!(server.asked(), [initiate, put, put], "a put is repeated");
    let seen = server.seen();
    assert_eq!(seen[0].json(), json!({ "content_type": "image/png", "file_name": "cat.png" }));
    for name in ["x-fal-object-lifecycle", "x-fal-object-lifecycle-preference"] {
        assert_eq!(seen[0].header(name), Some(r#"{"expiration_duration_seconds":60}"#));
    }
    for put in &seen[1..] {
        assert_eq!(
            (put.body.as_slice(), put.header("content-type")),
            (&b"meow"[..], Some("image/png"))
        );
    }
}

#[tokio::test]
async fn a_file_is_read_while_it_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("noise.bin");
    let data = bytes(3 * MIB + 17);
    std::fs::write(&path, &data).unwrap();
    // The first put breaks, so the file is read again.
    let (server, client) = storage([Say::Last(Vec::new()), server::json(200, "")]).await;
    client.upload(Upload::file(&path, "application/x-noise")).await.unwrap();
    let seen = server.seen();
    assert_eq!(seen[0].json()["file_name"], "noise.bin");
    assert_eq!(seen[2].header("content-length"), Some("3145745"));
    assert!(seen[1].body == data && seen[2].body == data);
}

#[tokio::test]
async fn a_large_file_is_sent_in_parts() {
    let part =
        |number: u32| server::json(200, &json!({ "partNumber": number, "etag": "e" }).to_string());
    let by_header = server::with(200, &[("etag", "e")], "");
    for from_disk in [false, true] {
        let (server, client) = storage([]).await;
        server.say([
            server::json(502, "{}"),
            part(1),
            by_header.clone(),
            part(3),
            server::json(200, "{}"),
        ]);
        let data = bytes(25 * MIB);
        let dir = tempfile::tempdir().unwrap();
        let upload = if from_disk {
            let path = dir.path().join("large.bin");
            std::fs::write(&path, &data).unwrap();
            Upload::file(path, "application/x-noise")
        } else {
            Upload::bytes(data.clone(), "application/x-noise")
        };
        let url = client.upload(upload.in_parts_from(10 * MIB as u64)).await.unwrap();
        assert_eq!(url, "http://f.test/cat.png");
        let seen = server.seen();
        assert!(
            seen[0].target.starts_with("/rest/storage/upload/initiate-multipart?"),
            "{}",
            seen[0].target
        );
        let mut puts: Vec<_> = seen.iter().filter(|seen| seen.method == "PUT").collect();
        assert_eq!(puts.len(), 4, "one of three was sent twice");
        puts.sort_by(|a, b| a.target.cmp(&b.target));
        puts.dedup_by(|a, b| a.target == b.target && a.body == b.body);
        let targets: Vec<_> = puts.iter().map(|put| put.target.as_str()).collect();
        assert_eq!(targets, ["/up/7/1?signature=x", "/up/7/2?signature=x", "/up/7/3?signature=x"]);
        let sent: Vec<_> = puts.iter().flat_map(|put| put.body.iter().copied()).collect();
        assert!(sent == data, "all of it, in order");
        let complete = seen.last().unwrap();
        assert_eq!(complete.target, "/up/7/complete?signature=x");
        let parts = complete.json()["parts"].as_array().unwrap().clone();
        let wanted = [1, 2, 3].map(|number| json!({ "partNumber": number, "etag": "e" }));
        assert_eq!(parts, wanted, "in order, whatever order they came in");
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_an_error_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let (server, client) = storage([]).await;
    let error = client.upload(Upload::file(dir.path().join("none"), "a/b")).await.unwrap_err();
    assert!(matches!(&error, Error::File(file) if file.path.ends_with("none")), "{error:?}");
    assert!(!error.is_retryable());
    assert!(server.seen().is_empty(), "nothing is asked for");
    let error = client.upload(Upload::bytes("x", "a\nb")).await.unwrap_err();
    assert!(matches!(error, Error::BadCall(BadCall::Header(_))), "{error:?}");
}

#[tokio::test]
async fn an_upload_that_is_refused_says_why() {
    let (server, client) = storage([server::json(403, r#"{"detail":"expired"}"#)]).await;
    let error = client.upload(Upload::bytes("x", "a/b")).await.unwrap_err();
    assert!(
        matches!(&error, Error::Forbidden(refusal) if refusal.detail == "expired"),
        "{error:?}"
    );
    assert_eq!(server.seen().len(), 2);
    let (server, client) = storage([server::json(200, "{}"), server::json(200, "{}")]).await;
    let upload = Upload::bytes("x", "a/b").in_parts_from(0);
    let error = client.upload(upload).await.unwrap_err();
    assert!(matches!(error, Error::Decode(_)), "a part without a tag: {error:?}");
    assert!(!server.asked().iter().any(|asked| asked.contains("complete")));
}

#[tokio::test]
async fn a_download_follows_redirects_and_repeats() {
    let server = Server::start([]).await;
    let elsewhere = format!("{}/c", server.url());
    server.say([
        server::with(302, &[("location", "/b")], ""),
        server::json(503, "{}"),
        server::with(307, &[("location", &elsewhere)], ""),
        server::json(200, "file"),
    ]);
    let file = client(&server).download(&format!("{}/a", server.url()), 4).await.unwrap();
    assert_eq!(file.as_ref(), b"file");
    assert_eq!(server.asked(), ["GET /a", "GET /b", "GET /b", "GET /c"]);
}

#[tokio::test]
async fn a_download_has_its_bounds() {
    let around = || server::with(302, &[("location", "/a")], "");
    let server = Server::start((0..9).map(|_| around())).await;
    let url = format!("{}/a", server.url());
    let error = client(&server).download(&url, 4).await.unwrap_err();
    assert!(matches!(error, Error::Redirect(_)), "{error:?}");
    assert_eq!(server.seen().len(), 6, "five are followed");
    let server = Server::start([server::json(200, "12345"), server::json(302, "")]).await;
    let url = format!("{}/a", server.url());
    let error = client(&server).download(&url, 4).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { limit: 4 }), "{error:?}");
    let error = client(&server).download(&url, 4).await.unwrap_err();
    assert!(matches!(error, Error::Redirect(_)), "it says not where to: {error:?}");
    for bad in ["", "/x", "ftp://a.test/x", "data:text/plain,x"] {
        let error = client(&server).download(bad, 4).await.unwrap_err();
        assert!(matches!(error, Error::BadCall(BadCall::Url(_))), "{error:?}");
    }
}
