//! What passes between caller and runner, and what errors look like.

use fal_tests::{App, Platform, Request, json};

fn lab() -> Platform {
    Platform::serving(App::unruly().set("min_concurrency", 1))
}

/// Headers that a caller sends, and whether the runner gets to see them.
const SENT: [(&str, &str, bool); 8] = [
    ("x-fal-request-id", "mine", false),
    ("x-fal-endpoint", "mine", false),
    ("x-fal-caller-user-id", "mine", false),
    ("x-fal-anything", "mine", false),
    ("x-fal-object-lifecycle-preference", "{}", true),
    ("x-app-fal-mode", "mine", true),
    ("x-mine", "mine", true),
    ("accept", "text/plain", true),
];

//= docs/contract.md#request-headers
//= type=test
//# The runner MUST get the request's id in `x-fal-request-id` and the called endpoint in `x-fal-endpoint`.
//= docs/contract.md#request-headers
//= type=test
//# The caller's own `x-fal-` headers MUST NOT reach the runner, except `x-fal-object-lifecycle-preference`.
//= docs/contract.md#request-headers
//= type=test
//# Other headers, `x-app-fal-` ones among them, MUST be forwarded as they are.
#[test]
fn a_runner_sees_the_headers_that_are_its_own() {
    let platform = lab();
    for path in ["/run/demo/lab/v2", "/queue/demo/lab/v2"] {
        let mut request = Request::new("POST", path).json(&json!({}));
        for (name, value, _) in SENT {
            request = request.header(name, value);
        }
        let answered = if path.starts_with("/run") {
            platform.send(&request)
        } else {
            platform.submit_as(&request).wait()
        };
        let (id, seen) = (answered.request_id(), answered.json());
        let seen = seen["headers"].as_object().expect("the runner says what it saw");
        for (name, value, passes) in SENT {
            let got = seen.get(name).and_then(|value| value.as_str());
            match name {
                "x-fal-request-id" => assert_eq!(got, Some(id.as_str())),
                "x-fal-endpoint" => assert_eq!(got, Some("demo/lab/v2")),
                _ => assert_eq!(got, passes.then_some(value), "{path} {name}"),
            }
        }
    }
}

//= docs/contract.md#request-attempt
//= type=test
//# The runner MUST get the number of the attempt in `x-fal-attempt`, and the seconds that the attempt may take in `x-fal-time-left`.
#[test]
fn a_runner_knows_the_attempt_and_how_long_it_may_take() {
    let platform = Platform::serving(App::unruly().set("request_timeout", 90));
    let direct = platform.call(&json!({})).is(200);
    let queued = platform.submit(&json!({ "script": [{ "status": 504 }, {}] })).wait().is(200);
    for (answered, attempt) in [(direct, "1"), (queued, "2")] {
        let seen = &answered.json()["headers"];
        assert_eq!(
            (&seen["x-fal-attempt"], &seen["x-fal-time-left"]),
            (&json!(attempt), &json!("90"))
        );
    }
}

//= docs/contract.md#response-headers
//= type=test
//# `x-fal-stop-runner` MUST be stripped before the caller.
//= docs/contract.md#response-headers
//= type=test
//# `X-Fal-Needs-Retry` MUST be kept on 5XX and 429 answers of direct calls, and stripped everywhere else.
#[test]
fn a_caller_sees_the_headers_that_are_its_own() {
    let platform = lab();
    for (status, kept) in
        [(200, false), (404, false), (302, false), (429, true), (500, true), (504, true)]
    {
        let headers =
            json!({ "x-fal-needs-retry": "0", "x-fal-stop-runner": "0", "x-mine": "yes" });
        let body = json!({ "status": status, "headers": headers });
        let direct = platform.call(&body).is(status);
        assert_eq!(direct.header("x-fal-needs-retry"), kept.then_some("0"), "{status}");
        let queued = platform.submit(&body).wait().is(status);
        assert_eq!(queued.header("x-fal-needs-retry"), None, "{status}");
        for answered in [direct, queued] {
            assert_eq!(
                (answered.header("x-fal-stop-runner"), answered.header("x-mine")),
                (None, Some("yes"))
            );
        }
    }
}

//= docs/contract.md#request-id
//= type=test
//# Every response MUST carry `x-fal-request-id`.
#[test]
fn every_response_has_an_id() {
    let platform = Platform::start("max_body = 1000", &[App::unruly()]);
    let queued = platform.submit(&json!({}));
    assert_eq!(queued.wait().request_id(), queued.id);
    let unknown = "/queue/demo/lab/requests/0190d1a2-0000-7000-8000-0000000000ff";
    for (method, path, status) in [
        ("GET", "/", 200),
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/api/runners", 200),
        ("GET", "/nowhere", 404),
        ("GET", "/run/no/body", 404),
        ("GET", "/run/demo", 404),
        ("POST", "/queue/no/body", 404),
        ("GET", "/queue/demo/lab", 405),
        ("POST", unknown, 405),
        ("GET", unknown, 404),
        ("GET", "/queue/demo/lab/requests/nonsense/status", 404),
        ("DELETE", "/healthz", 405),
        ("POST", "/api/runners", 405),
    ] {
        let answered = platform.send(&Request::new(method, path));
        assert_eq!(answered.status, status, "{method} {path} {}", answered.text());
        assert!(answered.header("x-fal-request-id").is_some(), "{method} {path}");
    }
    let large = Request::new("POST", "/run/demo/lab").body(vec![b'x'; 1001]);
    assert!(platform.send(&large).is(413).header("x-fal-request-id").is_some());
    let direct = platform.call(&json!({}));
    assert_eq!(platform.lab().attempts(&direct.request_id()).len(), 1);
    assert_ne!(platform.call(&json!({})).request_id(), direct.request_id());
}

