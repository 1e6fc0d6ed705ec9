//! Copies of a store that is in use.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use fal_queue::store::Error;
use rusqlite::{
    Connection,
    backup::{Backup, StepResult},
};

use crate::{
    bodies::{self, Filed},
    error::{Failure, Result, failure},
    health, open, schema,
};

/// What a copy holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackupReport {
    /// Requests, in whatever state.
    pub requests: u64,
    /// The size of the database, in bytes.
    pub bytes: u64,
    /// Bodies that lie in files of their own.
    pub bodies: u64,
    /// Their size, in bytes.
    pub body_bytes: u64,
}

/// Copies the store in the file `from` to the new file `to`, with its large bodies.
///
/// The copy is one moment of the store, opens as a store, and is whole and flushed when this
/// returns; until then nothing lies at `to`. The store may be in use meanwhile, also by another
/// process: commits go on, and what they append to the log is kept there until the copy is made,
/// so the log grows for so long.
///
/// # Errors
/// [`Error::Misuse`] where there is something at `to` already, [`Error::Corrupt`] where `from` is no
/// store or is damaged, [`Error::NewerSchema`] where a later version wrote it, [`Error::Full`] where
/// there is no room for the copy, and the others as [`Error`] says.
pub fn backup(from: &Path, to: &Path) -> std::result::Result<BackupReport, Error> {
    let part = Part::new(to)?;
    // From here on the store removes no body that the copy may name.
    let _lock = lock(&bodies::folder(from))?;
    let (requests, filed) = copy(from, &part.database)?;
    let mut report = BackupReport { requests, bytes: 0, bodies: 0, body_bytes: 0 };
    bodies::create(&part.bodies)?;
    for filed in filed {
        let (from, to) = (bodies::folder(from).join(&filed.name), part.bodies.join(&filed.name));
        copy_body(&from, &to, &filed)?;
        report.bodies += 1;
        report.body_bytes += filed.size;
    }
    bodies::flush(&part.bodies)?;
    report.bytes = part.finish(to)?;
    Ok(report)
}

/// A copy that is being made. Dropped before it is finished, it is removed.
struct Part {
    database: PathBuf,
    bodies: PathBuf,
    is_finished: bool,
}

impl Part {
    fn new(to: &Path) -> Result<Self> {
        let bodies = bodies::folder(to);
        for taken in [to, &bodies] {
            if fs::symlink_metadata(taken).is_ok() {
                let text = format!("there is something at {} already", taken.display());
                return Err(Failure(Error::Misuse(text)));
            }
        }
        let database = beside(to, ".part");
        // What a backup left that was killed.
        let _absent = fs::remove_file(&database);
        let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&database);
        created.map_err(|error| failure("create", &database, &error))?;
        Ok(Self { database, bodies, is_finished: false })
    }

    /// Gives the copy its name, and returns its size.
    fn finish(mut self, to: &Path) -> Result<u64> {
        let finish = || {
            let file = File::open(&self.database)?;
            file.sync_all()?;
            fs::rename(&self.database, to)?;
            Ok(file.metadata()?.len())
        };
        let bytes = finish().map_err(|error: io::Error| failure("finish", to, &error))?;
        self.is_finished = true;
        bodies::flush(bodies::parent(to))?;
        Ok(bytes)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.is_finished {
            for end in ["", "-wal", "-shm", "-journal"] {
                let _absent = fs::remove_file(beside(&self.database, end));
            }
            let _absent = fs::remove_dir_all(&self.bodies);
        }
    }
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// The folder of the bodies, so that the store removes none of them. An older version has none.
fn lock(folder: &Path) -> Result<Option<File>> {
    let lock = || {
        let folder = File::open(folder)?;
        folder.lock_shared()?;
        Ok::<_, io::Error>(folder)
    };
    match lock() {
        Ok(folder) => Ok(Some(folder)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failure("lock", folder, &error)),
    }
}

/// Copies the database, checks the copy, and returns how many requests it has, and the bodies that
/// it names.
fn copy(from: &Path, to: &Path) -> Result<(u64, Vec<Filed>)> {
    if !fs::exists(from).map_err(|error| failure("read", from, &error))? {
        return Err(Failure::corrupt(format!("there is no store at {}", from.display())));
    }
    let source = open::read_only(from)?;
    let schema = schema::check(&source)?;
    if schema == 0 {
        return Err(Failure::corrupt(format!("{} is empty", from.display())));
    }
    let mut copy = Connection::open(to)?;
    let backup = Backup::new(&source, &mut copy)?;
    // In one step: a copy in several begins anew whenever the store has changed in between.
    let result = backup.step(-1)?;
    if !matches!(result, StepResult::Done) {
        let text = format!("the copy of {} has stopped: {result:?}", from.display());
        return Err(Failure(Error::Locked(text)));
    }
    drop(backup);
    health::check_pages(&copy, to)?;
    let count = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
    let requests = copy.query_row("SELECT count(*) FROM requests", [], count)?;
    Ok((requests.unsigned_abs(), named(&copy, schema)?))
}

fn named(copy: &Connection, schema: u32) -> Result<Vec<Filed>> {
    let mut named = Vec::new();
    if schema >= schema::WITH_FILES {
        let mut statement = copy.prepare(bodies::ALL)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            named.extend(Filed::read(row, 0)?);
        }
    }
    Ok(named)
}

fn copy_body(from: &Path, to: &Path, filed: &Filed) -> Result<()> {
    let mut source = File::open(from).map_err(|error| {
        let is_missing = error.kind() == ErrorKind::NotFound;
        let missing = || Failure::corrupt(format!("the body in {} is missing", from.display()));
        if is_missing { missing() } else { failure("read", from, &error) }
    })?;
    let mut write = || {
        let mut copy = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
        let size = io::copy(&mut source, &mut copy)?;
        copy.sync_all()?;
        Ok(size)
    };
    let size = write().map_err(|error: io::Error| failure("write", to, &error))?;
    if size == filed.size {
        return Ok(());
    }
    let text = format!("the body in {} has {size} bytes, not {}", from.display(), filed.size);
    Err(Failure::corrupt(text))
}
