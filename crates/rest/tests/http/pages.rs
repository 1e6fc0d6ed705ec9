//! What browsers let pages do.

use fal_rest::Origins;
use serde_json::json;

use crate::{
    client::{Answer, Call},
    server::Server,
};

const INITIATE: &str = "/rest/storage/upload/initiate";

fn asked<'a>(server: &'a Server, url: &str, origin: &str) -> Call<'a> {
    let call = server.call("OPTIONS", url).with("origin", origin);
    let call = call.with("access-control-request-method", "PUT");
    call.with("access-control-request-headers", "authorization,content-type")
}

#[track_caller]
fn is_allowed(answer: &Answer, origin: &str) {
    assert_eq!(answer.header("access-control-allow-origin"), origin);
    assert!(answer.header("access-control-allow-methods").contains("PUT"));
    let headers = answer.header("access-control-allow-headers");
    assert_eq!(headers, "authorization,content-type");
}

//= docs/contract.md#upload-pages
//= type=test
//# Pages of every site MUST be able to upload to and read from what is below `/cdn`.
#[tokio::test]
async fn a_page_of_any_site_uploads_and_reads() {
    let server = Server::start().await;
    let origin = "https://shop.test";
    let made = server.call("POST", INITIATE).json(&json!({})).send().await.is(200);
    let (put, file) = (made.text("upload_url"), made.text("file_url"));
    for url in [put.as_str(), "/cdn/files/upload", &format!("{file}/multipart/x/1")] {
        is_allowed(&asked(&server, url, origin).send().await.is(204), "*");
    }
    let stored = server.call("PUT", &put).with("origin", origin).body(b"x").send().await.is(200);
    assert_eq!(stored.header("access-control-allow-origin"), "*");
    assert!(stored.header("access-control-expose-headers").contains("etag"));
    let read = server.call("GET", &file).with("origin", origin).send().await.is(200);
    assert_eq!(read.header("access-control-allow-origin"), "*");
    assert_eq!(read.header("cross-origin-resource-policy"), "cross-origin");
    let refused = server.call("GET", "/cdn/files/x/y").with("origin", origin).send().await.is(404);
    assert_eq!(refused.header("access-control-allow-origin"), "*", "a page may read why");
}

//= docs/contract.md#upload-pages
//= type=test
//# Without keys, pages of other sites MUST get 403 for what is below `/rest`, but for those of this machine.
#[tokio::test]
async fn without_keys_a_page_of_another_site_gets_no_token() {
    let server = Server::start().await;
    for path in [INITIATE, "/rest/storage/auth/token", "/rest/tokens/", "/rest/nothing"] {
        let call = server.call("POST", path).with("origin", "https://evil.test").json(&json!({}));
        let refused = call.send().await.is(403);
        assert_eq!(refused.header("access-control-allow-origin"), "");
        let refused = asked(&server, path, "https://evil.test").send().await.is(403);
        assert_eq!(refused.header("access-control-allow-origin"), "");
    }
    let own = format!("http://{}", server.addr);
    for origin in ["http://localhost:3000", own.as_str()] {
        is_allowed(&asked(&server, INITIATE, origin).send().await.is(204), origin);
        let made = server.call("POST", INITIATE).with("origin", origin).json(&json!({}));
        let made = made.send().await.is(200);
        assert_eq!(made.header("access-control-allow-origin"), origin);
        assert_eq!(made.header("vary"), "origin");
    }
}

#[tokio::test]
async fn with_keys_a_page_of_any_site_may_show_one() {
    let keys = |options: &mut fal_rest::Options| options.origins = Origins::Any;
    let server = Server::start_with(|_| {}, keys).await;
    let origin = "https://shop.test";
    is_allowed(&asked(&server, INITIATE, origin).send().await.is(204), "*");
    let call = server.call("POST", INITIATE).with("origin", origin).json(&json!({}));
    assert_eq!(call.send().await.is(200).header("access-control-allow-origin"), "*");
}
