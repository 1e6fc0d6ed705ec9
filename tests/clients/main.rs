//! Clients against a served platform: this project's own, and fal's in Python.
//!
//! The script `clients/python/suite.py` does what users do, with the client from the package index, and prints one line
//! per check. A line that is missing is a failure as much as one that says so: what has to be there stands here.

mod rust;

use std::{collections::BTreeMap, path::Path};

use fal_tests::{App, Platform, json, python, run_script};

/// Every check of the script, by name.
const CHECKS: [&str; 24] = [
    "run",
    "run_path",
    "run_async",
    "run_422",
    "run_500",
    "run_503",
    "submit",
    "status_in_queue",
    "status_in_progress",
    "status_completed",
    "result",
    "result_async",
    "result_422",
    "result_500",
    "iter_events",
    "iter_events_logs",
    "cancel_waiting",
    "cancel_running",
    "cancel_completed",
    "subscribe",
    "subscribe_async",
    "priority",
    "start_timeout",
    "unknown_id",
];

#[test]
fn fals_own_client_works_against_the_platform() {
    let other = App::unruly().named("demo/other").set("max_concurrency", 2);
    let app = App::unruly().set("min_concurrency", 1);
    let platform = Platform::start("", &[app, other]);
    assert_eq!(platform.call(&json!({})).status, 200);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/python/suite.py");
    let lab = platform.dir().join("lab");
    let port = platform.addr().port().to_string();
    let (said, log) = run_script(&python(), &[&script, Path::new(&port), &lab]);
    let found: BTreeMap<_, _> = said.lines().filter_map(|line| line.split_once(' ')).collect();
    let failed: Vec<_> = CHECKS.iter().filter(|name| found.get(*name) != Some(&"ok")).collect();
    assert!(failed.is_empty(), "failed or missing: {failed:?}\n{said}\n{log}");
    assert_eq!(found.len(), CHECKS.len(), "each check of the script stands here: {said}");
}
