//! Objects that come in parts, as each of fal's clients sends them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{client::Answer, server::Server};

const BEGIN: &str = "/cdn/files/upload/multipart";

fn body() -> Vec<u8> {
    (0..100_000_u32).flat_map(u32::to_be_bytes).collect()
}

fn video() -> Value {
    json!({ "file_name": "film.mp4", "content_type": "video/mp4" })
}

async fn begin(server: &Server) -> String {
    let call = server.call("POST", BEGIN).with("authorization", &server.store_token());
    let call = call.with("content-type", "video/mp4").with("x-fal-file-name", "film.mp4");
    let begun = call.send().await.is(200);
    format!("{}/multipart/{}", begun.text("access_url"), begun.text("uploadId"))
}

async fn put(server: &Server, url: &str, body: &[u8]) -> Answer {
    let call = server.call("PUT", url).with("authorization", &server.store_token());
    call.body(body).send().await
}

async fn complete(server: &Server, place: &str, parts: &Value) -> Answer {
    let call = server.call("POST", &format!("{place}/complete"));
    let call = call.with("authorization", &server.store_token());
    call.json(&json!({ "parts": parts })).send().await
}

//= docs/contract.md#upload-parts
//= type=test
//# `POST /cdn/files/upload/multipart` MUST be answered with `access_url` and `uploadId`; part N is then PUT to `{access_url}/multipart/{uploadId}/N`.
//= docs/contract.md#object-parts
//= type=test
//# A completion MUST put together the parts that it lists, by their numbers, whatever their order in the list, and MUST be refused with 400 where one of them is not there with that etag.
#[tokio::test]
async fn the_python_client_sends_parts_side_by_side() {
    let server = Server::start().await;
    let place = begin(&server).await;
    let body = body();
    let parts = body.chunks(70_001).zip(1..).map(async |(piece, number)| {
        let stored = put(&server, &format!("{place}/{number}"), piece).await.is(200);
        json!({ "partNumber": number, "etag": stored.header("etag") })
    });
    let mut parts = futures_util::future::join_all(parts).await;
    parts.reverse();
    let done = complete(&server, &place, &Value::from(parts.clone())).await.is(200);
    let url = done.text("access_url");
    assert!(place.starts_with(&url), "{url}");
    let read = server.get(&url).await.is(200);
    assert!(read.body == body);
    assert_eq!(read.header("content-type"), "video/mp4");

    assert_eq!(
        complete(&server, &place, &Value::from(parts.clone())).await.is(200).body,
        done.body
    );
    parts.pop();
    complete(&server, &place, &Value::from(parts)).await.is(409);
    put(&server, &format!("{place}/1"), b"late").await.is(404);
}

//= docs/contract.md#upload-parts
//= type=test
//# `POST /rest/storage/upload/initiate-multipart` MUST be answered with `upload_url` and `file_url`: for `fal-cdn-v3` part N is PUT to the path of the first with `/N` after it and the same query, and for `gcs` a POST to it is answered with the `upload_url` of the part.
//= docs/contract.md#upload-parts
//= type=test
//# The answer to a part MUST have its etag in the header `ETag` and, with its number, in the body as `{"partNumber", "etag"}`.
#[tokio::test]
async fn the_javascript_client_has_one_url_for_all_parts() {
    let server = Server::start().await;
    let url = "/rest/storage/upload/initiate-multipart?storage_type=fal-cdn-v3";
    let made = server.call("POST", url).json(&video()).send().await.is(200);
    let upload_url = made.text("upload_url");
    let (path, query) = upload_url.split_once('?').unwrap();
    let body = body();
    let mut parts = Vec::new();
    // Parts may take longer than the URL of a whole object may be used.
    for (piece, number) in body.chunks(150_000).zip(1..) {
        let stored = server.call("PUT", &format!("{path}/{number}?{query}")).body(piece);
        let stored = stored.send().await.is(200);
        assert_eq!(stored.json()["partNumber"], number);
        assert_eq!(stored.text("etag"), stored.header("etag"));
        parts.push(stored.json());
        server.pass(Duration::from_secs(3600));
    }
    let done = server.call("POST", &format!("{path}/complete?{query}"));
    done.json(&json!({ "parts": parts })).send().await.is(200);
    assert!(server.get(&made.text("file_url")).await.is(200).body == body);
}

