//! Whether the file is whole, and whether the place that it lies in is fit for it.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use fal_queue::store::{Finding, Fitness};
use rusqlite::Connection;
use rustix::fs::StatVfs;

use crate::{
    bodies,
    error::{Failure, Result, failure},
    open,
    write::Store,
};

/// A file that was not closed is looked through when it is opened, up to this size in bytes. Above
/// it that would take longer than a start may.
pub(crate) const LOOKED_THROUGH: u64 = 512 * 1024 * 1024;

/// Less room than this is worth a word.
const SCARCE: u64 = 1024 * 1024 * 1024;

/// A log longer than this is kept from its end by somebody, or cannot be copied into the file.
const LONG_LOG: u64 = 512 * 1024 * 1024;

/// Free pages inside the file that are worth a word, where it does not give them back by itself.
const SLACK: u64 = 256 * 1024 * 1024;

/// Looks through every page, but not whether indexes and tables agree.
pub(crate) fn check_pages(connection: &Connection, path: &Path) -> Result<()> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" {
        return Ok(());
    }
    Err(Failure::corrupt(format!(
        "{}: {found}; put a backup in its place, or save what can be read with `sqlite3 {} .recover`",
        path.display(),
        path.display()
    )))
}

/// What is wrong with where the store is kept, the worst first.
pub(crate) fn findings(store: &Store) -> Result<Vec<Finding>> {
    let path = &store.options.path;
    let folder = bodies::parent(path);
    let room =
        rustix::fs::statvfs(folder).map_err(|error| failure("look at", folder, &error.into()))?;
    let mut findings = Vec::new();
    findings.extend(failed(path, store.failures));
    findings.extend(scarce(folder, &room));
    findings.extend(place(folder));
    findings.extend(readable(path));
    findings.extend(long_log(path));
    if let Some(writer) = &store.writer {
        findings.extend(slack(path, &writer.connection)?);
    }
    let size = fs::metadata(path).map_or(0, |found| found.len());
    findings.push(Finding {
        fitness: Fitness::Fit,
        found: format!(
            "SQLite {} in {}, {} and {} of room; every commit is flushed",
            rusqlite::version(),
            path.display(),
            mebibytes(size),
            mebibytes(free(&room))
        ),
        remedy: String::new(),
    });
    Ok(findings)
}

fn doubtful(found: String, remedy: impl Into<String>) -> Finding {
    Finding { fitness: Fitness::Doubtful, found, remedy: remedy.into() }
}

/// A file system may go on after its device has failed and know of it no more, and what it wrote then
/// be gone after the next loss of power.
fn failed(path: &Path, failures: u32) -> Option<Finding> {
    (failures > 0).then(|| {
        let found = format!("the device of {} has failed {failures} times", path.display());
        doubtful(found, "make a backup on another disk, and check this one and its file system")
    })
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes / (1024 * 1024))
}

/// What is left for everybody, in bytes.
fn free(room: &StatVfs) -> u64 {
    room.f_bavail.saturating_mul(room.f_frsize)
}

fn scarce(folder: &Path, room: &StatVfs) -> Option<Finding> {
    let (free, all) = (free(room), room.f_blocks.saturating_mul(room.f_frsize));
    (free < SCARCE || free < all / 20).then(|| {
        let found =
            format!("{} of {} are left in {}", mebibytes(free), mebibytes(all), folder.display());
        doubtful(found, "make room: a full disk refuses every submit and every result")
    })
}

/// File systems that a database does not belong on, by the number that the system has for each.
const DOUBTFUL: [(u32, &str, &str); 5] = [
    (0x0102_1994, "memory", "what is acknowledged is gone when the machine restarts"),
    (0x6969, "NFS", "its locks and flushes are not to be relied on"),
    (0xff53_4d42, "CIFS", "its locks and flushes are not to be relied on"),
    (0xfe53_4d42, "SMB", "its locks and flushes are not to be relied on"),
    (0x0102_1997, "9p", "its locks and flushes are not to be relied on"),
];

fn place(folder: &Path) -> Option<Finding> {
    let kind = rustix::fs::statfs(folder).ok()?.f_type;
    let (_, name, why) = DOUBTFUL.iter().find(|(number, ..)| i64::from(*number) == kind)?;
    let found = format!("{} lies in {name}: {why}", folder.display());
    Some(doubtful(found, "move the data directory to a local disk"))
}

fn readable(path: &Path) -> Option<Finding> {
    let open = [path, &bodies::folder(path)].into_iter().find_map(|path| {
        let mode = fs::metadata(path).ok()?.permissions().mode() & 0o777;
        (mode & 0o077 != 0).then(|| (path.to_owned(), mode))
    });
    open.map(|(path, mode)| {
        let found = format!("others may use {} (mode {mode:o})", path.display());
        doubtful(found, format!("chmod go= {}", path.display()))
    })
}

fn long_log(path: &Path) -> Option<Finding> {
    let log = open::log(path);
    let size = fs::metadata(&log).ok()?.len();
    (size > LONG_LOG).then(|| {
        let found = format!("the log {} has {}", log.display(), mebibytes(size));
        doubtful(found, "end the program that keeps the database open for long, such as a backup")
    })
}

/// Room inside a file of an older version, which does not give it back.
fn slack(path: &Path, connection: &Connection) -> Result<Option<Finding>> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (mode, free, size) =
        (number("auto_vacuum")?, number("freelist_count")?, number("page_size")?);
    let bytes = free.unsigned_abs().saturating_mul(size.unsigned_abs());
    Ok((mode == 0 && bytes > SLACK).then(|| {
        let found = format!("{} of {} are free inside it", mebibytes(bytes), path.display());
        let remedy = format!(
            "it is used again; to give it back, stop the platform and run `sqlite3 {} 'PRAGMA \
             auto_vacuum = 2; VACUUM'`",
            path.display()
        );
        doubtful(found, remedy)
    }))
}
