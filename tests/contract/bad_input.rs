//! What nobody should send, write or configure.

use std::{fs, net::TcpListener, path::Path};

use fal_tests::{App, Connection, Platform, Refused, Request, json};

const APP: &str = "[apps.\"a/b\"]\ncommand = [\"sh\"]\n";

#[track_caller]
fn refused(config: &str, prepare: impl FnOnce(&Path), (code, expected): (i32, &str)) -> Refused {
    let refused = Platform::refused(config, prepare);
    assert_eq!(refused.code, Some(code), "{config}{}", refused.log);
    assert!(refused.log.contains(expected), "`{expected}` in {}", refused.log);
    assert_eq!(refused.output, "", "nothing on standard output");
    assert!(!refused.started_any());
    refused
}

//= docs/contract.md#startup-failed
//= type=test
//# A command that does not exist MUST be refused with the configuration, before anything starts.
//= docs/contract.md#configuration
//= type=test
//# A configuration with an unknown key, a wrong type or a value out of range MUST be refused with exit code 2 before anything starts.
//= docs/contract.md#configuration
//= type=test
//# The message MUST name the file, the line and the key.
#[test]
fn a_wrong_configuration_is_refused_with_its_place() {
    for (config, expected) in [
        ("listen = \"127.0.0.1:0\"\nlisten_ = 1\n".to_owned(), "fal.toml:2: listen_"),
        ("listen = [\n".to_owned(), "fal.toml:1"),
        (format!("listen = 5\n{APP}"), "fal.toml:1: listen"),
        (format!("{APP}keep_alive = \"long\"\n"), "fal.toml:3: keep_alive"),
        (format!("{APP}max_concurrency = 0\n"), "fal.toml:3: max_concurrency"),
        (format!("{APP}request_timeout = -1\n"), "fal.toml:3: request_timeout"),
        (format!("{APP}speed = 1\n"), "fal.toml:3: speed"),
        (format!("max_body = -1\n{APP}"), "fal.toml:1: max_body"),
        (format!("listen = \"0.0.0.0:0\"\n{APP}"), "fal.toml:1: listen"),
        ("[apps.\"a/b\"]\ncommand = [\"no-such-program\"]\n".to_owned(), "fal.toml:2: command"),
        ("[apps.\"a/b\"]\ncommand = [\"./gone.sh\"]\n".to_owned(), "fal.toml:2: command"),
        ("[apps.\"a/b/c/d\"]\ncommand = [\"sh\"]\n".to_owned(), "fal.toml:1: apps"),
        (format!("{APP}gpus = [0, 0]\n"), "fal.toml:3: gpus"),
        (format!("api_keys = [\"a:b\"]\n{APP}"), "fal.toml:1: api_keys"),
        (String::new(), "no app"),
    ] {
        refused(&config, |_| {}, (2, expected));
    }
}

#[test]
fn a_port_that_is_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let addr = taken.local_addr().expect("it has an address").to_string();
    refused(&format!("listen = \"{addr}\"\n{APP}"), |_| {}, (1, &addr));
}

#[test]
fn a_data_directory_that_cannot_be_used_is_named() {
    let config = format!("listen = \"127.0.0.1:0\"\ndata_dir = \"file/data\"\n{APP}");
    let prepare = |dir: &Path| fs::write(dir.join("file"), "").expect("the folder can be written");
    refused(&config, prepare, (1, "file/data"));
    let config = format!("listen = \"127.0.0.1:0\"\ndata_dir = \"data\"\n{APP}");
    let newer = |dir: &Path| {
        fs::create_dir(dir.join("data")).expect("the folder can be written");
        let store = rusqlite::Connection::open(dir.join("data/queue.sqlite")).expect("a file");
        store.pragma_update(None, "application_id", 0x6661_6c71).expect("ours");
        store.pragma_update(None, "user_version", 99).expect("of a later version");
    };
    refused(&config, newer, (1, "99"));
    let garbage = |dir: &Path| {
        fs::create_dir(dir.join("data")).expect("the folder can be written");
        fs::write(
            dir.join("data/queue.sqlite"),
            "this is no database at all, and long enough to see it",
        )
        .expect("it can");
    };
    refused(&config, garbage, (1, "queue"));
}

#[test]
fn a_wrong_method_is_405_and_names_the_right_one() {
    let platform = Platform::serving(App::unruly());
    let queued = platform.submit(&json!({}));
    assert_eq!(queued.wait().status, 200);
    for (method, path, allowed) in [
        ("GET", "/queue/demo/lab".to_owned(), "POST"),
        ("PUT", "/queue/demo/lab/v2".to_owned(), "POST"),
        ("POST", queued.path("/status"), "GET"),
        ("DELETE", queued.path(""), "GET"),
        ("POST", queued.path("/cancel"), "PUT"),
    ] {
        let answered = platform.send(&Request::new(method, &path)).is(405);
        assert!(
            answered.header("allow").is_some_and(|allow| allow.contains(allowed)),
            "{method} {path}"
        );
    }
    // Direct calls have every method.
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let answered = platform.send(&Request::new(method, "/run/demo/lab/x?y=1")).is(200).json();
        assert_eq!(
            (answered["method"].as_str(), answered["path"].as_str()),
            (Some(method), Some("/x?y=1"))
        );
    }
    let mut head = Request::new("HEAD", "/run/demo/lab").begin(platform.addr());
    assert_eq!(head.head().status, 200);
}

