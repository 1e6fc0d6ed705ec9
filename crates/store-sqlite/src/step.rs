//! What happens to a ticket on every event: it is moved, stamped, and written back with what
//! belongs to it.

use fal_queue::{
    Account, Ending, Event, State, Step, Told,
    store::{Line, Reply},
};
use fal_record::{headers, journal, moment};
use fal_types::RequestId;
use rusqlite::{OptionalExtension as _, Row};

use crate::{
    batch::Batch,
    bodies::Filed,
    counts::Waiting,
    error::Result,
    query::Query,
    rows::{self, CONTENT_FILE, Found, REPLY_FILE},
};

/// What comes with an event and is kept beside the ticket.
#[derive(Debug, Default)]
pub(crate) struct Besides {
    pub(crate) told: Told,
    pub(crate) lines: Vec<Line>,
    pub(crate) reply: Option<Reply>,
}

impl Batch<'_, '_> {
    pub(crate) fn find(&mut self, request: RequestId) -> Result<Option<Found>> {
        let read = |row: &Row<'_>| Ok(rows::read(row, None));
        let find = self.sql.get(Query::Find)?;
        find.query_row([rows::id(request)], read).optional()?.transpose()
    }

    /// A request that has not expired.
    pub(crate) fn present(&mut self, request: RequestId) -> Result<Option<Found>> {
        let now = self.now;
        Ok(self.find(request)?.filter(|found| !found.ticket.is_expired(now)))
    }

    /// False where the ticket did not move; then nothing is kept.
    pub(crate) fn step(
        &mut self,
        found: &mut Found,
        event: &Event,
        besides: Besides,
    ) -> Result<bool> {
        let Besides { told, lines, reply } = besides;
        let (before, counted) = (found.ticket.state, Waiting::of(&found.ticket));
        match found.ticket.step(self.now, event) {
            Step::Moved => {}
            Step::Stale | Step::Ignored | Step::Impossible => return Ok(false),
        }
        let account = Account::of(&before, &found.ticket, self.now, event, told);
        let answered =
            matches!(found.ticket.state, State::Done(Ending::Responded(_) | Ending::Failed(_)));
        let reply = reply.filter(|_| answered);
        self.keep.stamp(&mut found.ticket, reply.as_ref().map_or(0, |reply| reply.body.len()));
        let filed = match &reply {
            Some(reply) => self.bodies.keep(found.ticket.id, &reply.body)?,
            None => None,
        };
        if filed.is_some() {
            found.files |= REPLY_FILE;
        }
        if matches!(found.ticket.state, State::Done(_)) {
            self.end(found)?;
        }
        rows::update(self.sql.get(Query::Update)?, self.now, found)?;
        self.counts.moved(counted, &found.ticket);
        if account.is_some() || reply.is_some() {
            self.record(found.seq, account.as_ref(), reply, filed)?;
        }
        self.append(found.seq, &lines)?;
        Ok(true)
    }

    fn record(
        &mut self,
        seq: i64,
        account: Option<&Account>,
        reply: Option<Reply>,
        filed: Option<Filed>,
    ) -> Result<()> {
        let account = account.map(journal::account);
        let status = reply.as_ref().map(|reply| reply.status.code());
        let headers = reply.as_ref().map(|reply| headers::write(&reply.headers));
        let body = reply.map(|reply| if filed.is_some() { Vec::new() } else { reply.body });
        let (name, size) = Filed::columns(filed);
        let values = (seq, account, status, headers, body, name, size);
        self.sql.get(Query::Record)?.execute(values)?;
        Ok(())
    }

    pub(crate) fn append(&mut self, seq: i64, lines: &[Line]) -> Result<()> {
        if !lines.is_empty() {
            self.sql.get(Query::InsertLines)?.execute((seq, journal::lines(lines)))?;
        }
        Ok(())
    }

    /// What changes beside a ticket when it ends.
    fn end(&mut self, found: &mut Found) -> Result<()> {
        if !found.ticket.keeps_content() {
            self.doom(found.seq, found.files, CONTENT_FILE)?;
            found.files &= !CONTENT_FILE;
            self.sql.get(Query::DeleteContent)?.execute([found.seq])?;
        }
        //= docs/contract.md#webhook-durable
        //# A webhook MUST become durable together with the end that it tells of.
        if found.ticket.webhook.is_some() {
            let values = (found.seq, moment::write(self.now));
            self.sql.get(Query::InsertOutbox)?.execute(values)?;
        }
        Ok(())
    }

    /// The file of one of a request's bodies, where it has one.
    pub(crate) fn file(&mut self, seq: i64, files: u8, which: u8) -> Result<Option<Filed>> {
        if files & which == 0 {
            return Ok(None);
        }
        let query = if which == CONTENT_FILE { Query::ContentFile } else { Query::RecordFile };
        let read = |row: &Row<'_>| Ok(Filed::read(row, 0));
        self.sql.get(query)?.query_row([seq], read)?
    }

    fn doom(&mut self, seq: i64, files: u8, which: u8) -> Result<()> {
        if let Some(filed) = self.file(seq, files, which)? {
            self.bodies.doom(filed.name);
        }
        Ok(())
    }

    /// Removes a request with all that belongs to it.
    pub(crate) fn remove(&mut self, seq: i64, files: u8) -> Result<()> {
        self.doom(seq, files, CONTENT_FILE)?;
        self.doom(seq, files, REPLY_FILE)?;
        for query in [
            Query::DeleteContent,
            Query::DeleteRecord,
            Query::DeleteLines,
            Query::DeleteOutbox,
            Query::DeleteRequest,
        ] {
            self.sql.get(query)?.execute([seq])?;
        }
        Ok(())
    }
}
