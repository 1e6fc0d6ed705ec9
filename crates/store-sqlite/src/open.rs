//! Opening the file: what is refused, and how the connections are set.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read as _, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use fal_queue::{Keep, store::Error};
use fal_types::AppId;
use rusqlite::{Connection, OpenFlags, ToSql, config::DbConfig};

use crate::{
    bodies::{self, Bodies},
    checkpoint::Checkpoints,
    counts::{Counts, Waiting},
    error::{Failure, Result, failure},
    health,
    read::count,
    schema,
    write::{Store, Writer},
};

/// How long a connection waits for another program, such as a backup, that holds the file.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is left of the log's file after it grew in a burst, in bytes.
const LOG_KEPT: u32 = 64 * 1024 * 1024;

/// The page cache of a writing connection, in KiB. Negative is SQLite's way to say KiB.
const CACHE: i32 = -32 * 1024;

/// Statements that a connection keeps prepared: all that there are.
const STATEMENTS: usize = 64;

/// Where and how a store is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The file. Its folder must exist; beside it lie `-wal`, `-shm` and the folder `-bodies` of
    /// the same name.
    pub path: PathBuf,
    /// How long results are kept.
    pub keep: Keep,
    /// The largest size of the file, in pages of 4 KiB; none where the disk is the limit. A commit
    /// that would need more fails with [`Error::Full`], and commits succeed again once requests
    /// have been removed or the file is opened with a higher limit. A file that is larger already
    /// does not shrink, but does not grow either. Bodies in files of their own do not count.
    pub max_pages: Option<u32>,
}

impl Options {
    /// A store in the file `path`, with results kept for the usual time and no limit.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), keep: Keep::default(), max_pages: None }
    }
}

impl Store {
    /// Opens the file for reading and writing, and creates it where there is none, readable by its
    /// owner only.
    ///
    /// One process at a time may have it open so; that is for its caller to see to. A file that was
    /// not closed is looked through first, up to a size at which that takes a second.
    ///
    /// # Errors
    /// [`Error::ReadOnly`] where the file cannot be created or written, [`Error::Corrupt`] where
    /// it is no database or another program's, [`Error::NewerSchema`] where a later version wrote
    /// it, [`Error::Io`] where the file system cannot make commits durable, and the others as
    /// [`Error`] says.
    pub fn open(options: &Options) -> std::result::Result<Self, Error> {
        create(&options.path).map_err(|error| uncreated(&options.path, &error))?;
        let writer = writer(options, Look::of(&options.path))?;
        Ok(Self { options: options.clone(), writer: Some(writer), failures: 0 })
    }
}

/// Whether the file is looked through before it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Through,
    Past,
}

impl Look {
    /// A file that was not closed when it was last in use is looked through, unless that takes too
    /// long. One that was closed has no log, as the last connection removes it.
    fn of(path: &Path) -> Self {
        let size = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
        let was_closed = size(&log(path)) == 0;
        if was_closed || size(path) > health::LOOKED_THROUGH { Self::Past } else { Self::Through }
    }
}

