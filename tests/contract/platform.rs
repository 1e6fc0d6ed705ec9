//! The platform itself: one per folder, its first line, its end.

use std::fs;

use fal_tests::{App, Platform, json};

//= docs/contract.md#one-platform
//= type=test
//# A second platform on the same `data_dir` MUST refuse to start and name the first's process id.
#[test]
fn a_second_platform_on_the_same_folder_is_refused() {
    let platform = Platform::serving(App::unruly().set("min_concurrency", 1));
    let runner = platform.only_runner();
    let (code, log) = platform.second();
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains(&platform.pid().to_string()), "{log}");
    assert_eq!(platform.call(&json!({})).is(200).pid(), runner, "the first goes on");
    assert_eq!(platform.lab().starts(), [runner]);
}

//= docs/contract.md#ready-line
//= type=test
//# The platform MUST print one line `listening on http://ADDR` to standard output once it accepts connections, with TLS a second one `listening on https://ADDR`, and nothing else there.
#[test]
fn the_platform_says_one_line() {
    let app = App::unruly().set("min_concurrency", 1);
    let mut platform = Platform::serving(app);
    // The harness has read the address from the first line; it accepts connections at once.
    assert_eq!(platform.get("/healthz").status, 200);
    assert_ne!(platform.addr().port(), 0);
    let noisy = json!({ "print": "noise", "print_error": "noise" });
    assert_eq!(platform.call(&noisy).status, 200);
    assert_eq!(platform.stop().code(), Some(0));
    assert_eq!(platform.rest_of_output(), "");
}

/// `/readyz` says which apps have a runner; `/api/requests` what was asked lately.
#[test]
fn tools_can_ask_how_things_are() {
    let platform = Platform::serving(App::unruly().set("min_concurrency", 1));
    let pid = platform.only_runner();
    let ready = platform.get("/readyz").is(200).json();
    assert_eq!(ready["apps_with_ready_runners"]["demo/lab"], true, "{ready}");
    let queued = platform.submit(&json!({}));
    assert_eq!(queued.wait().is(200).pid(), pid);
    let recent = platform.get("/api/requests").is(200).json();
    assert_eq!(recent["requests"][0]["request_id"], queued.id, "{recent}");
    assert!(platform.get("/").is(200).text().contains("demo/lab"));
}

/// What runners print goes to the log, with the runner's name.
#[test]
fn what_runners_print_is_in_the_log() {
    let platform = Platform::serving(App::unruly());
    let print = json!({ "print": "a line of mine", "print_error": "another" });
    assert_eq!(platform.call(&print).status, 200);
    let runner = platform.runners().pop().expect("it runs").id;
    fal_tests::eventually("both lines, labelled", || {
        let log = platform.log();
        let has =
            |text: &str| log.lines().any(|line| line.contains(text) && line.contains(&runner));
        (has("a line of mine") && has("another")).then_some(())
    });
}

/// Nobody but the owner can read what callers sent.
#[test]
fn the_data_directory_is_its_owners() {
    use std::os::unix::fs::PermissionsExt as _;
    let platform = Platform::serving(App::unruly());
    assert_eq!(platform.submit(&json!({ "secret": 1 })).wait().status, 200);
    let mode = fs::metadata(platform.dir().join("data")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o077, 0, "nobody else gets in");
}
