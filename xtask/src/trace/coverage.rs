//! Which files cite which clause, as a text that a person can review.

use std::collections::BTreeSet;

use super::{Citation, Clauses, Kind};

pub(super) fn render(clauses: &Clauses, citations: &[Citation]) -> String {
    let mut text =
        "# Written by `cargo xtask trace --write`: each clause, and the files that cite it.\n"
            .to_owned();
    for (name, words) in clauses {
        let musts = words.matches("MUST").count();
        text.push_str(&format!("\n{name} ({musts} MUST)\n"));
        for (word, kind) in [
            ("code", Kind::Code),
            ("test", Kind::Test),
            ("implication", Kind::Implication),
            ("exception", Kind::Exception),
        ] {
            let of_kind =
                citations.iter().filter(|cited| cited.clause == *name && cited.kind == kind);
            let files: BTreeSet<_> = of_kind.map(|cited| cited.file.as_str()).collect();
            for file in files {
                text.push_str(&format!("  {word} {file}\n"));
            }
        }
    }
    text
}
