//! Files by URL, taken and given by an app.

use std::net::TcpListener;

use fal_tests::{App, Platform, Request, Response, Value, json};

const KEYS: &str = "api_keys = [\"ops:a-long-secret\"]";
const OPS: &str = "Key ops:a-long-secret";

fn lab() -> App {
    App::example("files_lab").set("min_concurrency", 1)
}

/// As somebody who has a key, where there are keys.
fn post(path: &str, body: &Value) -> Request {
    Request::new("POST", path).json(body).header("authorization", OPS)
}

/// Stores a file as fal's JavaScript client does, and gives its URL.
fn store(platform: &Platform, bytes: &[u8]) -> String {
    let about = json!({ "content_type": "text/x-cat", "file_name": "cat.txt" });
    let spot = platform.send(&post("/rest/storage/upload/initiate", &about)).is(200).json();
    let put = Request::new("PUT", &below(platform, &text(&spot, "/upload_url"))).body(bytes);
    let stored = platform.send(&put.header("content-type", "text/x-cat"));
    assert_eq!(stored.status, 200);
    text(&spot, "/file_url")
}

fn text(value: &Value, at: &str) -> String {
    value.pointer(at).and_then(Value::as_str).expect("it is there").to_owned()
}

/// The path of a URL of this platform.
fn below(platform: &Platform, url: &str) -> String {
    let path = url.strip_prefix(&format!("http://{}", platform.addr()));
    path.expect("the URL is the platform's").to_owned()
}

/// What an output's file holds.
fn read(platform: &Platform, output: &Value) -> Response {
    platform.get(&below(platform, &text(output, "/file/url"))).is(200)
}

fn turned(platform: &Platform, output: &Value, name: &str) {
    let url = text(output, "/file/url");
    let kind = "text/x-cat";
    let file = json!({ "url": url, "content_type": kind, "file_name": name, "file_size": 4 });
    assert_eq!(output, &json!({ "file": file }));
    let file = read(platform, output);
    assert_eq!((file.text().as_str(), file.header("content-type")), ("woem", Some(kind)));
}

//= docs/contract.md#file-output
//= type=test
//# A file that an app of `fal-app` publishes MUST be stored with the platform, with its content type and name, and given as an object with `url`, `content_type`, `file_name` and `file_size`.
//= docs/contract.md#file-input
//= type=test
//# What lies in the platform's own store MUST be fetched whatever its address.
#[test]
fn a_file_is_fetched_turned_and_stored() {
    for keys in ["", KEYS] {
        let platform = Platform::start(keys, &[lab()]);
        let url = store(&platform, b"meow");
        let short = json!({ "file": url });
        let output = platform.send(&post("/run/demo/lab", &short)).is(200).json();
        turned(&platform, &output, "turned-file");
        let localhost = url.replace("127.0.0.1", "localhost");
        let long = json!({ "file": { "url": localhost, "file_name": "cat.txt" }, "on_disk": true });
        let output = platform.send(&post("/run/demo/lab", &long)).is(200).json();
        turned(&platform, &output, "turned-cat.txt");
    }
}

/// Nobody knows `fal.test` here; what is said under that name is reached all the same.
#[test]
fn files_have_the_public_url_and_go_the_short_way() {
    let platform = Platform::start("public_url = \"https://fal.test\"", &[lab()]);
    let orders = json!({ "file": "data:text/x-cat,meow" });
    let first = platform.send(&post("/run/demo/lab", &orders)).is(200).json();
    assert!(text(&first, "/file/url").starts_with("https://fal.test/cdn/files/"), "{first}");
    let again = platform.send(&post("/run/demo/lab", &first)).is(200).json();
    let url = text(&again, "/file/url");
    let path = url.strip_prefix("https://fal.test").expect("it is public");
    assert_eq!(platform.get(path).is(200).text(), "meow", "turned around twice");
}

//= docs/contract.md#file-output
//= type=test
//# It MUST be kept for as long as the request's `x-fal-object-lifecycle-preference` says.
#[test]
fn a_queued_call_has_files_too_and_says_how_long_they_are_kept() {
    let platform = Platform::serving(lab());
    let orders = json!({ "file": store(&platform, b"meow") });
    let kept = platform.submit(&orders).wait().is(200).json();
    turned(&platform, &kept, "turned-file");
    let preference = r#"{"expiration_duration_seconds":60}"#;
    let name = "x-fal-object-lifecycle-preference";
    let submitted = platform.submit_with(name, preference, &orders);
    let expiring = submitted.wait().is(200).json();
    let age = |output: &Value| {
        let file = read(&platform, output);
        let control = file.header("cache-control").unwrap_or_default().to_owned();
        let age = control.split("max-age=").nth(1).and_then(|rest| rest.split(',').next());
        age.and_then(|age| age.parse::<u64>().ok()).unwrap_or_else(|| panic!("{control}"))
    };
    assert!(age(&expiring) <= 60 && age(&kept) > 60);
}

