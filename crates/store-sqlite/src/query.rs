//! Every statement of the writing connection, prepared once a batch.
//!
//! An index is named wherever the planner might take another: a statement that can no longer use
//! it then fails to prepare, instead of getting slow.

use std::collections::{BTreeMap, btree_map::Entry};

use rusqlite::{Connection, Statement};

use crate::{error::Result, rows::columns};

/// The statements that a batch may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Query {
    Exists,
    Insert,
    InsertContent,
    InsertReply,
    Find,
    Update,
    DeleteContent,
    Promote,
    Ready,
    NextDue,
    LeasedBy,
    Overdue,
    Expired,
    DeleteRequest,
    DeleteReply,
    NextDeadline,
}

impl Query {
    const fn text(self) -> &'static str {
        match self {
            Self::Exists => "SELECT 1 FROM requests WHERE id = ?1",
            Self::Insert => INSERT,
            Self::InsertContent => "INSERT INTO contents (seq, headers, body) VALUES (?1, ?2, ?3)",
            Self::InsertReply => {
                "INSERT INTO replies (seq, status, headers, body) VALUES (?1, ?2, ?3, ?4)"
            }
            Self::Find => concat!("SELECT ", columns!(), " FROM requests WHERE id = ?1"),
            Self::Update => UPDATE,
            Self::DeleteContent => "DELETE FROM contents WHERE seq = ?1",
            Self::Promote => PROMOTE,
            Self::Ready => READY,
            Self::NextDue => NEXT_DUE,
            Self::LeasedBy => LEASED_BY,
            Self::Overdue => OVERDUE,
            Self::Expired => EXPIRED,
            Self::DeleteRequest => "DELETE FROM requests WHERE seq = ?1",
            Self::DeleteReply => "DELETE FROM replies WHERE seq = ?1",
            Self::NextDeadline => NEXT_DEADLINE,
        }
    }
}

/// The row's number is the next one: the largest so far and one more.
const INSERT: &str = "
    INSERT INTO requests (
        id, app, path, priority, submitted, start_deadline, no_retry, budgets, hint,
        state, not_before, lease, lease_attempt, lease_node, lease_since, status, problem,
        attempts, spent, spent_server_error, spent_timeout, spent_connection_error,
        cancel_requested, started, finished, expires
    ) VALUES (
        ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
        ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26
    ) ON CONFLICT (id) DO NOTHING";

const UPDATE: &str = "
    UPDATE requests SET
        state = ?1, not_before = ?2, lease = ?3, lease_attempt = ?4, lease_node = ?5,
        lease_since = ?6, status = ?7, problem = ?8, attempts = ?9, spent = ?10,
        spent_server_error = ?11, spent_timeout = ?12, spent_connection_error = ?13,
        cancel_requested = ?14, started = ?15, finished = ?16, expires = ?17
    WHERE seq = ?18";

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
    ", headers, body FROM requests INDEXED BY waiting LEFT JOIN contents USING (seq)
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
    SELECT seq FROM requests INDEXED BY expiries
    WHERE expires IS NOT NULL AND expires <= ?1
    ORDER BY expires, seq LIMIT ?2";

const NEXT_DEADLINE: &str = "
    SELECT min(deadline) FROM (
        SELECT min(start_deadline) AS deadline FROM requests INDEXED BY deadlines
        WHERE state < 2 AND start_deadline IS NOT NULL
        UNION ALL
        SELECT min(expires) FROM requests INDEXED BY expiries WHERE expires IS NOT NULL)";

/// The statements of one transaction.
#[derive(Debug)]
pub(crate) struct Statements<'c> {
    connection: &'c Connection,
    prepared: BTreeMap<Query, Statement<'c>>,
}

impl<'c> Statements<'c> {
    pub(crate) const fn new(connection: &'c Connection) -> Self {
        Self { connection, prepared: BTreeMap::new() }
    }

    /// The statement, prepared when it is first asked for.
    pub(crate) fn get(&mut self, query: Query) -> Result<&mut Statement<'c>> {
        match self.prepared.entry(query) {
            Entry::Occupied(found) => Ok(found.into_mut()),
            Entry::Vacant(free) => Ok(free.insert(self.connection.prepare(query.text())?)),
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
    use crate::schema;

    /// How SQLite answers each statement, one line a step.
    fn plans(texts: &[&str]) -> Vec<String> {
        let mut connection = Connection::open_in_memory().expect("a database");
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
    fn no_statement_walks_or_sorts_the_table() {
        let queries = [
            Query::Exists,
            Query::Find,
            Query::Update,
            Query::DeleteContent,
            Query::Promote,
            Query::Ready,
            Query::NextDue,
            Query::LeasedBy,
            Query::Overdue,
            Query::Expired,
            Query::DeleteRequest,
            Query::DeleteReply,
            Query::NextDeadline,
        ];
        let texts = queries.map(Query::text);
        for step in plans(&texts).into_iter().chain(plans(&crate::read::ALL)) {
            let scan = step.starts_with("SCAN requests") || step.starts_with("SCAN mine");
            assert!(!scan && !step.contains("TEMP B-TREE"), "{step}");
        }
    }
}
