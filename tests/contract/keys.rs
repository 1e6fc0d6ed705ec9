//! Keys: who may call what, and how much.

use fal_tests::{App, Platform, Request, Response, Session, eventually, json, tool};

const KEYS: &str = r#"api_keys = ["ops:a-long-secret", { key = "few:another-secret", concurrent = 1 }, { key = "slow:yet-another-one", per_second = 0.001 }]"#;
const OPS: &str = "Key ops:a-long-secret";

fn lab(auth: &str) -> App {
    App::unruly().set("min_concurrency", 1).set("auth", format!("\"{auth}\""))
}

fn send(platform: &Platform, (method, path): (&str, &str), key: Option<&str>) -> Response {
    let request = Request::new(method, path).json(&json!({}));
    platform.send(&match key {
        Some(key) => request.header("authorization", key),
        None => request,
    })
}

//= docs/contract.md#auth-modes
//= type=test
//# With keys, a request for a `private` or `shared` app MUST bring one of them, or a token for that app; a `public` app asks for nothing.
#[test]
fn calls_and_the_queue_ask_for_a_key() {
    let public = lab("public").named("demo/open");
    let platform = Platform::start(KEYS, &[lab("private"), public]);
    let submitted = send(&platform, ("POST", "/queue/demo/lab"), Some(OPS)).is(200).json();
    let id = submitted["request_id"].as_str().unwrap();
    let requests = format!("/queue/demo/lab/requests/{id}");
    let urls = [
        ("POST", "/run/demo/lab".to_owned()),
        ("POST", "/queue/demo/lab".to_owned()),
        ("GET", format!("{requests}/status")),
        ("GET", format!("{requests}/status/stream")),
        ("GET", requests.clone()),
        ("PUT", format!("{requests}/cancel")),
    ];
    for (method, path) in &urls {
        for wrong in [None, Some("Key ops:wrong-secret"), Some("Basic eDp5"), Some("Key")] {
            let refused = send(&platform, (method, path), wrong).is(401);
            assert!(refused.json()["detail"].is_string(), "{refused:?}");
            assert!(refused.header("x-fal-request-id").is_some());
        }
        for right in [OPS, "bearer ops:a-long-secret"] {
            let status = send(&platform, (method, path), Some(right)).status;
            assert!([200, 202, 400].contains(&status), "{method} {path}: {status}");
        }
    }
    assert_eq!(send(&platform, ("POST", "/run/demo/open"), None).status, 200);
    assert_eq!(send(&platform, ("POST", "/run/demo/open"), Some("Key no-key-of-ours")).status, 200);
    let seen = send(&platform, ("POST", "/run/demo/lab"), Some(OPS)).is(200).json();
    assert_eq!(seen["headers"]["x-fal-caller-user-id"], "ops");
    assert!(seen["headers"]["authorization"].is_null(), "a key stays here");
    let refused = Session::open(platform.addr(), "/run/demo/lab/live", &[]).unwrap_err();
    assert_eq!(refused.0, 401, "before the handshake: {refused:?}");
    let key = [("authorization", OPS)];
    Session::open(platform.addr(), "/run/demo/lab/live", &key).unwrap().greeting();
    assert!(!platform.log().contains("secret"), "no key in the log");
}

//= docs/contract.md#api-keys
//= type=test
//# With keys, `/api/...` MUST answer 401 without one and 403 to a wrong one, and `/rest/...` 401 to both.
#[test]
fn tools_ask_for_a_key() {
    let platform = Platform::start(KEYS, &[lab("public")]);
    for path in ["/api/runners", "/api/requests", "/api/dead", "/api/nothing"] {
        assert_eq!(send(&platform, ("GET", path), None).status, 401);
        assert_eq!(send(&platform, ("GET", path), Some("Key ops:wrong-secret")).status, 403);
    }
    assert_eq!(send(&platform, ("GET", "/api/runners"), Some(OPS)).status, 200);
    // Whoever may read the data directory needs none.
    let lines = platform.tool(&["dead"]).went_well();
    assert!(!lines.is_empty());
    for key in [None, Some("Key ops:wrong-secret")] {
        assert_eq!(send(&platform, ("POST", "/rest/tokens/"), key).status, 401);
    }
    for open in ["/healthz", "/readyz", "/rest/.well-known/jwks.json", "/.well-known/jwks.json"] {
        assert_eq!(send(&platform, ("GET", open), None).status, 200);
    }
}