//= docs/contract.md#file-input
//= type=test
//# Unless `FAL_APP_ALLOW_PRIVATE_FILES=1` is set, a file MUST NOT be fetched from a private, loopback, link-local, shared, reserved, unspecified or multicast address, whatever name or redirect leads there.
#[test]
fn what_else_is_on_this_machine_is_refused_unless_it_is_allowed() {
    let closed = |port| format!("http://localhost:{port}/cat.txt");
    let ask = |platform: &Platform, url: &str| {
        let body = json!({ "file": url, "limit": 4 });
        platform.send(&Request::new("POST", "/run/demo/lab/size").json(&body))
    };
    let (careful, other) = (Platform::serving(lab()), Platform::serving(App::unruly()));
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    listener.set_nonblocking(true).expect("it is a socket");
    let port = listener.local_addr().expect("it has an address").port();
    let stored = store(&other, b"meow");
    let own = format!("http://{}/api/runners", careful.addr());
    for url in [closed(port), stored.clone(), own] {
        let refused = ask(&careful, &url).is(422);
        assert_eq!(refused.header("x-fal-error-type"), Some("file_download_error"));
        let detail = refused.json()["detail"][0].clone();
        assert_eq!(detail["type"], "file_download_error");
        assert!(detail["msg"].as_str().unwrap().contains("no public address"), "{detail}");
    }
    assert!(listener.accept().is_err(), "nobody has connected");
    let too_large = ask(&careful, &store(&careful, b"meow!")).is(422).json();
    assert_eq!(too_large["detail"][0]["type"], "file_too_large");
    assert_eq!(too_large["detail"][0]["ctx"], json!({ "max_size": 4 }));
    let trusting = Platform::serving(lab().env("FAL_APP_ALLOW_PRIVATE_FILES", "1"));
    let expected = json!({ "bytes": 4, "content_type": "text/x-cat" });
    assert_eq!(ask(&trusting, &stored).is(200).json(), expected);
}

//= docs/contract.md#runner-environment
//= type=test
//# `FAL_SERVER_URL` MUST be a URL at which the runner reaches the platform, and `FAL_KEY` a key that the platform takes from it, unless the app's `env` says otherwise.
//= docs/contract.md#runner-environment
//= type=test
//# `FAL_SERVER_ALIASES` MUST list the other URLs under which callers know the platform: that of TLS, and `public_url`.
//= docs/contract.md#runner-environment
//= type=test
//# None of these MUST count as a change of the app at a reload.
#[test]
fn a_runner_is_told_where_its_platform_is() {
    let unruly = || App::unruly().set("min_concurrency", 1);
    let env = |platform: &Platform, path: &str| {
        platform.send(&post(path, &json!({}))).is(200).json()["env"].clone()
    };
    let platform = Platform::start("", &[unruly()]);
    let told = env(&platform, "/run/demo/lab");
    assert_eq!(told["FAL_SERVER_URL"], format!("http://{}", platform.addr()));
    assert_eq!(
        (&told["FAL_KEY"], &told["FAL_SERVER_ALIASES"]),
        (&json!("local:local"), &json!(""))
    );
    let before = platform.runners();
    platform.reload(&[unruly().set("keep_alive", 7)]);
    assert_eq!(platform.runners(), before, "none of it is a change of the app");
    let head = format!("{KEYS}\npublic_url = \"https://fal.test\"\n[tls]");
    let other = unruly().named("demo/other").env("FAL_KEY", "own").env("FAL_JOB_ID", "own");
    let platform = Platform::start(&head, &[unruly(), other]);
    let told = env(&platform, "/run/demo/lab");
    assert_eq!(told["FAL_SERVER_URL"], format!("http://{}", platform.addr()));
    let aliases = told["FAL_SERVER_ALIASES"].as_str().unwrap();
    assert!(aliases.starts_with("https://127.0.0.1:") && aliases.ends_with(" https://fal.test"));
    let key = told["FAL_KEY"].as_str().unwrap();
    assert!(key.starts_with("fal-server.runners:"), "{key}");
    let as_runner = Request::new("POST", "/run/demo/lab").json(&json!({}));
    let seen = platform.send(&as_runner.header("authorization", &format!("Key {key}"))).is(200);
    assert_eq!(seen.json()["headers"]["x-fal-caller-user-id"], "fal-server.runners");
    let told = env(&platform, "/run/demo/other");
    assert_eq!((&told["FAL_KEY"], &told["FAL_JOB_ID"]), (&json!("own"), &json!("own")));
}
