//! Rules of the house that no compiler knows.
//!
//! Clippy holds functions to 60 lines; everything here is about files, names, manifests and words. A budget is a
//! smoke alarm: a file that is better long says so in a line `// Longer than the budget: REASON`, and a crate in its
//! manifest, as `longer-because` under `[package.metadata.fal]`.

use anyhow::{Result, bail};

use crate::{
    flags::Flags,
    say,
    workspace::{self, File},
};

mod manifests;
mod names;
mod shape;
mod snapshots;
mod words;

pub(crate) const HELP: &str = "
cargo xtask tidy

Checks what no compiler knows, and lists every fault:
  top level   only Cargo.toml, Cargo.lock, crates, xtask, tests, docs, README.md and dot files
  manifests   every member has `[lints] workspace = true`, a floor, and its description
  shape       files of at most 400 lines and crates of at most 2,500, tests aside; a module doc first
  names       no mod.rs; no util, common, helpers, misc or manager
  snapshots   none without its test, none left unreviewed; diagrams in docs/ are those of the tests
  words       no registry hosts, no paths of one machine, no ignored tests, no dead links in the docs;
              the app in the README is the example hello";

/// Something that is not as the rules want it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) place: String,
    pub(crate) what: String,
}

impl Fault {
    pub(crate) fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

pub(crate) fn run(flags: Flags) -> Result<()> {
    flags.finish()?;
    report("tidy", &faults()?)
}

/// Prints faults, and fails if there are any.
pub(crate) fn report(command: &str, faults: &[Fault]) -> Result<()> {
    for fault in faults {
        say::line(fault);
    }
    if !faults.is_empty() {
        bail!("{command}: {} faults", faults.len());
    }
    say::note(format_args!("{command}: nothing to complain about"));
    Ok(())
}

/// Everything that is wrong.
pub(crate) fn faults() -> Result<Vec<Fault>> {
    let files = workspace::files()?;
    let mut faults = names::top_level()?;
    faults.extend(manifests::check(&files));
    faults.extend(shape::crates(&files));
    faults.extend(snapshots::check(&files));
    faults.extend(crate::diagrams::stale(&files));
    for file in &files {
        faults.extend(file_faults(file));
    }
    faults.extend(words::links(&files));
    faults.extend(words::readme(&files));
    Ok(faults)
}

fn file_faults(file: &File) -> Vec<Fault> {
    let mut faults = names::check(file);
    faults.extend(shape::check(file));
    faults.extend(words::check(file));
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_project_is_tidy() {
        let faults: Vec<_> = faults().unwrap().iter().map(ToString::to_string).collect();
        assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
    }

    #[test]
    fn each_rule_finds_its_fault() {
        let file = |path: &str, text: &str| File { path: path.to_owned(), text: text.to_owned() };
        let long = format!("//! Long.\n{}", "fn f() {}\n".repeat(500));
        for (file, wanted) in [
            (file("crates/x/src/util.rs", "//! Things.\n"), "name"),
            (file("crates/x/src/a/mod.rs", "//! Things.\n"), "mod.rs"),
            (file("crates/x/src/a.rs", "fn f() {}\n"), "module doc"),
            (file("crates/x/src/a.rs", &long), "lines"),
            (file("docs/a.md", concat!("see /wo", "rk/main\n")), "machine"),
            (file("tests/a.rs", concat!("//! A.\n#[igno", "re]\n")), "ignored"),
        ] {
            let faults = file_faults(&file);
            assert!(faults.iter().any(|fault| fault.what.contains(wanted)), "{wanted}: {faults:?}");
        }
        assert_eq!(file_faults(&file("crates/x/src/a.rs", "//! Good.\n")), []);
    }
}