//= docs/contract.md#key-limits
//= type=test
//# A call beyond its key's limits MUST get 429 of the type `concurrent_requests_limit` with `X-Fal-Needs-Retry: 1`, and reach no runner.
#[test]
fn a_key_has_its_limits() {
    let platform = Platform::start(KEYS, &[lab("private").set("max_multiplexing", 4)]);
    let few = Some("Key few:another-secret");
    let limited = |response: Response| {
        let response = response.is(429);
        assert_eq!(response.json()["error_type"], "concurrent_requests_limit");
        assert_eq!(response.header("x-fal-error-type"), Some("concurrent_requests_limit"));
        assert_eq!(response.header("x-fal-needs-retry"), Some("1"));
        response
    };
    let held =
        Request::new("POST", "/run/demo/lab").header("authorization", "Key few:another-secret");
    let held = held.json(&json!({ "hold": "go", "tag": "held" })).begin(platform.addr());
    platform.lab().called("held");
    limited(send(&platform, ("POST", "/run/demo/lab"), few));
    assert_eq!(send(&platform, ("POST", "/run/demo/lab"), Some(OPS)).status, 200);
    assert_eq!(send(&platform, ("GET", "/api/runners"), few).status, 200);
    platform.lab().create("go");
    assert_eq!(held.response().status, 200);
    assert_eq!(send(&platform, ("POST", "/run/demo/lab"), few).status, 200);
    let slow = Some("Key slow:yet-another-one");
    assert_eq!(send(&platform, ("POST", "/queue/demo/lab"), slow).status, 200);
    let refused = limited(send(&platform, ("POST", "/queue/demo/lab"), slow));
    assert!(refused.header("retry-after").is_some());
    let tags = eventually("what was let in has run", || {
        Some(platform.lab().tags()).filter(|tags| tags.len() >= 4)
    });
    assert_eq!(tags, ["held", "", "", ""], "what was refused has reached no runner");
}

