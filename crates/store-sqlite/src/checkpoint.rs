//! Copying the write-ahead log into the file, beside the commits.
//!
//! A commit appends to the log, and now and then somebody must copy the log into the file, so that
//! it begins anew. As long as commits are small the writer does that between two of them. When they
//! are large, one in a few would have to wait for it: then a thread with a connection of its own
//! copies what is new. While commits go on it never reaches the end of the log, so once that is long
//! the writer copies the little that is left.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};

use fal_queue::store::Error;
use rusqlite::Connection;

use crate::{
    error::{Failure, Result},
    open,
};

/// New pages in the log, of 4 KiB, that are worth a copy by the thread. So few that what it flushes
/// at once holds up no commit for long.
const PAGES: u32 = 150;

/// Rows that one commit changes from which the store counts as busy.
const CROWD: u64 = 48;

/// The length of the log, in pages, from which it begins anew, where commits are small.
const USUAL: u32 = 4_000;

/// The same where they are large.
const LONG: u32 = 8_000;

/// The thread that copies, seen by the writer.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    /// Wakes the thread. Dropped, it ends it.
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    /// The thread has been woken and is not done yet.
    busy: Arc<AtomicBool>,
    /// The length of the log when it could not begin anew: it is tried again when as much again has
    /// come to it.
    held: u32,
    /// Rows that the writer had changed in all after the last commit.
    changes: u64,
    /// The same when it last looked at the log.
    seen: u64,
}

/// What SQLite answers when it is asked for a copy.
struct Log {
    /// The length of the log, in pages.
    length: u32,
    /// How much of it is in the file.
    copied: u32,
}

fn ask(connection: &Connection, text: &str) -> Result<Log> {
    let read = |row: &rusqlite::Row<'_>| {
        // Negative where there is no log.
        let count = |at| row.get::<_, i64>(at).map(|count| u32::try_from(count).unwrap_or(0));
        Ok(Log { length: count(1)?, copied: count(2)? })
    };
    Ok(connection.prepare_cached(text)?.query_row([], read)?)
}

const LOOK: &str = "PRAGMA wal_checkpoint(NOOP)";
const COPY: &str = "PRAGMA wal_checkpoint(PASSIVE)";

impl Checkpoints {
    /// Starts the thread.
    pub(crate) fn start(database: &Path) -> Result<Self> {
        let connection = open::second(database)?;
        let (wake, woken) = sync_channel(1);
        let busy = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&busy);
        let thread = thread::Builder::new().name("fal-checkpoint".to_owned());
        let thread = thread
            .spawn(move || copy(&connection, &woken, &seen))
            .map_err(|error| Failure(Error::Io(format!("no thread for checkpoints: {error}"))))?;
        Ok(Self { wake: Some(wake), thread: Some(thread), busy, held: 0, changes: 0, seen: 0 })
    }

    /// Looks after the log when a commit is done. Whatever goes wrong here is no failure of the
    /// commit: the log keeps what was not copied, and it is tried again.
    pub(crate) fn committed(&mut self, connection: &Connection) {
        let changes = connection.total_changes();
        let is_busy = changes.saturating_sub(self.changes) >= CROWD;
        self.changes = changes;
        // Looking costs as much as a small commit's own work, and small commits add little.
        if changes.saturating_sub(self.seen) < CROWD || self.busy.load(Ordering::Acquire) {
            return;
        }
        self.seen = changes;
        let Ok(log) = ask(connection, LOOK) else { return };
        if log.length < self.held {
            self.held = 0;
        }
        let limit = if is_busy { LONG } else { USUAL };
        if log.length >= self.held.saturating_add(limit) {
            self.begin_anew(connection);
        } else if is_busy && log.length.saturating_sub(log.copied) >= PAGES {
            self.wake();
        }
    }

    /// Copies what is left, so that the next commit begins the log anew.
    fn begin_anew(&mut self, connection: &Connection) {
        let Ok(log) = ask(connection, COPY) else { return };
        // Somebody who reads an old state, such as a backup, keeps the log from its start.
        self.held = if log.copied < log.length { log.length } else { 0 };
    }

    fn wake(&self) {
        if let Some(wake) = &self.wake {
            self.busy.store(true, Ordering::Release);
            if wake.try_send(()).is_err() {
                self.busy.store(false, Ordering::Release);
            }
        }
    }
}

fn copy(connection: &Connection, woken: &Receiver<()>, busy: &AtomicBool) {
    while woken.recv().is_ok() {
        let _retried = ask(connection, COPY);
        busy.store(false, Ordering::Release);
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        drop(self.wake.take());
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}
