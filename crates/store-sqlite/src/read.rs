//! The reading connections: one statement a question, so that each sees one moment of the store.

use fal_queue::{
    Ticket,
    store::{self, Backlog, Error, Reply},
};
use fal_types::{AppId, Moment, RequestId, Status};
use rusqlite::{Connection, OptionalExtension as _, Params, Row};

use crate::{
    error::Result,
    headers,
    rows::{self, columns},
};

const TICKET: &str = concat!("SELECT ", columns!(), " FROM requests WHERE id = ?1 AND app = ?2");

/// Those ahead are the waiting ones of a higher priority and the earlier ones of the same, ready
/// or held: four ranges of one index.
const AHEAD: &str = "
    SELECT (
        SELECT count(*) FROM requests INDEXED BY waiting
        WHERE app = mine.app AND state < 2 AND state IN (0, 1) AND priority < mine.priority
    ) + (
        SELECT count(*) FROM requests INDEXED BY waiting
        WHERE app = mine.app AND state < 2 AND state IN (0, 1) AND priority = mine.priority
            AND seq < mine.seq
    ) FROM requests AS mine WHERE id = ?1 AND state < 2";

const REPLY: &str = "
    SELECT replies.status, headers, body FROM requests JOIN replies USING (seq) WHERE id = ?1";

/// How many wait, how many of them have a moment, and the earliest of those.
const BACKLOG: &str = "
    SELECT (
        SELECT count(*) FROM requests INDEXED BY waiting
        WHERE app = ?1 AND state < 2 AND state IN (0, 1)
    ), (
        SELECT count(*) FROM requests INDEXED BY timed
        WHERE app = ?1 AND state < 2 AND state IN (0, 1) AND not_before > 0
    ), (
        SELECT min(not_before) FROM requests INDEXED BY timed
        WHERE app = ?1 AND state < 2 AND state IN (0, 1) AND not_before > 0
    )";

const RECENT: &str =
    concat!("SELECT ", columns!(), " FROM requests WHERE app = ?1 ORDER BY seq DESC LIMIT ?2");

const RECENT_OF_ALL: &str =
    concat!("SELECT ", columns!(), " FROM requests ORDER BY seq DESC LIMIT ?1");

/// What is asked for one app or one request: each of these must be answered from an index.
#[cfg(test)]
pub(crate) const ALL: [&str; 5] = [TICKET, AHEAD, REPLY, BACKLOG, RECENT];

/// A connection that only asks.
#[derive(Debug)]
pub(crate) struct Reader {
    connection: Connection,
}

impl Reader {
    pub(crate) const fn new(connection: Connection) -> Self {
        Self { connection }
    }

    /// The first row of the answer, where there is one.
    fn one<T>(
        &self,
        text: &str,
        values: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> std::result::Result<Option<T>, Error> {
        let mut statement = self.connection.prepare(text).map_err(crate::error::Failure::from)?;
        let found = statement.query_row(values, |row| Ok(read(row))).optional();
        Ok(found.map_err(crate::error::Failure::from)?.transpose()?)
    }

    fn many(&self, text: &str, values: impl Params) -> Result<Vec<Ticket>> {
        let mut statement = self.connection.prepare(text)?;
        let mut rows = statement.query(values)?;
        let mut tickets = Vec::new();
        while let Some(row) = rows.next()? {
            tickets.push(rows::read(row, None)?.ticket);
        }
        Ok(tickets)
    }
}

impl store::Reader for Reader {
    fn ticket(&mut self, app: &AppId, id: RequestId) -> std::result::Result<Option<Ticket>, Error> {
        let read = |row: &Row<'_>| Ok(rows::read(row, Some(app))?.ticket);
        self.one(TICKET, (rows::id(id), app.as_str()), read)
    }

    fn ahead(&mut self, ticket: &Ticket) -> std::result::Result<u64, Error> {
        let ahead = self.one(AHEAD, [rows::id(ticket.id)], |row| count(row, 0))?;
        Ok(ahead.unwrap_or_default())
    }

    fn reply(&mut self, id: RequestId) -> std::result::Result<Option<Reply>, Error> {
        self.one(REPLY, [rows::id(id)], |row| {
            let headers = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
            Ok(Reply {
                status: Status::new(row.get(0)?),
                headers: headers::decode(headers)?,
                body: row.get(2)?,
            })
        })
    }

    fn backlog(&mut self, app: &AppId) -> std::result::Result<Backlog, Error> {
        let read = |row: &Row<'_>| {
            let (waiting, timed) = (count(row, 0)?, count(row, 1)?);
            let next_due = match waiting > timed {
                true => Some(Moment::from_micros(0)),
                false => rows::optional_moment(row, 2)?,
            };
            Ok(Backlog { waiting, next_due })
        };
        Ok(self.one(BACKLOG, [app.as_str()], read)?.unwrap_or_default())
    }

    fn recent(
        &mut self,
        app: Option<&AppId>,
        limit: u32,
    ) -> std::result::Result<Vec<Ticket>, Error> {
        Ok(match app {
            Some(app) => self.many(RECENT, (app.as_str(), limit))?,
            None => self.many(RECENT_OF_ALL, [limit])?,
        })
    }
}

pub(crate) fn count(row: &Row<'_>, at: usize) -> Result<u64> {
    // A count is not negative.
    Ok(row.get::<_, i64>(at)?.unsigned_abs())
}