//= docs/contract.md#keys
//= type=test
//# Without keys only loopback MUST be served.
#[test]
fn other_machines_are_served_with_keys_only() {
    let app = format!("[apps.\"demo/lab\"]\ncommand = [{:?}]\n", fal_tests::unruly());
    let config = format!("data_dir = \"data\"\nlisten = \"0.0.0.0:0\"\n{app}");
    let refused = Platform::refused(&config, |_| {});
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.log.contains("listen") && refused.log.contains("fal-server key"),
        "{}",
        refused.log
    );
    for (keys, said) in [
        (r#"["short"]"#, "at least 8"),
        (r#"["a:one-secret", "a:two-secret"]"#, "two keys are named `a`"),
        (r#"[{ key = "a:one-secret", most = 1 }]"#, "`most` is not one of"),
        (r#"[{ concurrent = 1 }]"#, "a key is"),
        (r#"[{ key = "a:one-secret", concurrent = 0 }]"#, "`concurrent` is a number"),
        (r#"[{ key = "a:one-secret", per_second = "x" }]"#, "`per_second` is a number"),
        ("[7]", "a key is"),
        (r#"["a:sha256=77"]"#, "64 hexadecimal"),
        (r#""a:one-secret""#, "expected a sequence"),
        ("[\n  \"a:one-secret\"\n  \"b:two-secret\"\n]", "missing comma"),
    ] {
        let config = format!("data_dir = \"data\"\napi_keys = {keys}\n{app}");
        let refused = Platform::refused(&config, |_| {});
        assert_eq!(refused.code, Some(2));
        assert!(
            refused.log.contains("fal.toml:") || refused.log.contains(":2: api_keys"),
            "{}",
            refused.log
        );
        assert!(refused.log.contains(said), "{said} in {}", refused.log);
        assert!(!refused.log.contains("secret"), "a message shows no key: {}", refused.log);
    }
}

#[test]
fn a_key_that_was_made_opens_by_its_hash() {
    let lines = tool(&["key", "robot"]).went_well();
    let key = lines[0].clone();
    let hashed = lines.iter().find(|line| line.contains("sha256=")).unwrap();
    assert!(key.starts_with("robot:") && !hashed.contains(key.split_once(':').unwrap().1));
    let hashed = hashed.split('"').nth(1).unwrap();
    let platform = Platform::start(&format!("api_keys = [\"{hashed}\"]"), &[lab("shared")]);
    assert_eq!(send(&platform, ("POST", "/run/demo/lab"), Some(&format!("Key {key}"))).status, 200);
    assert_eq!(
        send(&platform, ("POST", "/run/demo/lab"), Some(&format!("Key {hashed}"))).status,
        401
    );
    let told = tool(&["key", "no:name"]);
    assert_eq!(told.code, Some(2));
    assert!(told.error.contains("`no:name` is no name for a key"), "{}", told.error);
}

//= docs/contract.md#proxy
//= type=test
//# A request for `/api/fal/proxy` MUST be treated as one for the URL in its `x-fal-target-url`, and get 400 `Invalid request` where that is missing or not of fal's hosts.
#[test]
fn the_proxy_asks_for_a_key_too() {
    let platform = Platform::start(KEYS, &[lab("private")]);
    let request = |target: &str| {
        let request = Request::new("POST", "/api/fal/proxy").json(&json!({}));
        request.header("x-fal-target-url", target)
    };
    let with_key = |target: &str| platform.send(&request(target).header("authorization", OPS));
    assert_eq!(platform.send(&request("https://fal.run/demo/lab")).status, 401);
    let seen = with_key("https://fal.run/demo/lab/deep?x=1").is(200).json();
    assert_eq!(seen["path"], "/deep?x=1");
    let submitted = with_key("https://queue.fal.run/demo/lab").is(200).json();
    assert!(submitted["status_url"].as_str().unwrap().contains("/queue/demo/lab/requests/"));
    for bad in ["https://example.com/demo/lab", "http://127.0.0.1:1/x", "demo/lab"] {
        assert_eq!(with_key(bad).is(400).json()["detail"], "Invalid request");
    }
}

/// A call that its caller has left still has its place, as its runner still works on it.
#[test]
fn hanging_up_makes_no_room_for_more() {
    let platform = Platform::start(KEYS, &[lab("private").set("max_multiplexing", 4)]);
    let few = Some("Key few:another-secret");
    let request =
        Request::new("POST", "/run/demo/lab").header("authorization", "Key few:another-secret");
    let held = request.json(&json!({ "hold": "go", "tag": "held" })).begin(platform.addr());
    platform.lab().called("held");
    held.hang_up();
    eventually("the runner has the cancel signal", || {
        let calls = platform.lab().calls();
        calls.iter().any(|call| call.path.ends_with("/cancel")).then_some(())
    });
    assert_eq!(send(&platform, ("POST", "/run/demo/lab"), few).status, 429);
    platform.lab().create("go");
    eventually("there is room again", || {
        (send(&platform, ("POST", "/run/demo/lab"), few).status == 200).then_some(())
    });
}

//= docs/contract.md#own-pages
//= type=test
//# Without keys, requests of pages of other sites MUST get 403, but for those of this machine.
//= docs/contract.md#own-names
//= type=test
//# Without keys, a request MUST get 421 whose `Host` is a name that a stranger could have registered.
#[test]
fn pages_of_strangers_do_nothing_without_a_key() {
    let platform = Platform::serving(lab("private"));
    let with = |path: &str, name: &str, value: &str| {
        platform.send(&Request::new("POST", path).header(name, value).json(&json!({}))).status
    };
    for path in ["/run/demo/lab", "/queue/demo/lab", "/rest/tokens/"] {
        for foreign in ["https://evil.com", "null"] {
            assert_eq!(with(path, "origin", foreign), 403, "{path} {foreign}");
        }
        assert_eq!(with(path, "sec-fetch-site", "cross-site"), 403);
    }
    assert_eq!(with("/run/demo/lab", "origin", "http://localhost:3000"), 200);
    assert_eq!(with("/run/demo/lab", "sec-fetch-site", "same-origin"), 200);
    let page = [("origin", "https://evil.com")];
    assert_eq!(Session::open(platform.addr(), "/run/demo/lab/live", &page).unwrap_err().0, 403);
    let named = |host: &str| {
        let text = format!("GET /api/requests HTTP/1.1\r\nhost: {host}\r\n\r\n");
        let mut connection = fal_tests::Connection::open(platform.addr());
        connection.send_bytes(text.as_bytes()).unwrap();
        connection.response()
    };
    assert_eq!(named("evil.com:8080").status, 421);
    assert_eq!(named("queue.localhost").status, 404, "that part has no such app");
    assert_eq!(named("localhost:1").status, 200);
    // With keys a page needs one, wherever it comes from.
    let platform = Platform::start(KEYS, &[lab("private")]);
    let request = Request::new("POST", "/run/demo/lab").header("origin", "https://evil.com");
    let request = request.header("authorization", OPS).json(&json!({}));
    assert_eq!(platform.send(&request).status, 200);
}

//= docs/contract.md#tokens
//= type=test
//# A token MUST allow nothing once it has expired, and nothing that it does not name.
#[test]
fn a_token_opens_what_it_names_and_no_more() {
    let platform = Platform::start(KEYS, &[lab("private")]);
    let token = |apps: &str| {
        let request = Request::new("POST", "/rest/tokens/").header("authorization", OPS);
        let body = json!({ "allowed_apps": [apps], "token_expiration": 60 });
        platform.send(&request.json(&body)).is(200).json().as_str().unwrap().to_owned()
    };
    let call = |path: &str, token: &str| {
        send(&platform, ("POST", &format!("{path}?fal_jwt_token={token}")), None).status
    };
    let (whole, part) = (token("lab"), token("demo/lab/live"));
    assert_eq!((call("/run/demo/lab", &whole), call("/run/demo/lab/live", &part)), (200, 200));
    for path in ["/run/demo/lab", "/run/demo/lab/live/../x", "/run/demo/lab/live/%2e%2e/x"] {
        assert_eq!(call(path, &part), 401, "{path}");
    }
    let id = send(&platform, ("POST", "/queue/demo/lab"), Some(OPS)).is(200).json();
    let id = id["request_id"].as_str().unwrap();
    let ask = |path: &str, token: &str| {
        let path = format!("/queue/demo/lab{path}/requests/{id}/status?fal_jwt_token={token}");
        send(&platform, ("GET", &path), None).status
    };
    assert_eq!(ask("/live", &part), 401);
    assert!([200, 202].contains(&ask("", &whole)));
    let path = format!("/run/demo/lab/live?fal_jwt_token={part}");
    let mut session = Session::open(platform.addr(), &path, &[]).unwrap();
    assert_eq!(session.greeting()["path"], "/live", "a token goes no further");
    let refused = Session::open(platform.addr(), "/run/demo/lab/live?fal_jwt_token=x", &[]);
    assert_eq!(refused.unwrap_err().0, 401);
}