/// The write-ahead log of a database.
pub(crate) fn log(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

/// Creates the file, empty, where there is none: SQLite would let everybody read it. The log takes
/// its permissions from the file.
fn create(path: &Path) -> io::Result<()> {
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match created {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(error),
    }
    // The file's name must be as durable as what will be in it.
    File::open(bodies::parent(path))?.sync_all()
}

fn uncreated(path: &Path, error: &io::Error) -> Error {
    let text = format!("cannot create {}: {error}", path.display());
    let full = matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
    if full { Error::Full(text) } else { Error::ReadOnly(text) }
}

fn writer(options: &Options, look: Look) -> Result<Writer> {
    let mut connection = connect(&options.path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let found = schema::check(&connection)?;
    check_writable(&connection)?;
    if found == 0 {
        // Takes effect only before there is anything in the file.
        set(&connection, "auto_vacuum", "INCREMENTAL")?;
    }
    make_durable(&connection)?;
    set(&connection, "wal_autocheckpoint", 0)?;
    set(&connection, "journal_size_limit", LOG_KEPT)?;
    set(&connection, "cache_size", CACHE)?;
    if let Some(pages) = options.max_pages {
        set(&connection, "max_page_count", pages)?;
    }
    if look == Look::Through {
        health::check_pages(&connection, &options.path)?;
    }
    schema::migrate(&mut connection, found)?;
    let counts = counted(&connection)?;
    let bodies = Bodies::open(&options.path, &connection)?;
    let checkpoints = Checkpoints::start(&options.path)?;
    Ok(Writer { connection, counts, bodies, checkpoints })
}

/// Opens the file once more after its device has failed.
///
/// A flush that failed leaves pages that the system shows to readers and never writes again. What
/// the log holds is read back from there, so it is written and flushed once more before anything is
/// built upon it.
pub(crate) fn reopened(options: &Options) -> std::result::Result<Writer, Error> {
    let log = log(&options.path);
    rewrite(&log).map_err(|error| failure("write", &log, &error))?;
    Ok(writer(options, Look::of(&options.path))?)
}

/// Writes what is in a file to where it is.
fn rewrite(path: &Path) -> io::Result<()> {
    let mut file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    file.rewind()?;
    file.write_all(&bytes)?;
    file.sync_all()
}

/// A connection beside the writing one, which copies the log into the file.
pub(crate) fn second(path: &Path) -> Result<Connection> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    set(&connection, "synchronous", "FULL")?;
    set(&connection, "wal_autocheckpoint", 0)?;
    set(&connection, "journal_size_limit", LOG_KEPT)?;
    Ok(connection)
}

/// A connection that can only ask.
pub(crate) fn read_only(path: &Path) -> std::result::Result<Connection, Error> {
    Ok(connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?)
}

fn connect(path: &Path, mode: OpenFlags) -> Result<Connection> {
    // The connection is used by one thread at a time, which its type sees to.
    let flags = mode | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // A mapped file turns a failing disk into a signal that ends the process.
    set(&connection, "mmap_size", 0)?;
    set(&connection, "temp_store", "MEMORY")?;
    set(&connection, "trusted_schema", false)?;
    steady(&connection)?;
    Ok(connection)
}

/// Sees to it that a statement is planned once, when it is prepared. Otherwise each change of a value that the planner has
/// looked at makes it plan anew, which is a fifth of what a busy store does.
pub(crate) fn steady(connection: &Connection) -> Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Where the file may only be read, SQLite opens it for that without a word.
fn check_writable(connection: &Connection) -> Result<()> {
    if connection.is_readonly(rusqlite::MAIN_DB)? {
        let path = connection.path().unwrap_or_default();
        return Err(Failure(Error::ReadOnly(format!("{path} may only be read"))));
    }
    Ok(())
}

/// Sets what a commit's durability rests on, and reads it back.
fn make_durable(connection: &Connection) -> Result<()> {
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    set(connection, "synchronous", "FULL")?;
    let synchronous: u8 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
    if (mode.as_str(), synchronous) == ("wal", FULL) {
        return Ok(());
    }
    let text = format!("no durable commits: journal {mode}, synchronous {synchronous}");
    Err(Failure(Error::Io(text)))
}

/// What `PRAGMA synchronous` calls FULL.
const FULL: u8 = 2;

fn set(connection: &Connection, name: &str, value: impl ToSql) -> Result<()> {
    // Some of these answer with the new value and some with nothing.
    Ok(connection.pragma_update(None, name, value)?)
}

const COUNT_WAITING: &str = "
    SELECT app, count(*) FILTER (WHERE priority = 0), count(*) FILTER (WHERE priority <> 0)
    FROM requests INDEXED BY waiting WHERE state < 2 GROUP BY app";

const COUNT_TIMED: &str = "
    SELECT app, count(*) FROM requests INDEXED BY timed
    WHERE state < 2 AND not_before > 0 GROUP BY app";

fn counted(connection: &Connection) -> Result<Counts> {
    let mut apps: BTreeMap<AppId, Waiting> = BTreeMap::new();
    let name = |text: String| {
        text.parse::<AppId>().map_err(|_| Failure::corrupt(format!("`{text}` is no app")))
    };
    let mut statement = connection.prepare(COUNT_WAITING)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let waiting = Waiting { normal: count(row, 1)?, low: count(row, 2)?, timed: 0 };
        apps.insert(name(row.get(0)?)?, waiting);
    }
    let mut statement = connection.prepare(COUNT_TIMED)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        apps.entry(name(row.get(0)?)?).or_default().timed = count(row, 1)?;
    }
    Ok(Counts::new(apps))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_may_only_be_read_is_refused() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let options = Options::new(folder.path().join("queue.sqlite"));
        drop(Store::open(&options).expect("the store opens"));
        let connection = read_only(&options.path).expect("it can be read");
        let Err(Failure(error)) = check_writable(&connection) else { panic!("it is taken") };
        let path = options.path.display();
        assert_eq!(error, Error::ReadOnly(format!("{path} may only be read")));
    }
}
