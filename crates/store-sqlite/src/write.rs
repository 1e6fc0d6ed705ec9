//! The writing connection: batches, and the operations other than claims.

use std::path::PathBuf;

use fal_queue::{
    Ending, Event, Keep, NodeId, State, Step, Ticket,
    store::{self, CancelAnswer, Caps, Content, Done, Durability, Error, Op, Reply},
};
use fal_types::{AppId, Moment, RequestId};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};

use crate::{
    counts::Counts,
    error::Result,
    headers, open,
    query::{Query, Statements},
    read::Reader,
    rows::{self, Found},
};

/// Bodies lie in the one file, whatever their size. SQLite takes no row above 1 GB; this leaves
/// room for what else is in one.
const LARGEST_BODY: usize = 512 * 1024 * 1024;

/// Operations worth one batch: at this size the flush is no longer what a batch waits for.
const BATCH: usize = 256;

/// A queue in one SQLite file. Open it with [`Store::open`].
#[derive(Debug)]
pub struct Store {
    pub(crate) path: PathBuf,
    pub(crate) connection: Connection,
    pub(crate) keep: Keep,
    pub(crate) counts: Counts,
    /// The device failed under a commit: what is on disk is unknown until the file is opened anew.
    pub(crate) failed: Option<Error>,
}

impl store::Store for Store {
    fn caps(&self) -> Caps {
        Caps {
            shared: false,
            durable: Durability::Disk,
            max_batch: BATCH,
            inline_max: LARGEST_BODY,
        }
    }

    //= docs/contract.md#queue-durable
    //# A submit MUST NOT be answered before the request is durable.
    //= docs/contract.md#queue-restart
    //# Accepted requests MUST survive the platform's death, and go on after its next start.
    fn commit(&mut self, now: Moment, ops: Vec<Op>) -> std::result::Result<Vec<Done>, Error> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        if ops.is_empty() {
            return Ok(Vec::new());
        }
        let done = self.transact(now, ops).map_err(Error::from);
        match &done {
            Ok(_) => self.counts.keep(),
            Err(error) => {
                self.counts.undo();
                // A transaction that could not even be rolled back leaves no less doubt.
                let open = !self.connection.is_autocommit();
                self.failed =
                    Some(error).filter(|error| open || matches!(error, Error::Io(_))).cloned();
            }
        }
        done
    }

    fn reader(&self) -> std::result::Result<Box<dyn store::Reader>, Error> {
        Ok(Box::new(Reader::new(open::read_only(&self.path)?)))
    }
}

impl Store {
    fn transact(&mut self, now: Moment, ops: Vec<Op>) -> Result<Vec<Done>> {
        let behavior = TransactionBehavior::Immediate;
        // Dropped without a commit, it rolls back.
        let transaction = Transaction::new(&mut self.connection, behavior)?;
        let done = Batch {
            now,
            keep: self.keep,
            sql: Statements::new(&transaction),
            counts: &mut self.counts,
        }
        .apply_all(ops)?;
        transaction.commit()?;
        Ok(done)
    }
}

/// One transaction under way.
pub(crate) struct Batch<'a, 'c> {
    pub(crate) now: Moment,
    pub(crate) keep: Keep,
    pub(crate) sql: Statements<'c>,
    pub(crate) counts: &'a mut Counts,
}

impl Batch<'_, '_> {
    fn apply_all(mut self, ops: Vec<Op>) -> Result<Vec<Done>> {
        ops.into_iter().map(|op| self.apply(op)).collect()
    }

    fn apply(&mut self, op: Op) -> Result<Done> {
        match op {
            Op::Submit { ticket, content, max_ahead } => self.submit(&ticket, &content, max_ahead),
            Op::Claim { app, max, node, leases_from } => self.claim(&app, max, node, leases_from),
            Op::Settle { request, lease, attempt, ruling, reply } => {
                self.settle(request, &Event::Settled { lease, attempt, ruling }, reply)
            }
            Op::Cancel { app, request } => Ok(Done::Cancelled(self.cancel(&app, request)?)),
            Op::Recover { node } => self.recover(node),
            Op::Sweep { limit } => self.sweep(limit),
        }
    }

    //= docs/contract.md#queue-position
    //# `queue_position` MUST be the number of waiting requests of the same app that will start
    //# before this one.
    fn submit(
        &mut self,
        ticket: &Ticket,
        content: &Content,
        max_ahead: Option<u64>,
    ) -> Result<Done> {
        let (ahead, waiting) = self.counts.ahead(&ticket.app, ticket.priority);
        if max_ahead.is_some_and(|most| waiting > most) {
            let taken = self.sql.get(Query::Exists)?.exists([rows::id(ticket.id)])?;
            return Ok(if taken { Done::Duplicate } else { Done::QueueFull { waiting } });
        }
        if !rows::insert(self.sql.get(Query::Insert)?, self.now, ticket)? {
            return Ok(Done::Duplicate);
        }
        let seq = self.sql.last_seq();
        let headers = headers::encode(&content.headers);
        self.sql.get(Query::InsertContent)?.execute((seq, headers, &content.body))?;
        self.counts.added(ticket);
        Ok(Done::Submitted { ahead })
    }

