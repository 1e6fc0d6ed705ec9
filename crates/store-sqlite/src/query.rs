//! Every statement of the writing connection, prepared once and kept for the batches that follow.
//!
//! An index is named wherever the planner might take another: a statement that can no longer use
//! it then fails to prepare, instead of getting slow.

use std::collections::{BTreeMap, btree_map::Entry};

use rusqlite::{CachedStatement, Connection};

use crate::{error::Result, rows::columns};

/// Declares the statements that a batch may use, each with its text.
macro_rules! queries {
    ($($name:ident: $text:expr,)*) => {
        /// The statements that a batch may use.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Query {
            $($name,)*
        }

        impl Query {
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$name,)*];

            const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

queries! {
    // Requests.
    Exists: "SELECT 1 FROM requests WHERE id = ?1",
    Find: concat!("SELECT ", columns!(), " FROM requests WHERE id = ?1"),
    Known: KNOWN,
    Insert: INSERT,
    Update: UPDATE,
    FreeKey: "UPDATE requests SET key_text = NULL, key_digest = NULL WHERE seq = ?1",
    SetHeir: "UPDATE requests SET heir = ?2 WHERE seq = ?1",
    // What belongs to them.
    InsertContent: "
        INSERT INTO contents (seq, headers, body, file, size) VALUES (?1, ?2, ?3, ?4, ?5)",
    CopyContent: "
        INSERT INTO contents (seq, headers, body, file, size)
        SELECT ?2, headers, body, ?3, ?4 FROM contents WHERE seq = ?1",
    ContentFile: "SELECT file, size FROM contents WHERE seq = ?1",
    RecordFile: "SELECT file, size FROM records WHERE seq = ?1",
    DeleteContent: "DELETE FROM contents WHERE seq = ?1",
    Record: RECORD,
    InsertLines: "
        INSERT INTO lines (seq, part, text)
        VALUES (?1, (SELECT coalesce(max(part), 0) + 1 FROM lines WHERE seq = ?1), ?2)",
    // Claims.
    Promote: PROMOTE,
    Ready: READY,
    NextDue: NEXT_DUE,
    // What time asks for.
    Overdue: OVERDUE,
    Expired: EXPIRED,
    DeleteRequest: "DELETE FROM requests WHERE seq = ?1",
    DeleteRecord: "DELETE FROM records WHERE seq = ?1",
    DeleteLines: "DELETE FROM lines WHERE seq = ?1",
    DeleteOutbox: "DELETE FROM outbox WHERE seq = ?1",
    NextDeadline: NEXT_DEADLINE,
    Pages: "PRAGMA page_count",
    FreePages: "PRAGMA freelist_count",
    GiveBack: "PRAGMA incremental_vacuum(512)",
    // Nodes.
    LeasedBy: LEASED_BY,
    CancelledOf: "
        SELECT id FROM requests INDEXED BY cancels
        WHERE state = 2 AND cancel_requested = 1 AND lease_node = ?1 ORDER BY seq",
    Node: "SELECT until FROM nodes WHERE node = ?1",
    Nodes: "SELECT node, until FROM nodes",
    SetNode: "
        INSERT INTO nodes (node, until) VALUES (?1, ?2)
        ON CONFLICT (node) DO UPDATE SET until = excluded.until",
    DeleteNode: "DELETE FROM nodes WHERE node = ?1",
    // Webhooks.
    Due: DUE,
    NextDelivery: "
        SELECT min(due) FROM outbox INDEXED BY outgoing WHERE due IS NOT NULL",
    InsertOutbox: "INSERT INTO outbox (seq, due, number, base, sent) VALUES (?1, ?2, 0, 0, x'')",
    HandOut: "UPDATE outbox SET due = ?2, number = ?3 WHERE seq = ?1",
    Outbox: "
        SELECT seq, due, number, base, sent, expires
        FROM requests CROSS JOIN outbox USING (seq) WHERE id = ?1",
    Report: "UPDATE outbox SET due = ?2, sent = CAST(sent || ?3 AS BLOB) WHERE seq = ?1",
    SendAgain: "UPDATE outbox SET due = ?2, base = number WHERE seq = ?1",
}

/// The row's number is the next one: the largest so far and one more.
const INSERT: &str = "
    INSERT INTO requests (
        id, app, path, priority, submitted, start_deadline, no_retry, budgets, hint, key_text,
        key_digest, webhook, storage, state, not_before, lease, lease_attempt, lease_node,
        lease_since, status, problem, attempts, spent, spent_server_error, spent_timeout,
        spent_connection_error, cancel_requested, started, finished, expires, is_dead, files
    ) VALUES (
        ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
        ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32
    ) ON CONFLICT (id) DO NOTHING";

const UPDATE: &str = "
    UPDATE requests SET
        state = ?1, not_before = ?2, lease = ?3, lease_attempt = ?4, lease_node = ?5,
        lease_since = ?6, status = ?7, problem = ?8, attempts = ?9, spent = ?10,
        spent_server_error = ?11, spent_timeout = ?12, spent_connection_error = ?13,
        cancel_requested = ?14, started = ?15, finished = ?16, expires = ?17, is_dead = ?18,
        files = ?19
    WHERE seq = ?20";

const KNOWN: &str = "
    SELECT seq, id, key_digest, expires FROM requests INDEXED BY keys
    WHERE app = ?1 AND key_text = ?2";

