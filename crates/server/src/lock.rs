//! One platform, one data directory.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use anyhow::Context;
use rustix::fs::{FlockOperation, flock};

/// Holds the data directory for as long as it lives; the system lets go of it when the process ends, however.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Why the data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    #[error("data_dir {} cannot be written: {source}", dir.display())]
    NotWritable { dir: PathBuf, source: std::io::Error },
    #[error("data_dir {} is in use by another platform, process {pid}: stop it, or choose another data_dir", dir.display())]
    InUse { dir: PathBuf, pid: String },
}

//= docs/contract.md#one-platform
//# A second platform on the same `data_dir` MUST refuse to start and name the first's process id.
pub(crate) fn take(dir: &Path) -> Result<Lock, LockError> {
    let not_writable = |source| LockError::NotWritable { dir: dir.to_owned(), source };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(not_writable)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let mut file = options.open(dir.join("lock")).map_err(not_writable)?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        let mut pid = String::new();
        file.read_to_string(&mut pid).map_err(not_writable)?;
        return Err(LockError::InUse { dir: dir.to_owned(), pid: pid.trim().to_owned() });
    }
    write_pid(&mut file).map_err(not_writable)?;
    Ok(Lock { _file: file })
}

/// The process that holds the data directory, if one does.
pub(crate) fn holder(dir: &Path) -> std::io::Result<Option<u32>> {
    let mut file = match File::open(dir.join("lock")) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if flock(&file, FlockOperation::NonBlockingLockShared).is_ok() {
        return Ok(None);
    }
    let mut pid = String::new();
    file.read_to_string(&mut pid)?;
    Ok(pid.trim().parse().ok())
}

/// The same, and a failure that names the directory.
pub(crate) fn platform(dir: &Path) -> anyhow::Result<Option<u32>> {
    holder(dir).with_context(|| format!("data_dir {} cannot be read", dir.display()))
}

fn write_pid(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_platform_is_refused_and_told_who_is_first() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(holder(dir.path()).unwrap(), None);
        let held = take(dir.path()).unwrap();
        assert_eq!(holder(dir.path()).unwrap(), Some(std::process::id()));
        let refused = take(dir.path()).unwrap_err().to_string();
        assert!(refused.contains(&std::process::id().to_string()), "{refused}");
        drop(held);
        assert_eq!(holder(dir.path()).unwrap(), None);
        take(dir.path()).unwrap();
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let below = file.path().join("data");
        let refused = take(&below).unwrap_err().to_string();
        assert!(refused.contains(&below.display().to_string()), "{refused}");
    }
}
