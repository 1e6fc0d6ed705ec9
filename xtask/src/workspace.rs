//! Where things lie, and reading them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// What is made by building and running, and belongs to no rule.
const MADE: [&str; 6] = [".git", "target", ".fal", "weights", "__pycache__", "node_modules"];

/// The workspace's root folder.
pub(crate) fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    let named = crate::cmd::variable("CARGO_TARGET_DIR").map(PathBuf::from);
    named.map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// Where the commands keep what they make.
pub(crate) fn made() -> PathBuf {
    target().join("xtask")
}

/// A text file of the project.
#[derive(Debug)]
pub(crate) struct File {
    /// Its path from the root, with slashes.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Its name without folders and ending.
    pub(crate) fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or(&self.path);
        name.split('.').next().unwrap_or(name)
    }

    /// Whether all of it is test, bench or example.
    pub(crate) fn is_beside_the_product(&self) -> bool {
        let mut parts = self.path.split('/');
        self.path.starts_with("tests/")
            || self.stem() == "tests"
            || parts.any(|part| matches!(part, "tests" | "benches" | "examples"))
    }
}

/// Every text file of the project, in the order of their paths.
pub(crate) fn files() -> Result<Vec<File>> {
    let mut found = Vec::new();
    collect(root(), &mut found)?;
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn collect(dir: &Path, found: &mut Vec<File>) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("{} cannot be read", dir.display()))? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        if MADE.iter().any(|made| name == *made) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            collect(&path, found)?;
            continue;
        }
        // What is not text, or went away while we looked, has no lines to check.
        if let Ok(text) = fs::read_to_string(&path) {
            let path = path.strip_prefix(root()).unwrap_or(&path).to_string_lossy().into_owned();
            found.push(File { path, text });
        }
    }
    Ok(())
}

/// Writes a file whose folder may not exist yet.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).with_context(|| format!("{} cannot be made", dir.display()))?;
    }
    fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}
