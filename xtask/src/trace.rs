//! Every promise of the contract has code that keeps it and a test that proves it.
//!
//! A citation is a line `//= docs/contract.md#CLAUSE`, perhaps `//= type=test` and `//= reason=...`, then lines `//#`
//! with words of the clause. `docs/contract.coverage` says which files cite which clause.

use std::{collections::BTreeMap, fs};

use anyhow::{Context, Result};

use crate::{
    flags::Flags,
    say,
    tidy::{self, Fault},
    workspace,
};

mod citation;
mod coverage;

use citation::{Citation, Kind};

pub(crate) const HELP: &str = "
cargo xtask trace [--write]

Compares the citations in code and tests with docs/contract.md:
  each names a clause that there is, and quotes words that stand in it
  each clause with a MUST has a citation in code and one in a test,
  or one of `type=implication` or `type=exception` with a reason
  docs/contract.coverage is what the citations say; --write makes it so

A citation in code, above what keeps the promise, and in a test (which has the second line too):
  | //= docs/contract.md#status-503
  | //= type=test
  | //# A 503 MUST end its runner at once";

/// Where the contract lies.
const CONTRACT: &str = "docs/contract.md";
const COVERAGE: &str = "docs/contract.coverage";

/// The clauses by their names, white space folded.
type Clauses = BTreeMap<String, String>;

pub(crate) fn run(mut flags: Flags) -> Result<()> {
    let write = flags.switch("--write");
    flags.finish()?;
    let (clauses, citations) = read()?;
    if write {
        workspace::write(
            &workspace::root().join(COVERAGE),
            &coverage::render(&clauses, &citations),
        )?;
        say::note(format_args!("{COVERAGE} is written"));
    }
    tidy::report("trace", &faults()?)
}

pub(crate) fn faults() -> Result<Vec<Fault>> {
    let (clauses, citations) = read()?;
    let mut faults = judge(&clauses, &citations);
    // A file that is not there covers nothing.
    let kept = fs::read_to_string(workspace::root().join(COVERAGE)).unwrap_or_default();
    if kept != coverage::render(&clauses, &citations) {
        faults.push(Fault::new(
            COVERAGE,
            "is not what the citations say: `cargo xtask trace --write`",
        ));
    }
    Ok(faults)
}

fn read() -> Result<(Clauses, Vec<Citation>)> {
    let text = fs::read_to_string(workspace::root().join(CONTRACT))
        .with_context(|| format!("{CONTRACT} cannot be read"))?;
    let files = workspace::files()?;
    let cited = files.iter().filter(|file| file.is_rust() || file.path.ends_with(".py"));
    Ok((clauses(&text), cited.flat_map(citation::find).collect()))
}

/// What stands under each heading of the third level.
fn clauses(text: &str) -> Clauses {
    let mut clauses = Clauses::new();
    let mut open: Option<&mut String> = None;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("### ") {
            open = Some(clauses.entry(name.trim().to_owned()).or_default());
        } else if line.starts_with('#') {
            open = None;
        } else if let Some(text) = open.as_deref_mut() {
            citation::fold_onto(text, line);
        }
    }
    clauses
}

fn judge(clauses: &Clauses, citations: &[Citation]) -> Vec<Fault> {
    let mut faults: Vec<_> =
        citations.iter().filter_map(|citation| misquoted(clauses, citation)).collect();
    for (name, _) in clauses.iter().filter(|(_, text)| text.contains("MUST")) {
        let has =
            |kind: Kind| citations.iter().any(|cited| cited.clause == *name && cited.kind == kind);
        if has(Kind::Implication) || has(Kind::Exception) {
            continue;
        }
        let place = format!("{CONTRACT}#{name}");
        if !has(Kind::Code) {
            faults.push(Fault::new(&place, "no code cites it"));
        }
        if !has(Kind::Test) {
            faults.push(Fault::new(&place, "no test cites it"));
        }
    }
    faults
}

fn misquoted(clauses: &Clauses, citation: &Citation) -> Option<Fault> {
    let fault = |what: String| Some(Fault::new(&citation.place, what));
    let Some(text) = clauses.get(&citation.clause) else {
        return fault(format!("there is no clause `{}`", citation.clause));
    };
    if citation.kind == Kind::Unknown {
        return fault("a type is `test`, `implication` or `exception`".to_owned());
    }
    if matches!(citation.kind, Kind::Implication | Kind::Exception) && !citation.has_reason {
        return fault("an implication or exception gives its reason".to_owned());
    }
    if citation.quote.is_empty() && citation.kind != Kind::Exception {
        return fault("a citation quotes what it is about".to_owned());
    }
    if !text.contains(&citation.quote) {
        return fault(format!("`{}` does not say `{}`", citation.clause, citation.quote));
    }
    None
}

#[cfg(test)]
mod tests;
