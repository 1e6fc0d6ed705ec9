//! What every member's manifest says.

use crate::{tidy::Fault, workspace::File};

/// Lines that a member's manifest must have, each with the section that it stands in.
const WANTED: [(&str, &str); 4] = [
    ("[lints]", "workspace = true"),
    ("[package.metadata.fal]", "floor = "),
    ("[package]", "license.workspace = true"),
    ("[package]", "description = "),
];

pub(super) fn check(files: &[File]) -> Vec<Fault> {
    let members = files.iter().filter(|file| is_member(&file.path));
    members.flat_map(faults).collect()
}

/// `crates/NAME/Cargo.toml`, and those of `xtask` and `tests`.
fn is_member(path: &str) -> bool {
    let parts: Vec<_> = path.split('/').collect();
    matches!(parts.as_slice(), ["crates", _, "Cargo.toml"] | ["xtask" | "tests", "Cargo.toml"])
}

fn faults(manifest: &File) -> Vec<Fault> {
    let lacks = |(section, line): &(&str, &str)| !has(&manifest.text, section, line);
    let fault = |(section, line): (&str, &str)| {
        Fault::new(&manifest.path, format!("no `{line}` in `{section}`"))
    };
    WANTED.into_iter().filter(lacks).map(fault).collect()
}

fn has(text: &str, section: &str, wanted: &str) -> bool {
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with('[') {
            inside = line.trim() == section;
        } else if inside && line.starts_with(wanted) {
            return true;
        }
    }
    false
}