//= docs/contract.md#upload-parts
//= type=test
//# `POST /rest/storage/upload/initiate-multipart` MUST be answered with `upload_url` and `file_url`: for `fal-cdn-v3` part N is PUT to the path of the first with `/N` after it and the same query, and for `gcs` a POST to it is answered with the `upload_url` of the part.
#[tokio::test]
async fn an_app_asks_for_the_url_of_each_part() {
    let server = Server::start().await;
    let url = "/rest/storage/upload/initiate-multipart?storage_type=gcs";
    let made = server.call("POST", url).json(&video()).send().await.is(200);
    let place = made.text("upload_url");
    let body = body();
    let mut parts = Vec::new();
    for (piece, number) in body.chunks(150_000).zip(1..) {
        let target = server.call("POST", &format!("{place}/{number}")).send().await.is(200);
        let stored = server.call("PUT", &target.text("upload_url")).body(piece).send().await;
        let etag = stored.is(200).header("etag").trim_matches('"').to_owned();
        parts.push(json!({ "part_number": number, "etag": etag }));
    }
    let done = server.call("POST", &format!("{place}/complete"));
    done.json(&json!({ "parts": parts })).send().await.is(200);
    assert!(server.get(&made.text("file_url")).await.is(200).body == body);
    for gone in ["1", "0", "x"] {
        let answer = server.call("POST", &format!("{place}/{gone}")).send().await;
        answer.is(if gone == "1" { 404 } else { 400 });
    }
    let unknown = format!("/rest/storage/upload/multipart/{}/complete", "0".repeat(32));
    server.call("POST", &unknown).json(&json!({ "parts": [] })).send().await.is(404);
}

#[tokio::test]
async fn a_list_that_cannot_be_right_is_refused() {
    let server = Server::start().await;
    let place = begin(&server).await;
    let one = put(&server, &format!("{place}/1"), b"one").await.is(200).text("etag");
    for bad in [
        json!([]),
        json!([{ "partNumber": 1, "etag": "other" }]),
        json!([{ "partNumber": 2, "etag": one }]),
        json!([{ "partNumber": 0, "etag": one }]),
        json!([{ "partNumber": 10_001, "etag": one }]),
        json!([{ "partNumber": -1, "etag": one }]),
        json!([{ "partNumber": 1, "etag": one }, { "partNumber": 1, "etag": "other" }]),
        json!([{ "partNumber": 1 }]),
        json!({}),
        json!(null),
    ] {
        complete(&server, &place, &bad).await.is(400);
    }
    for number in ["0", "10001", "-1", "x", "1.5"] {
        put(&server, &format!("{place}/{number}"), b"one").await.is(400);
    }
    complete(&server, &place, &json!([{ "partNumber": 1, "etag": one }])).await.is(200);
}

#[tokio::test]
async fn an_upload_can_be_given_up() {
    let server = Server::start().await;
    let place = begin(&server).await;
    put(&server, &format!("{place}/1"), b"one").await.is(200);
    let delete = async || {
        let call = server.call("DELETE", &place);
        call.with("authorization", &server.store_token()).send().await
    };
    delete().await.is(204);
    delete().await.is(404);
    put(&server, &format!("{place}/1"), b"one").await.is(404);
    assert_eq!(server.store.used(), 0);
}

#[tokio::test]
async fn one_uploads_url_is_not_anothers() {
    let server = Server::start().await;
    let url = "/rest/storage/upload/initiate-multipart";
    let [one, other] = [
        server.call("POST", url).json(&video()).send().await.is(200).text("upload_url"),
        server.call("POST", url).json(&video()).send().await.is(200).text("upload_url"),
    ];
    let (path, query) = (one.split_once('?').unwrap().0, other.split_once('?').unwrap().1);
    server.call("PUT", &format!("{path}/1?{query}")).body(b"x").send().await.is(403);
    server.call("POST", &format!("{path}/complete?{query}")).send().await.is(403);
    server.call("DELETE", &format!("{path}?{query}")).send().await.is(403);
    let whole = server.call("POST", "/rest/storage/upload/initiate").json(&video());
    let whole = whole.send().await.is(200).text("upload_url");
    let query = whole.split_once('?').unwrap().1;
    server.call("PUT", &format!("{path}/1?{query}")).body(b"x").send().await.is(403);
}
