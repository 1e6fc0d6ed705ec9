//! Where a webhook may go.

use std::net::ToSocketAddrs as _;

use fal_tests::{App, Platform, Receiver, eventually, json};

use super::hooked;

fn lab(head: &str) -> Platform {
    Platform::start(head, &[App::unruly().set("min_concurrency", 1)])
}

const REFUSED: &str = "webhook_allow_private = false";

//= docs/contract.md#webhook-targets
//= type=test
//# A webhook MUST NOT be sent to a private address unless `webhook_allow_private` is set, whatever name stands for the address.
#[test]
fn a_private_target_is_refused_at_the_submit() {
    let platform = lab(REFUSED);
    let receiver = Receiver::start();
    let port = receiver.port();
    for host in [
        "127.0.0.1",
        "localhost",
        "LOCALHOST.",
        "127.1.2.3",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[fd00::1]",
        "[fe80::1]",
        "printer.local",
        "metadata.google.internal",
        "a.localhost",
    ] {
        let refused = platform.send(&hooked(&format!("http://{host}:{port}/hook"), &json!({})));
        refused.is_problem(400, "bad_request");
        let text = refused.text();
        assert!(text.contains("fal_webhook") && text.contains("webhook_allow_private"), "{text}");
    }
    // Nothing of them was accepted.
    let kept = platform.get("/api/requests").json();
    assert_eq!(kept["requests"], json!([]));
    assert_eq!(platform.lab().calls(), []);
    assert_eq!(receiver.came().len(), 0);
    // What is public is accepted; it is for nobody here.
    let public = hooked("http://192.0.1.1:9/hook", &json!({ "hold": "never" }));
    assert_eq!(platform.send(&public).status, 200);
}

//= docs/contract.md#webhook-targets
//= type=test
//# A webhook MUST NOT be sent to a private address unless `webhook_allow_private` is set, whatever name stands for the address.
#[test]
fn a_name_for_a_private_address_is_refused_at_the_delivery() {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim().to_lowercase();
    let receiver = Receiver::start();
    let found = (&*name, receiver.port()).to_socket_addrs();
    if !found.is_ok_and(|mut found| found.all(|addr| addr.ip().is_loopback())) {
        println!("this machine's own name does not stand for its loopback address");
        return;
    }
    let url = format!("http://{name}:{}/hook", receiver.port());
    let platform = lab(REFUSED);
    let queued = platform.submit_as(&hooked(&url, &json!({})));
    queued.ends(200);
    let deliveries = eventually("it was tried", || {
        let deliveries = queued.deliveries();
        (!deliveries.is_empty()).then_some(deliveries)
    });
    let answer = deliveries[0]["answer"].as_str().unwrap_or_default();
    assert!(answer.contains("private address 127.0.0.1"), "{answer}");
    assert_eq!(queued.record()["webhook"]["next"], json!(null), "it is not tried again");
    assert_eq!(receiver.came().len(), 0, "no byte has come");
    let allowed = lab("webhook_allow_private = true");
    let queued = allowed.submit_as(&hooked(&url, &json!({})));
    assert_eq!(receiver.gets(1).json()["request_id"], queued.id);
}

/// A URL that is none, or no URL of the web, gets 400, wherever webhooks may go.
#[test]
fn a_url_that_is_none_is_400() {
    let platform = lab("webhook_allow_private = true");
    let long = format!("https://example.com/{}", "x".repeat(2050));
    for url in [
        "",
        " ",
        "nonsense",
        "/hook",
        "example.com/hook",
        "ftp://example.com/",
        "file:///etc/passwd",
        "http://",
        "http:///hook",
        "http://user:secret@example.com/",
        "http://example.com:0/",
        "http://example.com:99999/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://127.1/",
        "http://caf\u{e9}.example/",
        "http://exa mple.com/",
        "javascript:alert(1)",
        "http://example.com/\r\nx: y",
        &long,
    ] {
        let refused = platform.send(&hooked(url, &json!({})));
        refused.is_problem(400, "bad_request");
        assert!(refused.text().contains("fal_webhook"), "{url}: {}", refused.text());
        assert!(!refused.text().contains("secret"), "{}", refused.text());
    }
    for query in ["fal_webhook=%", "fal_webhook=%zz", "fal_webhook=%ff", "fal_webhook"] {
        let request = fal_tests::Request::new("POST", &format!("/queue/demo/lab?{query}"));
        platform.send(&request.json(&json!({}))).is_problem(400, "bad_request");
    }
    assert_eq!(platform.get("/api/requests").json()["requests"], json!([]));
    assert_eq!(platform.lab().calls(), []);
}
