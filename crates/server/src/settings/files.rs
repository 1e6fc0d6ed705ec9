//! The files that a command names, so that a change of one can be seen.

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use fal_node::Stamp;

use crate::describe;

/// The program, and every other word that names a file from `cwd`: a script is a word of its interpreter's command.
pub(crate) fn named(command: &[String], cwd: &Path) -> Vec<Stamp> {
    let Some((program, arguments)) = command.split_first() else { return Vec::new() };
    let arguments = arguments.iter().map(|word| cwd.join(word));
    describe::find(program, cwd).into_iter().chain(arguments).filter_map(stamp).collect()
}

fn stamp(path: PathBuf) -> Option<Stamp> {
    let found = path.metadata().ok().filter(std::fs::Metadata::is_file)?;
    let modified = (found.mtime(), found.mtime_nsec());
    Some(Stamp { path, modified, size: found.len(), inode: found.ino() })
}
