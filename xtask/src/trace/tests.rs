//! The project's own citations, and the rules on made-up ones.

use super::*;
use crate::workspace::File;

#[test]
fn every_must_has_code_and_a_test() {
    let faults: Vec<_> = faults().unwrap().iter().map(ToString::to_string).collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

const TEXT: &str =
    "# Contract\n\n### one\n\nA thing MUST be\ndone.\n\n## Next\n\n### two\n\nA thing SHOULD be.\n";

/// What is wrong with a file that cites `TEXT`; `CITE` in it is the contract's path.
fn complaints(source: &str) -> Vec<String> {
    let text = source.replace("CITE", concat!("docs/contract", ".md"));
    let file = File { path: "a.rs".to_owned(), text };
    let faults = judge(&clauses(TEXT), &citation::find(&file));
    faults.into_iter().map(|fault| fault.what).collect()
}

#[test]
fn a_must_wants_code_and_a_test() {
    assert_eq!(complaints(""), ["no code cites it", "no test cites it"]);
    let code = "//= CITE#one\n//# MUST be done\nfn f() {}\n";
    assert_eq!(complaints(code), ["no test cites it"]);
    let test = "    //= CITE#one\n    //= type=test\n    //# A thing MUST\n    //# be done.\n";
    assert_eq!(complaints(&format!("{code}{test}")), Vec::<String>::new());
}

#[test]
fn an_exception_gives_its_reason() {
    let exception = "//= CITE#one\n//= type=exception\n";
    assert!(
        complaints(exception).contains(&"an implication or exception gives its reason".to_owned())
    );
    assert_eq!(
        complaints(&format!("{exception}//= reason=nobody can see it\n")),
        Vec::<String>::new()
    );
}

#[test]
fn a_quote_stands_in_its_clause() {
    for (source, wanted) in [
        ("//= CITE#three\n//# A thing\n", "there is no clause `three`"),
        ("//= CITE#two\n//# A thing MUST be\n", "`two` does not say `A thing MUST be`"),
        ("//= CITE#two\n", "a citation quotes what it is about"),
        (
            "//= CITE#two\n//= type=proof\n//# A thing\n",
            "a type is `test`, `implication` or `exception`",
        ),
    ] {
        assert!(complaints(source).contains(&wanted.to_owned()), "{source}");
    }
}
