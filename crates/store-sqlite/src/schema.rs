//! The tables, and how an older file is brought up to them.
//!
//! - `requests` has one row a request, hot and small. `seq` is the order of submission.
//! - `contents` has what is forwarded, for as long as it is of use.
//! - `records` has the attempts and the result: one row, written when the first attempt has ended.
//! - `lines` has what runners printed, a row for each time that some of it was kept.
//! - `outbox` has the webhooks of requests that have ended.
//! - `nodes` has who lives.
//!
//! A body that is too large for a row lies in a file, which `contents` or `records` names instead;
//! `requests.files` says which of the two do, so that a request without files costs nothing more.
//!
//! The state column says more than the ticket does: a request that waits is `ready` (0) or `held`
//! (1) until its moment has come. So the ready ones of an app lie side by side in one index, and
//! the held ones, by their moment, in another. Every index but those over ids and apps is partial:
//! requests that have ended weigh on none that a claim or a submit touches.

use fal_queue::store::Error;
use rusqlite::{Connection, TransactionBehavior};

use crate::error::{Failure, Result};

/// Marks a file as ours: `falq`.
pub(crate) const APPLICATION_ID: i32 = 0x6661_6c71;

/// The steps from an empty file to the present schema. A file's `user_version` says how many of
/// them it has behind it. A step that was ever released stays as it is.
const MIGRATIONS: [&str; 2] = [FIRST, SECOND];

pub(crate) const FIRST: &str = "
    CREATE TABLE requests (
        seq INTEGER PRIMARY KEY,
        id BLOB NOT NULL UNIQUE,
        app TEXT NOT NULL,
        path TEXT NOT NULL,
        priority INTEGER NOT NULL,
        submitted INTEGER NOT NULL,
        start_deadline INTEGER,
        no_retry INTEGER NOT NULL,
        budgets TEXT,
        hint TEXT,
        state INTEGER NOT NULL,
        not_before INTEGER,
        lease INTEGER,
        lease_attempt INTEGER,
        lease_node INTEGER,
        lease_since INTEGER,
        status INTEGER,
        problem TEXT,
        attempts INTEGER NOT NULL,
        spent INTEGER NOT NULL,
        spent_server_error INTEGER NOT NULL,
        spent_timeout INTEGER NOT NULL,
        spent_connection_error INTEGER NOT NULL,
        cancel_requested INTEGER NOT NULL,
        started INTEGER,
        finished INTEGER,
        expires INTEGER
    ) STRICT;
    CREATE TABLE contents (
        seq INTEGER PRIMARY KEY, headers BLOB NOT NULL, body BLOB NOT NULL
    ) STRICT;
    CREATE TABLE replies (
        seq INTEGER PRIMARY KEY, status INTEGER NOT NULL, headers BLOB NOT NULL, body BLOB NOT NULL
    ) STRICT;
    CREATE INDEX recent ON requests (app);
    CREATE INDEX waiting ON requests (app, state, priority) WHERE state < 2;
    CREATE INDEX timed ON requests (app, state, not_before) WHERE state < 2 AND not_before > 0;
    CREATE INDEX leased ON requests (lease_node) WHERE state = 2;
    CREATE INDEX deadlines ON requests (start_deadline)
        WHERE state < 2 AND start_deadline IS NOT NULL;
    CREATE INDEX expiries ON requests (expires) WHERE expires IS NOT NULL;
";

/// Keys, attempts, lines, webhooks, dead letters, nodes.
const SECOND: &str = "
    ALTER TABLE requests ADD COLUMN key_text TEXT;
    ALTER TABLE requests ADD COLUMN key_digest BLOB;
    ALTER TABLE requests ADD COLUMN webhook TEXT;
    ALTER TABLE requests ADD COLUMN storage INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE requests ADD COLUMN is_dead INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE requests ADD COLUMN heir BLOB;
    ALTER TABLE requests ADD COLUMN files INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE contents ADD COLUMN file TEXT;
    ALTER TABLE contents ADD COLUMN size INTEGER;
    CREATE INDEX content_files ON contents (file) WHERE file IS NOT NULL;
    CREATE UNIQUE INDEX keys ON requests (app, key_text) WHERE key_text IS NOT NULL;
    CREATE INDEX dead ON requests (finished) WHERE is_dead = 1;
    CREATE INDEX dead_of_app ON requests (app, finished) WHERE is_dead = 1;
    CREATE INDEX cancels ON requests (lease_node) WHERE state = 2 AND cancel_requested = 1;
    CREATE TABLE records (
        seq INTEGER PRIMARY KEY, accounts BLOB, status INTEGER, headers BLOB, body BLOB, file TEXT,
        size INTEGER
    ) STRICT;
    CREATE INDEX record_files ON records (file) WHERE file IS NOT NULL;
    INSERT INTO records (seq, status, headers, body) SELECT seq, status, headers, body FROM replies;
    DROP TABLE replies;
    CREATE TABLE lines (
        seq INTEGER NOT NULL, part INTEGER NOT NULL, text BLOB NOT NULL, PRIMARY KEY (seq, part)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE outbox (
        seq INTEGER PRIMARY KEY, due INTEGER, number INTEGER NOT NULL, base INTEGER NOT NULL,
        sent BLOB NOT NULL
    ) STRICT;
    CREATE INDEX outgoing ON outbox (due) WHERE due IS NOT NULL;
    CREATE TABLE nodes (node INTEGER PRIMARY KEY, until INTEGER) STRICT;
";

/// The schema that this program writes.
pub(crate) const KNOWN: u32 = 2;

/// The first schema in which rows may name files.
pub(crate) const WITH_FILES: u32 = 2;

/// Refuses a file that is not ours or too new for us, without writing to it.
pub(crate) fn check(connection: &Connection) -> Result<u32> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let (application, version) = (number("application_id")?, number("user_version")?);
    let tables = "SELECT count(*) FROM sqlite_schema";
    let used = connection.query_row(tables, [], |row| row.get::<_, i64>(0))? > 0;
    if application != APPLICATION_ID && (used || application != 0) {
        return Err(Failure::corrupt("the file is the database of another program"));
    }
    let found = u32::try_from(version)
        .map_err(|_| Failure::corrupt(format!("the schema's version is {version}")))?;
    if found > KNOWN {
        return Err(Failure(Error::NewerSchema { found, known: KNOWN }));
    }
    Ok(found)
}

/// Brings a file with the schema `found` up to [`KNOWN`], in one transaction.
pub(crate) fn migrate(connection: &mut Connection, found: u32) -> Result<()> {
    if found == KNOWN {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for step in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(usize::MAX)) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", KNOWN)?;
    transaction.commit()?;
    if found > 0 {
        let_shrink(connection)?;
    }
    Ok(())
}

/// Lets a file give pages back, which is only to be had by writing it anew. One that is large keeps
/// them for what comes next.
fn let_shrink(connection: &Connection) -> Result<()> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    if number("auto_vacuum")? == 0 && number("page_count")? <= WRITTEN_ANEW {
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        connection.execute_batch("VACUUM")?;
    }
    Ok(())
}

/// Pages of 4 KiB that are written anew when an older file is brought up.
const WRITTEN_ANEW: i64 = 16 * 1_024;