#[test]
fn a_head_that_is_too_large_is_431() {
    let platform = Platform::start("max_head = 8192", &[App::unruly()]);
    let large = "x".repeat(20_000);
    let answered = platform.send(&Request::new("GET", "/healthz").header("x-large", &large));
    assert_eq!(answered.status, 431, "{}", answered.text());
    let mut many = Request::new("GET", "/healthz");
    for number in 0..300 {
        many = many.header(&format!("x-{number}"), "x");
    }
    assert_eq!(platform.send(&many).status, 431);
    let long = Request::new("GET", &format!("/run/demo/lab/{large}"));
    let answered = platform.send(&long);
    assert!([414, 431].contains(&answered.status), "{}", answered.status);
    assert_eq!(platform.get("/healthz").status, 200);
    assert!(platform.lab().starts().is_empty());
}

#[test]
fn what_is_not_http_is_400_and_disturbs_nobody() {
    let platform = Platform::serving(App::unruly().set("min_concurrency", 1));
    let before = platform.only_runner();
    for nonsense in [
        "this is not http\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "POST /run/demo/lab HTTP/1.1\r\nhost: x\r\ncontent-length: many\r\n\r\n",
        "POST /run/demo/lab HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        "POST /queue/demo/lab HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        "\u{0}\u{1}\u{2}\r\n\r\n",
        "GET /run/demo/lab HTTP/1.1\r\nhost: x\r\nx-\u{7f}: x\r\n\r\n",
    ] {
        let mut connection = Connection::open(platform.addr());
        connection.send_bytes(nonsense.as_bytes()).expect("it listens");
        if !connection.is_closed() {
            let status = connection.head().status;
            assert!((400..500).contains(&status), "{nonsense:?} got {status}");
        }
    }
    assert_eq!(platform.call(&json!({})).is(200).pid(), before);
    assert_eq!(platform.lab().starts(), [before]);
}

#[test]
fn slow_and_broken_callers_do_not_disturb_others() {
    let platform = Platform::serving(App::unruly().set("min_concurrency", 1));
    let before = platform.only_runner();
    let half = [
        "",
        "P",
        "POST /run/demo/lab HTTP/1.1\r\nhos",
        "POST /run/demo/lab HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{",
        "POST /queue/demo/lab HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{",
    ];
    let mut slow: Vec<_> = (0..100).map(|_| Connection::open(platform.addr())).collect();
    for (connection, bytes) in slow.iter_mut().zip(half.iter().cycle()) {
        connection.send_bytes(bytes.as_bytes()).expect("it listens");
    }
    for _ in 0..20 {
        assert_eq!(
            platform.call(&json!({})).is(200).pid(),
            before,
            "half a request holds no runner"
        );
    }
    assert_eq!(platform.submit(&json!({})).wait().status, 200);
    for connection in slow {
        connection.hang_up();
    }
    assert_eq!(platform.call(&json!({})).is(200).pid(), before);
    let whole = platform.lab().calls().len();
    assert_eq!(whole, 22, "nothing that was half sent reached the runner");
}

/// A large body is streamed to the runner, and a caller who leaves in the middle is no fault of the runner's.
#[test]
fn a_caller_who_leaves_in_the_middle_of_a_body_is_forgotten() {
    let platform = Platform::serving(App::unruly().set("min_concurrency", 1));
    let before = platform.only_runner();
    let mut leaving = Connection::open(platform.addr());
    let head = "POST /run/demo/lab HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n";
    leaving.send_bytes(head.as_bytes()).expect("it listens");
    leaving.send_bytes(&vec![b' '; 500_000]).expect("it listens");
    leaving.hang_up();
    assert_eq!(platform.call(&json!({})).is(200).pid(), before);
    let large = Request::new("POST", "/run/demo/lab").body(vec![b' '; 3_000_000]);
    assert_eq!(platform.send(&large).is(200).json()["received"], 3_000_000);
    assert_eq!(platform.lab().starts(), [before]);
}

/// One connection carries many requests, in turn.
#[test]
fn a_connection_is_kept_for_the_next_request() {
    let platform = Platform::serving(App::unruly());
    let mut connection = Connection::open(platform.addr());
    for _ in 0..3 {
        for request in [
            Request::new("POST", "/run/demo/lab").json(&json!({})),
            Request::new("GET", "/nowhere"),
            Request::new("POST", "/queue/demo/lab").json(&json!({})),
            Request::new("POST", "/run/demo/lab").json(&json!({ "status": 503 })),
        ] {
            connection.send(&request).expect("it is kept");
            assert!(connection.next_response().is_whole);
        }
    }
}
