//! What a webhook says, and who has signed it.

use fal_tests::{App, Delivered, Platform, Queued, Receiver, Value, eventually, json};

use super::hooked;

const ALLOWED: &str = "webhook_allow_private = true";

fn lab() -> Platform {
    Platform::start(ALLOWED, &[App::unruly().set("min_concurrency", 1)])
}

/// Submits with a webhook, waits for the delivery, and holds it to what every webhook has.
#[track_caller]
fn told(platform: &Platform, receiver: &Receiver, orders: &Value) -> (String, Delivered) {
    let before = receiver.came().len();
    let queued = platform.submit_as(&hooked(&receiver.url("/hook"), orders));
    let delivered = receiver.gets(before + 1);
    is_of(&queued, &delivered);
    (queued.id.clone(), delivered)
}

#[track_caller]
fn is_of(queued: &Queued<'_>, delivered: &Delivered) {
    let body = delivered.json();
    for key in ["request_id", "gateway_request_id"] {
        assert_eq!(body.get(key), Some(&json!(queued.id)), "{body}");
    }
    assert_eq!(delivered.line, "POST /hook HTTP/1.1");
    assert_eq!(delivered.header("content-type"), Some("application/json"));
}

//= docs/contract.md#webhook-payload
//= type=test
//# The body of a webhook MUST have `request_id`, `gateway_request_id`, `status` (`OK` or `ERROR`) and `payload`, which is the result's JSON, byte for byte.
#[test]
fn a_result_is_told_byte_for_byte() {
    let (platform, receiver) = (lab(), Receiver::start());
    for odd in [
        r#"{ "b" : 1.50e+2 ,"a":"\u00e9", "big": 123456789012345678901234567890 }"#,
        "[1,\n\t2]",
        "null",
        r#""just text""#,
    ] {
        let (id, delivered) = told(&platform, &receiver, &json!({ "body": odd }));
        let expected = format!(
            r#"{{"request_id":"{id}","gateway_request_id":"{id}","status":"OK","payload":{odd}}}"#
        );
        assert_eq!(delivered.text(), expected);
        assert_eq!(platform.queued(&id).result().is(200).text(), odd);
    }
    // The runner does not get to see it.
    let seen = platform.lab().calls();
    assert!(seen.iter().all(|call| call.path == "/"), "{seen:?}");
}

#[test]
fn many_large_results_are_all_told() {
    const BYTES: usize = 1_100_000;
    let (platform, receiver) = (lab(), Receiver::start());
    let sent = (0..6).map(|_| {
        let orders = json!({ "body": format!("\"{}\"", "x".repeat(BYTES)) });
        platform.submit_as(&hooked(&receiver.url("/hook"), &orders)).id.clone()
    });
    let mut sent: Vec<_> = sent.collect();
    receiver.gets(sent.len());
    let came = receiver.came();
    assert!(came.iter().all(|delivered| delivered.text().len() > BYTES));
    let id = |delivered: &Delivered| delivered.json()["request_id"].as_str().map(str::to_owned);
    let mut told: Vec<_> = came.iter().filter_map(id).collect();
    told.sort_unstable();
    sent.sort_unstable();
    assert_eq!(told, sent);
}