//= docs/contract.md#platform-errors
//= type=test
//# A platform error MUST have the body `{"detail", "error_type"}` and the header `X-Fal-Error-Type` with the same type.
#[test]
fn a_platform_error_says_its_type_in_body_and_header() {
    let platform = lab();
    let answered = platform.call(&json!({ "crash": "kill" }));
    answered.is_problem(503, "runner_disconnected");
    let body = answered.json();
    assert_eq!(body.as_object().map(serde_json::Map::len), Some(2), "{body}");
    // Nothing that only the host knows.
    let text = answered.text();
    assert!(!text.contains('/') && !text.contains("signal"), "{text}");
    let own = platform.call(&json!({ "status": 503, "body": "mine" })).is(503);
    assert_eq!((own.text().as_str(), own.header("x-fal-error-type")), ("mine", None));
}

//= docs/contract.md#platform-errors
//= type=test
//# An unknown app MUST get 404.
#[test]
fn an_unknown_app_is_404() {
    let platform = lab();
    for path in ["/run/no/body", "/run/demo/labs", "/queue/no/body", "/run/x", "/queue/demo"] {
        let answered = platform.send(&Request::new("POST", path).json(&json!({}))).is(404);
        assert!(answered.json()["detail"].as_str().is_some_and(|text| text.contains("not found")));
    }
}

//= docs/contract.md#request-limits
//= type=test
//# A request body over the limit MUST get 413.
//= docs/contract.md#request-limits
//= type=test
//# A request whose length is known and over the limit MUST NOT reach a runner.
#[test]
fn a_body_over_the_limit_is_413() {
    let platform = Platform::start("max_body = 200000", &[App::unruly()]);
    for path in ["/run/demo/lab", "/queue/demo/lab"] {
        let post = |length: usize| Request::new("POST", path).body(vec![b' '; length]);
        assert_eq!(platform.send(&post(200_001)).status, 413, "{path}");
        assert_eq!(platform.send(&post(5_000_000)).status, 413, "{path}");
        let mut chunked = b"30d41\r\n".to_vec();
        chunked.extend(vec![b' '; 0x30d41]);
        chunked.extend_from_slice(b"\r\n0\r\n\r\n");
        let request =
            Request::new("POST", path).header("transfer-encoding", "chunked").body(chunked);
        assert_eq!(platform.send(&request).status, 413, "{path}, its length not announced");
    }
    assert_eq!(platform.lab().calls(), []);
    let whole = Request::new("POST", "/run/demo/lab").body(vec![b' '; 200_000]);
    assert_eq!(platform.send(&whole).is(200).json()["received"], 200_000);
    let queued =
        platform.submit_as(&Request::new("POST", "/queue/demo/lab").body(vec![b' '; 200_000]));
    assert_eq!(queued.wait().is(200).json()["received"], 200_000);
}

//= docs/contract.md#validation-422
//= type=test
//# An app of `fal-app` MUST answer an input that does not fit with 422 and a `detail` array of `type`, `loc`, `msg` and `input`.
//= docs/contract.md#validation-422
//= type=test
//# The endpoint MUST NOT be entered with such an input.
#[test]
fn an_input_that_does_not_fit_is_422_and_enters_no_endpoint() {
    let platform = Platform::serving(App::example("fault_lab").set("min_concurrency", 1));
    let before = platform.only_runner();
    for input in [json!({ "sleep_ms": "long" }), json!([1]), json!({ "status": 7 })] {
        for answered in [platform.call(&input), platform.submit(&input).wait()] {
            let body = answered.is(422).json();
            let entries = body["detail"].as_array().expect("an array").clone();
            assert!(!entries.is_empty(), "{body}");
            for entry in entries {
                for key in ["type", "loc", "msg", "input"] {
                    assert!(entry.get(key).is_some(), "{key} in {entry}");
                }
            }
        }
    }
    // The lab counts the calls that were entered, by request; an entered one would be in its log.
    let log = std::fs::read_to_string(platform.dir().join("lab/log")).unwrap_or_default();
    assert_eq!(log, "");
    assert_eq!(platform.call(&json!({})).is(200).pid(), before);
}

//= docs/contract.md#direct-never-retried
//= type=test
//# Its caller MUST get the runner's own status, headers and body.
//= docs/contract.md#queue-result
//= type=test
//# The result MUST be the app's own status, headers and body, with `x-fal-request-id` added.
#[test]
fn an_answer_in_chunks_that_also_announces_a_length_arrives_whole() {
    let platform = lab();
    let before = platform.only_runner();
    for length in ["3", "26", "1000"] {
        let body = "abcdefghijklmnopqrstuvwxyz";
        let odd = json!({ "chunked": true, "body": body, "headers": { "content-length": length } });
        let direct = platform.call(&odd).is(200);
        assert!(direct.is_whole, "{length}: {:?}", direct.headers);
        assert_eq!(direct.text(), body, "{length}: {:?}", direct.headers);
        let result = platform.submit(&odd).wait().is(200);
        assert!(result.is_whole, "{length}: {:?}", result.headers);
        assert_eq!(result.text(), body, "{length}: {:?}", result.headers);
    }
    assert_eq!(platform.only_runner(), before);
}