/// The attempts grow; of a result there is one at most, with the last of them. Two blobs joined are
/// text to SQLite, hence the casts.
const RECORD: &str = "
    INSERT INTO records (seq, accounts, status, headers, body, file, size)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
    ON CONFLICT (seq) DO UPDATE SET
        accounts = CAST(coalesce(accounts, x'') || coalesce(excluded.accounts, x'') AS BLOB),
        status = excluded.status, headers = excluded.headers, body = excluded.body,
        file = excluded.file, size = excluded.size";

/// Makes ready what was held and is due, those first whose moment came first.
const PROMOTE: &str = "
    UPDATE requests SET state = 0 WHERE seq IN (
        SELECT seq FROM requests INDEXED BY timed
        WHERE app = ?1 AND state < 2 AND state = 1 AND not_before > 0 AND not_before <= ?2
        ORDER BY not_before LIMIT ?3)";

/// The ready ones of an app in the order of the queue, with what is forwarded. A clock that was
/// set back may leave some that are not due. One whose content is missing must show up as damage,
/// and not wait for ever.
const READY: &str = concat!(
    "SELECT ",
    columns!(),
    ", headers, body, file, size FROM requests INDEXED BY waiting LEFT JOIN contents USING (seq)
    WHERE app = ?1 AND state < 2 AND state = 0 AND not_before <= ?2
    ORDER BY priority, seq LIMIT ?3"
);

/// The earliest moment among those that have one.
const NEXT_DUE: &str = "
    SELECT min(due) FROM (
        SELECT min(not_before) AS due FROM requests INDEXED BY timed
        WHERE app = ?1 AND state < 2 AND state = 0 AND not_before > 0
        UNION ALL
        SELECT min(not_before) FROM requests INDEXED BY timed
        WHERE app = ?1 AND state < 2 AND state = 1 AND not_before > 0)";

const LEASED_BY: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM requests INDEXED BY leased WHERE state = 2 AND lease_node = ?1 ORDER BY seq"
);

const OVERDUE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM requests INDEXED BY deadlines
    WHERE state < 2 AND start_deadline IS NOT NULL AND start_deadline <= ?1
    ORDER BY start_deadline, seq LIMIT ?2"
);

const EXPIRED: &str = "
    SELECT seq, files FROM requests INDEXED BY expiries
    WHERE expires IS NOT NULL AND expires <= ?1
    ORDER BY expires, seq LIMIT ?2";

const NEXT_DEADLINE: &str = "
    SELECT min(deadline) FROM (
        SELECT min(start_deadline) AS deadline FROM requests INDEXED BY deadlines
        WHERE state < 2 AND start_deadline IS NOT NULL
        UNION ALL
        SELECT min(expires) FROM requests INDEXED BY expiries WHERE expires IS NOT NULL)";

/// One whose request is missing must show up as damage, and not be due for ever.
const DUE: &str = "
    SELECT outbox.seq, number, base, id, app, webhook
    FROM outbox INDEXED BY outgoing LEFT JOIN requests USING (seq)
    WHERE due IS NOT NULL AND due <= ?1 ORDER BY due, outbox.seq LIMIT ?2";

/// The statements of one transaction.
pub(crate) struct Statements<'c> {
    connection: &'c Connection,
    prepared: BTreeMap<Query, CachedStatement<'c>>,
}

impl<'c> Statements<'c> {
    pub(crate) const fn new(connection: &'c Connection) -> Self {
        Self { connection, prepared: BTreeMap::new() }
    }

    /// The statement, prepared when it is first asked for.
    pub(crate) fn get(&mut self, query: Query) -> Result<&mut CachedStatement<'c>> {
        match self.prepared.entry(query) {
            Entry::Occupied(found) => Ok(found.into_mut()),
            Entry::Vacant(free) => Ok(free.insert(self.connection.prepare_cached(query.text())?)),
        }
    }

    /// The number of the row that was inserted last.
    pub(crate) fn last_seq(&self) -> i64 {
        self.connection.last_insert_rowid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{open, schema};

    /// How SQLite answers each statement, one line a step.
    fn plans(texts: &[&str]) -> Vec<String> {
        let mut connection = Connection::open_in_memory().expect("a database");
        open::steady(&connection).expect("it is set");
        schema::migrate(&mut connection, 0).expect("the schema");
        let mut plans = Vec::new();
        for text in texts {
            let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {text}")).expect(text);
            let mut rows = plan.raw_query();
            while let Some(row) = rows.next().expect(text) {
                plans.push(format!("{}: {text}", row.get::<_, String>(3).expect("a step")));
            }
        }
        plans
    }

    #[test]
    fn no_statement_walks_or_sorts_a_table() {
        let mut texts: Vec<_> = Query::ALL.iter().map(|query| query.text()).collect();
        texts.extend(crate::read::ALL);
        texts.push(crate::bodies::NAMED);
        for step in plans(&texts) {
            // There are as many nodes as machines, and one row is a row.
            let fine = ["SCAN nodes", "SCAN CONSTANT ROW", "SCAN (subquery"];
            let short = fine.iter().any(|short| step.starts_with(short));
            let walk = step.starts_with("SCAN") && !short;
            assert!(!walk && !step.contains("TEMP B-TREE"), "{step}");
        }
    }
}