//= docs/contract.md#webhook-payload
//= type=test
//# The body of a webhook MUST have `request_id`, `gateway_request_id`, `status` (`OK` or `ERROR`) and `payload`, which is the result's JSON, byte for byte.
//= docs/contract.md#webhook-payload
//= type=test
//# With `ERROR` it has `error`; where a result is no JSON, `payload` is null and `payload_error` says so.
#[test]
fn an_error_of_the_app_is_told_with_its_body() {
    let (platform, receiver) = (lab(), Receiver::start());
    for status in [422, 500, 302] {
        let detail = r#"{"detail":[{"loc":["body","x"], "msg":"m"}]}"#;
        let orders = json!({ "status": status, "body": detail });
        let (_, delivered) = told(&platform, &receiver, &orders);
        let body = delivered.json();
        assert_eq!((&body["status"], body.get("payload_error")), (&json!("ERROR"), None));
        assert_eq!(body["error"], format!("Invalid status code: {status}"));
        assert!(delivered.text().ends_with(&format!(r#""payload":{detail}}}"#)), "{body}");
    }
}

//= docs/contract.md#webhook-payload
//= type=test
//# With `ERROR` it has `error`; where a result is no JSON, `payload` is null and `payload_error` says so.
#[test]
fn a_result_that_is_no_json_is_told_without_it() {
    let (platform, receiver) = (lab(), Receiver::start());
    for (status, word) in [(200, "OK"), (500, "ERROR")] {
        for text in ["", "plain", "{\"cut\":", "{} {}", "\u{feff}{}"] {
            let orders = json!({ "status": status, "body": text });
            let (id, delivered) = told(&platform, &receiver, &orders);
            let body = delivered.json();
            assert_eq!((&body["status"], &body["payload"]), (&json!(word), &json!(null)), "{text}");
            let said = body["payload_error"].as_str().unwrap_or_default();
            assert!(said.contains("not JSON"), "{text}: {body}");
            assert_eq!(body.get("error").is_some(), status == 500, "{body}");
            assert_eq!(platform.queued(&id).result().text(), text);
        }
    }
}

//= docs/contract.md#webhook-durable
//= type=test
//# A webhook MUST become durable together with the end that it tells of.
//= docs/contract.md#webhook-payload
//= type=test
//# With `ERROR` it has `error`; where a result is no JSON, `payload` is null and `payload_error` says so.
#[test]
fn failures_of_the_platform_and_cancels_are_told() {
    let receiver = Receiver::start();
    let app = App::unruly().env("UNRULY_HOLD_SETUP", "ready").set("request_timeout", 0.5);
    let platform =
        Platform::start(ALLOWED, &[app.set("retry_config", "{ timeout = { retries = 0 } }")]);
    let hook = receiver.url("/hook");
    let check = |queued: &Queued<'_>, count: usize, (status, kind): (u16, &str)| {
        let delivered = receiver.gets(count);
        is_of(queued, &delivered);
        let body = delivered.json();
        assert_eq!(body["status"], "ERROR", "{body}");
        assert_eq!(body["error"], format!("Invalid status code: {status}"));
        assert_eq!(body["payload"]["error_type"], kind, "{body}");
        let result = queued.result();
        result.is_problem(status, kind);
        assert_eq!(body["payload"], result.json(), "as its caller gets it");
    };
    let late = hooked(&hook, &json!({})).header("x-fal-request-start-timeout", "0.2");
    check(&platform.submit_as(&late), 1, (504, "startup_timeout"));
    let cancelled = platform.submit_as(&hooked(&hook, &json!({})));
    assert_eq!(cancelled.cancel().status, 202);
    check(&cancelled, 2, (499, "client_cancelled"));
    platform.lab().create("ready");
    let slow = platform.submit_as(&hooked(&hook, &json!({ "hold": "never" })));
    check(&slow, 3, (504, "request_timeout"));
}

/// A cancelled request that its runner answers all the same is told with that answer.
#[test]
fn the_last_word_of_a_cancelled_request_is_told() {
    let (platform, receiver) = (lab(), Receiver::start());
    let orders =
        json!({ "hold_cancel": true, "status": 499, "body": "{\"stopped\":1}", "tag": "c" });
    let queued = platform.submit_as(&hooked(&receiver.url("/hook"), &orders));
    platform.lab().called("c");
    assert_eq!(receiver.came().len(), 0, "it has not ended");
    assert_eq!(queued.cancel().status, 202);
    let body = receiver.gets(1).json();
    assert_eq!((&body["status"], &body["payload"]), (&json!("ERROR"), &json!({ "stopped": 1 })));
}

//= docs/contract.md#webhook-signature
//= type=test
//# A webhook MUST be signed with Ed25519 over the request id, the user id, the time in seconds and the hex SHA-256 of its body, joined by line ends, in `X-Fal-Webhook-Signature`, and its other `X-Fal-Webhook-` headers say what was signed.
//= docs/contract.md#webhook-signature
//= type=test
//# The public keys MUST be served as JWKS under `/.well-known/jwks.json`.
#[test]
fn whoever_receives_a_webhook_can_tell_that_it_is_the_platforms() {
    let (platform, receiver) = (lab(), Receiver::start());
    let (id, delivered) = told(&platform, &receiver, &json!({ "body": "{\"a\": 1}" }));
    let served = platform.get("/.well-known/jwks.json").is(200);
    assert_eq!(served.header("content-type"), Some("application/json"));
    let jwks = served.json();
    assert!(delivered.is_signed_by(&jwks), "{:?}", delivered.headers);
    assert_eq!(delivered.header("x-fal-webhook-request-id"), Some(id.as_str()));
    // The user is the owner of the app.
    assert_eq!(delivered.header("x-fal-webhook-user-id"), Some("demo"));
    let finished = fal_tests::millis(&platform.queued(&id).record()["finished"]) / 1000;
    let signed = delivered.header("x-fal-webhook-timestamp").and_then(|time| time.parse().ok());
    assert!(signed.is_some_and(|signed: i64| (finished..finished + 30).contains(&signed)));
    let signature = delivered.header("x-fal-webhook-signature").unwrap_or_default();
    assert!(signature.len() == 128 && !signature.contains(char::is_uppercase), "{signature}");
    // Nothing of it can be another's.
    let changed = |change: &dyn Fn(&mut Delivered)| {
        let mut changed = delivered.clone();
        change(&mut changed);
        changed.is_signed_by(&jwks)
    };
    assert!(!changed(&|other| other.body.push(b' ')));
    for name in ["request-id", "user-id", "timestamp", "signature"] {
        let name = format!("x-fal-webhook-{name}");
        let change = |other: &mut Delivered| {
            let found =
                other.headers.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(&name));
            found.expect("it is there").1.push('1');
        };
        assert!(!changed(&change), "{name}");
    }
    let other = Platform::serving(App::unruly()).get("/.well-known/jwks.json").json();
    assert!(!delivered.is_signed_by(&other), "each platform has a key of its own");
    // fal's receivers ask under this name.
    assert_eq!(platform.get("/rest/.well-known/jwks.json").is(200).json(), jwks);
}

/// A receiver keeps the key for a day, so it outlives the platform.
#[test]
fn the_key_outlives_the_platform() {
    let (mut platform, receiver) = (lab(), Receiver::start());
    let before = platform.get("/.well-known/jwks.json").json();
    platform.kill();
    let platform = platform.restart();
    let (_, delivered) = told(&platform, &receiver, &json!({}));
    assert!(delivered.is_signed_by(&before));
    let kept = std::fs::metadata(platform.dir().join("data/webhook.key")).expect("it is kept");
    let mode = std::os::unix::fs::PermissionsExt::mode(&kept.permissions());
    assert_eq!(mode & 0o077, 0, "nobody else may sign");
}

/// A large result is told whole.
#[test]
fn a_large_result_is_told_whole() {
    let (platform, receiver) = (lab(), Receiver::start());
    let large = format!("\"{}\"", "x".repeat(3 << 20));
    let (id, delivered) = told(&platform, &receiver, &json!({ "body": large }));
    assert_eq!(delivered.json()["payload"].as_str().map(str::len), Some(3 << 20));
    assert!(delivered.is_signed_by(&platform.get("/.well-known/jwks.json").json()));
    eventually("its delivery is noted", || {
        (platform.queued(&id).deliveries().len() == 1).then_some(())
    });
}
