//! What the compiler tells those who make a mistake, and that it tells nothing to those who make
//! none.
//!
//! `README.md` beside this file explains the families of cases and how to add one.

use std::process::Command;

/// The expectations are the words of one compiler, so they are compared on that one only.
const PINNED: &str = env!("CARGO_PKG_RUST_VERSION");

//= docs/contract.md#unearned-503
//= type=test
//# An app of `fal-app` MUST NOT answer 503 except by a path that is marked `#[runner_broken]`.
#[test]
fn every_mistake_has_its_message_and_no_other() {
    let version = compiler();
    if !version.starts_with(&format!("rustc {PINNED}.")) {
        println!("skipped: the messages are those of rustc {PINNED}, and this is {version}");
        return;
    }
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/fail/*.rs");
    // These are built and not only checked, which is also what makes constants be evaluated in the
    // cases above.
    cases.pass("ui/pass/*.rs");
}

#[expect(clippy::disallowed_methods, reason = "the compiler is asked which one it is")]
fn compiler() -> String {
    let output = Command::new("rustc").arg("--version").output().expect("cargo has just run it");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