    fn settle(&mut self, request: RequestId, event: &Event, reply: Option<Reply>) -> Result<Done> {
        let Some(mut found) = self.find(request)? else { return Ok(Done::Stale) };
        let moved = self.step(&mut found, event, reply)?;
        Ok(if moved { Done::Settled(found.ticket) } else { Done::Stale })
    }

    fn cancel(&mut self, app: &AppId, request: RequestId) -> Result<CancelAnswer> {
        let found = self.find(request)?.filter(|found| found.ticket.app == *app);
        let Some(mut found) = found else { return Ok(CancelAnswer::Unknown) };
        let answer = CancelAnswer::from_state(&found.ticket.state);
        self.step(&mut found, &Event::CancelAsked, None)?;
        Ok(answer)
    }

    fn recover(&mut self, node: NodeId) -> Result<Done> {
        let mut leased = Vec::new();
        let mut rows = self.sql.get(Query::LeasedBy)?.query([rows::number(node.0)])?;
        while let Some(row) = rows.next()? {
            leased.push(rows::read(row, None)?);
        }
        drop(rows);
        let mut tickets = 0;
        for mut found in leased {
            tickets += u64::from(self.step(&mut found, &Event::Lost { node }, None)?);
        }
        Ok(Done::Recovered { tickets })
    }

    fn sweep(&mut self, limit: u32) -> Result<Done> {
        let deadlines = self.end_overdue(limit)?;
        let expired = self
            .sql
            .get(Query::Expired)?
            .query_map((rows::moment(self.now), limit), |row| row.get::<_, i64>(0))?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        //= docs/contract.md#retention
        //# After that it MUST be answered as unknown.
        for seq in &expired {
            for query in [Query::DeleteReply, Query::DeleteRequest] {
                self.sql.get(query)?.execute([seq])?;
            }
        }
        let removed = expired.iter().map(|_| 1).sum();
        let read = |row: &rusqlite::Row<'_>| Ok(rows::optional_moment(row, 0));
        let next = self.sql.get(Query::NextDeadline)?.query_row([], read)??;
        Ok(Done::Swept { deadlines, removed, next })
    }

    fn end_overdue(&mut self, limit: u32) -> Result<Vec<RequestId>> {
        let mut overdue = Vec::new();
        let now = rows::moment(self.now);
        let mut rows = self.sql.get(Query::Overdue)?.query((now, limit))?;
        while let Some(row) = rows.next()? {
            overdue.push(rows::read(row, None)?);
        }
        drop(rows);
        for found in &mut overdue {
            self.step(found, &Event::Elapsed, None)?;
        }
        Ok(overdue.into_iter().map(|found| found.ticket.id).collect())
    }

    fn find(&mut self, request: RequestId) -> Result<Option<Found>> {
        let read = |row: &rusqlite::Row<'_>| Ok(rows::read(row, None));
        let find = self.sql.get(Query::Find)?;
        find.query_row([rows::id(request)], read).optional()?.transpose()
    }

    /// What happens to a ticket on every event: it is moved, stamped, and written back. False
    /// where it did not move.
    pub(crate) fn step(
        &mut self,
        found: &mut Found,
        event: &Event,
        reply: Option<Reply>,
    ) -> Result<bool> {
        let was = found.ticket.clone();
        match found.ticket.step(self.now, event) {
            Step::Moved => {}
            Step::Stale | Step::Ignored | Step::Impossible => return Ok(false),
        }
        let answered =
            matches!(found.ticket.state, State::Done(Ending::Responded(_) | Ending::Failed(_)));
        let reply = reply.filter(|_| answered);
        self.keep.stamp(&mut found.ticket, reply.as_ref().map_or(0, |reply| reply.body.len()));
        rows::update(self.sql.get(Query::Update)?, self.now, found)?;
        self.counts.moved(&was, &found.ticket);
        if let Some(reply) = reply {
            let headers = headers::encode(&reply.headers);
            let row = (found.seq, reply.status.code(), headers, reply.body);
            self.sql.get(Query::InsertReply)?.execute(row)?;
        }
        // What has ended is never forwarded again.
        if matches!(found.ticket.state, State::Done(_)) {
            self.sql.get(Query::DeleteContent)?.execute([found.seq])?;
        }
        Ok(true)
    }
}
