//! What is refused, and how callers get to know.

use std::time::Duration;

use fal_access::Right;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::server::{BEGIN, Server};

const INITIATE: &str = "/rest/storage/upload/initiate";

/// What comes back for some bytes, until the server closes.
async fn raw(server: &Server, pieces: &[&[u8]]) -> String {
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    for piece in pieces {
        stream.write_all(piece).await.unwrap();
    }
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    // The answer's body ends with its JSON.
    while !answer.ends_with(b"}") {
        let length = stream.read(&mut piece).await.unwrap();
        assert!(length > 0, "closed after {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&piece[..length]);
    }
    String::from_utf8(answer).unwrap()
}

fn head(server: &Server, more: &str) -> String {
    let token = server.store_token();
    format!(
        "POST /cdn/files/upload HTTP/1.1\r\nhost: a\r\nauthorization: {token}\r\n{more}\r\n\r\n"
    )
}

//= docs/contract.md#upload-rights
//= type=test
//# Below `/cdn` an upload MUST need a token that allows to store objects, or a URL that was made for it and has not expired; without one it gets 401, with another one 403.
#[tokio::test]
async fn an_upload_needs_a_right() {
    let server = Server::start().await;
    let made = server.call("POST", INITIATE).json(&json!({})).send().await.is(200);
    let (put, file) = (made.text("upload_url"), made.text("file_url"));
    let token = |right: &Right, expires| server.tokens.mint(right, expires);
    let apps = token(&Right::Apps(vec!["lab".to_owned()]), BEGIN + 60);
    let store = token(&Right::Store, BEGIN + 60);
    let (old, odd) =
        (token(&Right::Store, BEGIN), token(&Right::Put("odd".to_owned()), BEGIN + 60));
    let place = format!("{file}/multipart/{}", "0".repeat(32));
    for (method, url) in [
        ("POST", "/cdn/files/upload"),
        ("POST", "/cdn/files/upload/multipart"),
        ("PUT", &format!("{place}/1")),
        ("POST", &format!("{place}/complete")),
        ("DELETE", &place),
    ] {
        let with = |value: String| server.call(method, url).with("authorization", &value).send();
        server.call(method, url).send().await.is(401);
        with("Key id:secret".to_owned()).await.is(401);
        with("Bearer nonsense".to_owned()).await.is(401);
        with(format!("Bearer {old}")).await.is(401);
        with(format!("Bearer {apps}")).await.is(403);
        with(format!("Bearer {odd}")).await.is(403);
    }
    server.call("PUT", &file).send().await.is(401);
    for (token, status) in [(&old, 401), (&apps, 403), (&store, 403), (&odd, 403)] {
        server.call("PUT", &format!("{file}?token={token}")).send().await.is(status);
    }
    let elsewhere = put.replace("/cdn/files/", &format!("/cdn/files/{}", "0".repeat(32)));
    server.call("PUT", &elsewhere).send().await.is(404);
    let other = server.call("POST", INITIATE).json(&json!({})).send().await.is(200);
    let query = other.text("upload_url").split_once('?').unwrap().1.to_owned();
    server.call("PUT", &format!("{file}?{query}")).send().await.is(403);
    server.pass(Duration::from_secs(3600));
    server.call("PUT", &put).body(b"late").send().await.is(401);
    assert_eq!(server.store.used(), 0);
}

#[tokio::test]
async fn an_apps_token_for_files_stores_as_well() {
    let server = Server::start().await;
    let token = server.tokens.mint(&Right::Store, BEGIN + 60);
    let call = server.call("POST", "/cdn/files/upload").with("x-fal-cdn-token", &token);
    call.body(b"x").send().await.is(200);
}

//= docs/contract.md#upload-errors
//= type=test
//# A refused upload MUST be answered with `{"detail"}` and 400, 401, 403, 404, 405, 408, 409, 413, 416 or 507, and 500 MUST mean that the disk has failed.
#[tokio::test]
async fn nothing_that_a_caller_sends_is_the_platforms_fault() {
    let server = Server::start().await;
    let long = format!("{{\"file_name\": \"{}\"}}", "x".repeat(3_000_000));
    for (method, path, body, status) in [
        ("POST", INITIATE, "", 400),
        ("POST", INITIATE, "{", 400),
        ("POST", INITIATE, "[]", 400),
        ("POST", INITIATE, "{\"file_name\": 7}", 400),
        ("POST", INITIATE, "{\"content_type\": \"a\\nb\"}", 400),
        ("POST", INITIATE, long.as_str(), 413),
        ("POST", "/rest/storage/upload/initiate?storage_type=tape", "{}", 400),
        ("POST", "/rest/storage/upload/initiate-multipart?storage_type=tape", "{}", 400),
        ("POST", "/rest/storage/auth/token?storage_type=gcs%00", "{}", 400),
        ("GET", INITIATE, "", 405),
        ("DELETE", "/rest/storage/auth/token", "", 405),
        ("GET", "/cdn/files/upload", "", 405),
        ("GET", "/rest/nothing/here", "", 404),
        ("POST", "/cdn/nothing", "", 404),
        ("PUT", "/cdn/files/x/y?token=z", "", 404),
        ("PUT", "/cdn/files/x/y/multipart/z/1", "", 404),
        ("PUT", "/cdn/files/%ff/%fe", "", 404),
        ("POST", "/rest/storage/upload/multipart/x/complete", "{}", 404),
        ("POST", "/rest/storage/upload/multipart/x/1", "{}", 404),
    ] {
        server.call(method, path).body(body.as_bytes()).send().await.is(status);
    }
    let token = server.store_token();
    for (header, value) in [
        ("content-type", "a\u{fc}b"),
        ("content-type", &"x".repeat(300)),
        ("x-fal-object-lifecycle", "{\"expiration_duration_seconds\": -5}"),
        ("x-fal-object-lifecycle-preference", "\u{ff}"),
    ] {
        let call = server.call("POST", "/cdn/files/upload").with(header, value);
        call.with("authorization", &token).body(b"x").send().await.is(400);
    }
    // Names may be anything.
    for name in
        ["\u{fc}\u{1f600}", &"x".repeat(5000), "../../etc/passwd", "a\tb", "%00", "\"; x=\""]
    {
        let url = server.stored(name, b"x").await;
        server.get(&url).await.is(200);
    }
}

//= docs/contract.md#object-limits
//= type=test
//# A body that is longer than `objects.max_object` MUST be refused with 413, and one for which `objects.max_total` leaves no room with 507.
//= docs/contract.md#upload-errors
//= type=test
//# A caller that is refused while it sends MUST still get to read why, unless more than 128 MiB or 10 s of its body are left.
#[tokio::test]
async fn what_is_too_large_is_refused_so_that_its_caller_hears_of_it() {
    let small = |options: &mut fal_objects::Options| {
        (options.max_object, options.max_total) = (3_000_000, 4_000_000);
    };
    let server = Server::start_with(small, |_| {}).await;
    let store = async |body: &[u8]| {
        let call = server.call("POST", "/cdn/files/upload");
        call.with("authorization", &server.store_token()).body(body).send().await
    };
    // More than sockets hold, so that the caller could not have sent all of it unread.
    store(&vec![0; 40_000_000]).await.is(413);
    store(&vec![0; 2_900_000]).await.is(200);
    store(&vec![0; 2_900_000]).await.is(507);
    store(b"small").await.is(200);

    let chunked = head(&server, "transfer-encoding: chunked");
    let chunk = [&b"f4240\r\n"[..], &vec![0; 1_000_000], b"\r\n"].concat();
    let pieces: Vec<&[u8]> = [chunked.as_bytes()]
        .into_iter()
        .chain([&chunk[..]; 30])
        .chain([&b"0\r\n\r\n"[..]])
        .collect();
    let answer = raw(&server, &pieces).await;
    assert!(answer.starts_with("HTTP/1.1 507"), "{answer}");

    let part = server.call("POST", "/rest/storage/upload/initiate-multipart").json(&json!({}));
    let part = part.send().await.is(200).text("upload_url").replacen("?token", "/1?token", 1);
    server.call("PUT", &part).body(&vec![0; 3_000_001]).send().await.is(413);
}

#[tokio::test]
async fn who_asks_first_sends_nothing_that_is_refused() {
    let small = |options: &mut fal_objects::Options| options.max_object = 1000;
    let server = Server::start_with(small, |_| {}).await;
    let asked = head(&server, "content-length: 2000\r\nexpect: 100-continue");
    let answer = raw(&server, &[asked.as_bytes()]).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    let asked = head(&server, "content-length: 2\r\nexpect: 100-continue");
    let answer = raw(&server, &[asked.as_bytes(), b"ab"]).await;
    assert!(answer.starts_with("HTTP/1.1 100"), "{answer}");
    assert!(answer.contains("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_body_that_comes_to_a_halt_is_refused_and_leaves_nothing() {
    let hurried = |options: &mut fal_rest::Options| options.pause = Duration::from_millis(50);
    let server = Server::start_with(|_| {}, hurried).await;
    let head = head(&server, "content-length: 10");
    let answer = raw(&server, &[head.as_bytes(), b"half"]).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    nothing_left(&server).await;
}

#[tokio::test]
async fn a_caller_that_hangs_up_leaves_nothing() {
    let server = Server::start().await;
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    let head = head(&server, "content-length: 10000000");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![0; 3_000_000]).await.unwrap();
    let mut looks = 0;
    while server.store.used() < 1_000_000 {
        looks += 1;
        assert!(looks < 100_000, "nothing has come");
        tokio::time::timeout(Duration::from_millis(1), std::future::pending::<()>())
            .await
            .unwrap_err();
    }
    drop(stream);
    nothing_left(&server).await;
}

/// Looks until the store has given all room back.
async fn nothing_left(server: &Server) {
    let look = async {
        while server.store.used() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), look).await.expect("the room is given back");
}
