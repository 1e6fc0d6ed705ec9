//! Snapshots that belong to a test, and were reviewed.

use crate::{tidy::Fault, workspace::File};

pub(super) fn check(files: &[File]) -> Vec<Fault> {
    files.iter().filter_map(|file| fault(file, files)).collect()
}

fn fault(file: &File, files: &[File]) -> Option<Fault> {
    if file.path.ends_with(".snap.new") || file.path.ends_with(".pending-snap") {
        return Some(Fault::new(&file.path, "an unreviewed snapshot: accept or delete it"));
    }
    if !file.path.ends_with(".snap") {
        return None;
    }
    let Some(source) = source(&file.text) else {
        return Some(Fault::new(&file.path, "a snapshot that does not name its source"));
    };
    let Some(test) = files.iter().find(|file| file.path.ends_with(source)) else {
        return Some(Fault::new(&file.path, format!("an orphan: {source} is gone")));
    };
    // A suite may name its snapshots in one file and compare them in another.
    let suite = test.path.trim_end_matches("main.rs").trim_end_matches(".rs");
    let name = name(&file.path);
    let mut texts = files.iter().filter(|file| file.is_rust() && file.path.starts_with(suite));
    let is_there = texts.any(|file| file.text.contains(name));
    (!is_there).then(|| Fault::new(&file.path, format!("an orphan: no `{name}` beside {source}")))
}

/// The test's file, as the snapshot's head names it.
pub(crate) fn source(snapshot: &str) -> Option<&str> {
    let head = snapshot.split("\n---\n").next()?;
    head.lines().find_map(|line| line.strip_prefix("source: ")).map(|path| path.trim_matches('"'))
}

/// The name that a test gave: the end of the file's, without the number of a repeated one.
fn name(path: &str) -> &str {
    let file = path.rsplit('/').next().unwrap_or(path);
    let whole = file.trim_end_matches(".snap");
    let own = whole.rsplit("__").next().unwrap_or(whole);
    let own = own.split('@').next().unwrap_or(own);
    match own.rsplit_once('-') {
        Some((name, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_without_its_test_is_an_orphan() {
        let file = |path: &str, text: &str| File { path: path.to_owned(), text: text.to_owned() };
        let test = file("crates/x/src/a.rs", "fn the_table_is_right() {}");
        let head = "---\nsource: crates/x/src/a.rs\nexpression: table\n---\n";
        let good = file("crates/x/src/snapshots/x__a__tests__the_table_is_right-2.snap", head);
        let orphan = file("crates/x/src/snapshots/x__a__tests__the_table_was_right.snap", head);
        let fresh = file("crates/x/src/snapshots/x__new.snap.new", "");
        let files = [test, good, orphan, fresh];
        let found: Vec<_> = check(&files).into_iter().map(|fault| fault.place).collect();
        assert_eq!(found, [files[2].path.clone(), files[3].path.clone()]);
    }
}
