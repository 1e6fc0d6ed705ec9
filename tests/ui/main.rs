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

/// The blocks of the reference that follow `<!-- ui: NAME -->`.
#[test]
fn the_reference_shows_what_the_compiler_says() {
    let page = read("../docs/macro.md");
    let blocks = page.split("<!-- ui: ").skip(1);
    let mut shown = 0;
    for block in blocks {
        let (name, rest) = block.split_once(" -->\n```text\n").expect("a block follows the name");
        let (text, _) = rest.split_once("\n```\n").expect("the block ends");
        let said = read(&format!("ui/fail/{name}.stderr"));
        assert_eq!(text, said.trim_end(), "docs/macro.md shows another message for {name}");
        shown += 1;
    }
    assert!(shown > 5, "the reference shows {shown} messages");
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).expect("it is part of the project")
}

#[expect(clippy::disallowed_methods, reason = "the compiler is asked which one it is")]
fn compiler() -> String {
    let output = Command::new("rustc").arg("--version").output().expect("cargo has just run it");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
