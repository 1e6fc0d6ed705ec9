//! What a store says of the place that it lies in.

use std::{fs, os::unix::fs::PermissionsExt as _};

use fal_queue::store::Fitness;

use super::*;

fn said(store: &mut Store) -> Vec<String> {
    let findings = store.check().expect("it can be looked at");
    assert!(findings.is_sorted_by_key(|finding| finding.fitness), "the worst first: {findings:?}");
    findings.into_iter().map(|finding| finding.found).collect()
}

#[test]
fn what_others_may_read_is_found() {
    let folder = folder();
    let mut store = open(folder.path());
    let find = |said: &[String]| said.iter().any(|found| found.contains("others may use"));
    assert!(!find(&said(&mut store)));
    let database = folder.path().join("queue.sqlite");
    fs::set_permissions(&database, fs::Permissions::from_mode(0o644)).expect("its mode");
    assert!(find(&said(&mut store)));
}

#[test]
fn the_last_finding_says_what_and_where() {
    let folder = folder();
    let mut store = open(folder.path());
    let last = store.check().expect("it can be looked at").pop().expect("one finding");
    assert_eq!(last.fitness, Fitness::Fit);
    assert!(last.found.contains(&folder.path().display().to_string()), "{last:?}");
}
