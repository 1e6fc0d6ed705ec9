//! Names of files and folders.

use std::fs;

use anyhow::Result;

use crate::{
    tidy::Fault,
    workspace::{self, File},
};

const TOP: [&str; 9] = [
    "Cargo.toml",
    "Cargo.lock",
    "crates",
    "xtask",
    "tests",
    "docs",
    "README.md",
    "target",
    "weights",
];

/// Names that say nothing of what is inside.
const EMPTY: [&str; 6] = ["util", "utils", "common", "helpers", "misc", "manager"];

/// What lies in the root folder and has no business there.
pub(super) fn top_level() -> Result<Vec<Fault>> {
    let mut faults = Vec::new();
    for entry in fs::read_dir(workspace::root())? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && !TOP.contains(&name.as_str()) {
            faults.push(Fault::new(name, "does not belong in the top level"));
        }
    }
    Ok(faults)
}

pub(super) fn check(file: &File) -> Vec<Fault> {
    let mut faults = Vec::new();
    if file.path.ends_with("/mod.rs") {
        faults.push(Fault::new(&file.path, "mod.rs: write NAME.rs beside NAME/"));
    }
    let bare = |part: &str| part.trim_end_matches(".rs").to_owned();
    if let Some(name) = file.path.split('/').map(bare).find(|name| EMPTY.contains(&name.as_str())) {
        faults.push(Fault::new(
            &file.path,
            format!("the name `{name}` says nothing of what is inside"),
        ));
    }
    faults
}
