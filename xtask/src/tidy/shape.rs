//! Lengths and beginnings of files.

use std::collections::BTreeMap;

use crate::{tidy::Fault, workspace::File};

/// Lines of a file, tests aside.
const FILE: usize = 400;
/// Lines of a crate, tests aside.
const CRATE: usize = 2_500;
/// What a longer file says of itself.
const OVERRIDE: &str = "// Longer than the budget:";

pub(super) fn check(file: &File) -> Vec<Fault> {
    if !file.is_rust() || is_input(&file.path) {
        return Vec::new();
    }
    let mut faults = Vec::new();
    let lines = lines(file);
    if lines > FILE && !file.text.contains(OVERRIDE) {
        faults.push(Fault::new(&file.path, format!("{lines} lines, and the budget is {FILE}")));
    }
    if !begins_with_a_sentence(&file.text) {
        faults.push(Fault::new(
            &file.path,
            "no module doc whose first paragraph ends with a full stop",
        ));
    }
    faults
}

/// What the suites feed to the compiler is written as users write it.
fn is_input(path: &str) -> bool {
    path.starts_with("tests/ui/") || path.starts_with("tests/expand/") && path.contains("/input")
}

/// Lines without inline tests; none for a file that is all test.
fn lines(file: &File) -> usize {
    if file.is_beside_the_product() {
        return 0;
    }
    let product = file.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    product.lines().count()
}

fn begins_with_a_sentence(text: &str) -> bool {
    let doc = text.lines().map_while(|line| line.strip_prefix("//!"));
    let first: Vec<_> = doc.map(str::trim).take_while(|line| !line.is_empty()).collect();
    first.last().is_some_and(|line| line.ends_with(['.', ':', '?']))
}

/// Crates that hold too much.
pub(super) fn crates(files: &[File]) -> Vec<Fault> {
    let mut sizes = BTreeMap::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        if let Some((name, _)) =
            file.path.strip_prefix("crates/").and_then(|path| path.split_once("/src/"))
        {
            *sizes.entry(name).or_insert(0) += lines(file);
        }
    }
    sizes.retain(|name, size| *size > CRATE && !is_excused(files, name));
    let fault = |(name, size)| {
        Fault::new(
            format!("crates/{name}"),
            format!("{size} lines, and a crate's budget is {CRATE}"),
        )
    };
    sizes.into_iter().map(fault).collect()
}

/// Whether a crate's manifest says why it is longer.
fn is_excused(files: &[File], name: &str) -> bool {
    let path = format!("crates/{name}/Cargo.toml");
    files.iter().any(|file| file.path == path && file.text.contains("\nlonger-because = \""))
}
