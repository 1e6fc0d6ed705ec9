//! Large bodies: files beside the database.
//!
//! A body's file is written and flushed before the row that names it is committed, and removed
//! after the row is gone. So a crash in between leaves at most files that no row names, which are
//! removed when the store is opened.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, ErrorKind, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use fal_queue::store::Error;
use fal_types::RequestId;
use rusqlite::Connection;

use crate::error::{Failure, Result, failure};

/// The largest body that lies in its row.
pub(crate) const INLINE: usize = 1024 * 1024;

/// A body that lies in a file of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filed {
    pub(crate) name: String,
    pub(crate) size: u64,
}

impl Filed {
    /// What the columns `file` and `size` of a row say.
    pub(crate) fn read(row: &rusqlite::Row<'_>, at: usize) -> Result<Option<Self>> {
        let Some(name) = row.get::<_, Option<String>>(at)? else { return Ok(None) };
        Ok(Some(Self { name, size: row.get::<_, i64>(at + 1)?.unsigned_abs() }))
    }

    /// The columns `file` and `size` of a row.
    pub(crate) fn columns(filed: Option<Self>) -> (Option<String>, Option<i64>) {
        filed.map(|filed| (filed.name, filed.size.cast_signed())).unzip()
    }
}

/// The folder, and what the batch under way does in it.
#[derive(Debug)]
pub(crate) struct Bodies {
    folder: PathBuf,
    /// The last part of the next name, so that no name comes twice, whatever a batch is called.
    unique: u64,
    /// Files that the batch under way has written.
    written: Vec<String>,
    /// Files of rows that the batch under way has removed.
    doomed: Vec<String>,
    /// Files that nothing names any more and that could not be removed so far.
    left: Vec<String>,
}

/// The folder that belongs to a database.
pub(crate) fn folder(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-bodies");
    name.into()
}

/// Reads the body that a row names.
pub(crate) fn read(folder: &Path, filed: &Filed) -> Result<Vec<u8>> {
    let path = folder.join(&filed.name);
    let broken = |what: &dyn std::fmt::Display| {
        let text = format!("the body in {} {what}: restore it from a backup", path.display());
        Failure(Error::Corrupt(text))
    };
    let mut file = File::open(&path).map_err(|error| {
        let is_missing = error.kind() == ErrorKind::NotFound;
        if is_missing { broken(&"is missing") } else { failure("read", &path, &error) }
    })?;
    let found = file.metadata().map_err(|error| failure("read", &path, &error))?.len();
    if found != filed.size {
        return Err(broken(&format_args!("has {found} bytes instead of {}", filed.size)));
    }
    let mut body = Vec::with_capacity(usize::try_from(found).unwrap_or(0));
    file.read_to_end(&mut body).map_err(|error| failure("read", &path, &error))?;
    Ok(body)
}

/// Flushes the names in a folder.
pub(crate) fn flush(folder: &Path) -> Result<()> {
    let flushed = File::open(folder).and_then(|folder| folder.sync_all());
    flushed.map_err(|error| failure("flush", folder, &error))
}

/// Creates a folder that only its owner may enter, where there is none.
pub(crate) fn create(folder: &Path) -> Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => flush(parent(folder)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failure("create", folder, &error)),
    }
}

