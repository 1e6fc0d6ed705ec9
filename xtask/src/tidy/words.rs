//! Words that must not be in the project, and links that must lead somewhere.

use std::collections::BTreeSet;

use crate::{tidy::Fault, workspace::File};

/// Each word in two halves, since this file is searched too.
const WORDS: [([&str; 2], &str); 8] = [
    (["/wo", "rk/"], "a path of one machine"),
    (["/fa", "rm/"], "a path of one machine"),
    (["index.crates", ".io"], "a registry's host: the client's configuration knows it"),
    (["pypi", ".org"], "a registry's host: the client's configuration knows it"),
    (["registry.npm", "js"], "a registry's host: the client's configuration knows it"),
    (["deb.debian", ".org"], "a registry's host: the client's configuration knows it"),
    (["#[igno", "re"], "an ignored test: say that it is skipped, and why, at run time"),
    (["#[should_", "panic"], "a test that passes by any panic: assert the result"),
];

pub(super) fn check(file: &File) -> Vec<Fault> {
    let mut faults = Vec::new();
    for ([head, tail], why) in WORDS {
        let word = [head, tail].concat();
        if file.text.contains(&word) {
            faults.push(Fault::new(&file.path, format!("`{word}` is {why}")));
        }
    }
    faults
}

/// Links of the documents to files that are not there.
pub(super) fn links(files: &[File]) -> Vec<Fault> {
    let known = known(files);
    let documents = files.iter().filter(|file| file.path.ends_with(".md"));
    documents.flat_map(|file| dead(file, &known)).collect()
}

/// Every file and every folder.
fn known(files: &[File]) -> BTreeSet<&str> {
    let mut known = BTreeSet::new();
    for file in files {
        known.insert(file.path.as_str());
        known.extend(file.path.match_indices('/').filter_map(|(at, _)| file.path.get(..at)));
    }
    known
}

fn dead(file: &File, known: &BTreeSet<&str>) -> Vec<Fault> {
    let dir = file.path.rsplit_once('/').map_or("", |(dir, _)| dir);
    let targets = file.text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets
        .map(|target| target.split('#').next().unwrap_or_default())
        .filter(|target| !target.is_empty() && !target.contains("://") && !target.contains(' '))
        .filter(|target| !known.contains(resolve(dir, target).as_str()))
        .map(|target| Fault::new(&file.path, format!("the link to `{target}` leads nowhere")))
        .collect()
}

fn resolve(dir: &str, target: &str) -> String {
    let mut parts: Vec<_> = dir.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// The app in the README is the example `hello`, from which lines may be left out and none invented.
pub(super) fn readme(files: &[File]) -> Vec<Fault> {
    let text =
        |path: &str| files.iter().find(|file| file.path == path).map(|file| file.text.as_str());
    let readme = text("README.md").unwrap_or_default();
    let mut example = text("crates/app/examples/hello.rs").unwrap_or_default().lines();
    let app = readme.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next());
    let Some(app) = app else { return vec![Fault::new("README.md", "shows no app in Rust")] };
    let invented = app.lines().find(|line| !example.any(|known| known == *line));
    let fault = |line| {
        Fault::new("README.md", format!("`{line}` is not in the example hello, or not there"))
    };
    invented.map(fault).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_link_is_found() {
        let file = |path: &str, text: &str| File { path: path.to_owned(), text: text.to_owned() };
        let text =
            "[a](../README.md#x) [b](gone.md) [c](https://example.com) [d](#here) [e](decisions)";
        let files =
            [file("README.md", ""), file("docs/decisions/1.md", ""), file("docs/a.md", text)];
        assert_eq!(links(&files), [Fault::new("docs/a.md", "the link to `gone.md` leads nowhere")]);
    }
}