/// The folder that a path lies in.
pub(crate) fn parent(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

impl Bodies {
    /// The bodies of a database, less those files that it does not name.
    pub(crate) fn open(database: &Path, connection: &Connection) -> Result<Self> {
        let folder = folder(database);
        create(&folder)?;
        let unique = connection.query_row("SELECT random()", [], |row| row.get::<_, i64>(0))?;
        let mut bodies = Self {
            folder,
            unique: unique.cast_unsigned(),
            written: Vec::new(),
            doomed: Vec::new(),
            left: Vec::new(),
        };
        // Whoever writes a body holds the database until its row is committed. While it is held
        // here, every file without a row is of somebody who died.
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let found = orphans(&bodies.folder, connection);
        if let Ok(found) = &found {
            bodies.left.clone_from(found);
            bodies.clear();
        }
        connection.execute_batch("ROLLBACK")?;
        found.map(|_| bodies)
    }

    /// Writes a body that is too large for a row, for the batch under way.
    pub(crate) fn keep(&mut self, request: RequestId, body: &[u8]) -> Result<Option<Filed>> {
        if body.len() <= INLINE {
            return Ok(None);
        }
        let filed = self.name(request, u64::try_from(body.len()).unwrap_or(u64::MAX));
        let path = self.folder.join(&filed.name);
        // Named before it exists: a write that fails leaves a part, which goes with the batch.
        self.written.push(filed.name.clone());
        let write = || {
            let mut file =
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(body)?;
            file.sync_all()
        };
        write().map_err(|error| failure("write", &path, &error))?;
        Ok(Some(filed))
    }

    /// The same body for another request, for the batch under way.
    pub(crate) fn copy(&mut self, from: &Filed, request: RequestId) -> Result<Filed> {
        let filed = self.name(request, from.size);
        let (from, path) = (self.folder.join(&from.name), self.folder.join(&filed.name));
        self.written.push(filed.name.clone());
        link(&from, &path).map_err(|error| failure("copy", &from, &error))?;
        Ok(filed)
    }

    fn name(&mut self, request: RequestId, size: u64) -> Filed {
        self.unique = self.unique.wrapping_add(1);
        Filed { name: format!("{:032x}-{:016x}", request.bits(), self.unique), size }
    }

    pub(crate) fn read(&self, filed: &Filed) -> Result<Vec<u8>> {
        read(&self.folder, filed)
    }

    /// Nothing names this file any more once the batch under way is durable.
    pub(crate) fn doom(&mut self, name: String) {
        self.doomed.push(name);
    }

    /// Makes the names of what the batch has written durable, before its rows are.
    pub(crate) fn flush(&self) -> Result<()> {
        if self.written.is_empty() { Ok(()) } else { flush(&self.folder) }
    }

    /// The batch is kept.
    pub(crate) fn kept(&mut self) {
        self.written.clear();
        self.left.append(&mut self.doomed);
        self.clear();
    }

    /// Nothing of the batch has happened.
    pub(crate) fn undone(&mut self) {
        self.doomed.clear();
        self.left.append(&mut self.written);
        self.clear();
    }

    /// Removes what nothing names any more, unless a backup is copying: then it is left to the next
    /// commit.
    fn clear(&mut self) {
        if self.left.is_empty() {
            return;
        }
        let Ok(folder) = File::open(&self.folder) else { return };
        if folder.try_lock().is_err() {
            return;
        }
        self.left.retain(|name| match fs::remove_file(self.folder.join(name)) {
            Ok(()) => false,
            Err(error) => error.kind() != ErrorKind::NotFound,
        });
    }
}

/// A second name for a file, or, where the file system has no such thing, a second file.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    if fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    let mut copy = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    io::copy(&mut File::open(from)?, &mut copy)?;
    copy.sync_all()
}

/// The files that no row names: what a crash left between writing one and committing its row, or
/// between committing the removal of a row and removing its file.
fn orphans(folder: &Path, connection: &Connection) -> Result<Vec<String>> {
    let failed = |error: io::Error| failure("read", folder, &error);
    let mut orphans = Vec::new();
    let mut named = connection.prepare(NAMED)?;
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        // A name that is no text is none of ours, and neither is a folder.
        let Ok(name) = entry.file_name().into_string() else { continue };
        let is_file = entry.file_type().map_err(failed)?.is_file();
        if is_file && !named.exists([&name])? {
            orphans.push(name);
        }
    }
    Ok(orphans)
}

/// Whether a row names this file.
pub(crate) const NAMED: &str = "
    SELECT 1 FROM contents INDEXED BY content_files WHERE file = ?1
    UNION ALL SELECT 1 FROM records INDEXED BY record_files WHERE file = ?1";

/// Every file that a row names.
pub(crate) const ALL: &str = "
    SELECT file, size FROM contents INDEXED BY content_files WHERE file IS NOT NULL
    UNION ALL SELECT file, size FROM records INDEXED BY record_files WHERE file IS NOT NULL";
