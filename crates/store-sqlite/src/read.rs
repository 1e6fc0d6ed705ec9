//! The reading connections: one statement a question, so that each sees one moment of the store.

use std::path::{Path, PathBuf};

use fal_queue::{
    Account, Ticket,
    store::{self, Backlog, Content, Error, Line, Reply, Webhook},
};
use fal_record::{headers, journal};
use fal_types::{AppId, Moment, RequestId, Status};
use rusqlite::{Connection, OptionalExtension as _, Params, Row};

use crate::{
    bodies::{self, Filed},
    error::Result,
    open,
    rows::{self, columns},
};

const TICKET: &str = concat!("SELECT ", columns!(), " FROM requests WHERE id = ?1 AND app = ?2");

const FIND: &str = concat!("SELECT ", columns!(), " FROM requests WHERE id = ?1");

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
    SELECT records.status, headers, body, file, records.size FROM requests CROSS JOIN records USING (seq)
    WHERE id = ?1 AND records.status IS NOT NULL";

const CONTENT: &str = "
    SELECT headers, body, file, contents.size FROM requests CROSS JOIN contents USING (seq) WHERE id = ?1";

const ACCOUNTS: &str = "
    SELECT accounts FROM requests CROSS JOIN records USING (seq)
    WHERE id = ?1 AND accounts IS NOT NULL";

const LINES: &str = "
    SELECT text FROM requests CROSS JOIN lines USING (seq) WHERE id = ?1 ORDER BY part";

const WEBHOOK: &str = "
    SELECT webhook, due, number, sent FROM requests CROSS JOIN outbox USING (seq) WHERE id = ?1";

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

const DEAD: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM requests INDEXED BY dead_of_app WHERE is_dead = 1 AND app = ?1
    ORDER BY finished DESC, seq DESC LIMIT ?2"
);

const DEAD_OF_ALL: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM requests INDEXED BY dead WHERE is_dead = 1 ORDER BY finished DESC, seq DESC LIMIT ?1"
);

/// What is asked for one app or one request: each of these must be answered from an index.
#[cfg(test)]
pub(crate) const ALL: [&str; 11] =
    [TICKET, FIND, AHEAD, REPLY, CONTENT, ACCOUNTS, LINES, WEBHOOK, BACKLOG, RECENT, DEAD];

type Answer<T> = std::result::Result<T, Error>;

/// A connection that only asks.
#[derive(Debug)]
pub(crate) struct Reader {
    connection: Connection,
    /// Where large bodies lie.
    folder: PathBuf,
}

impl Reader {
    pub(crate) fn open(database: &Path) -> Answer<Self> {
        Ok(Self { connection: open::read_only(database)?, folder: bodies::folder(database) })
    }

    /// The first row of the answer, where there is one.
    fn one<T>(
        &self,
        text: &str,
        values: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Answer<Option<T>> {
        let mut statement =
            self.connection.prepare_cached(text).map_err(crate::error::Failure::from)?;
        let found = statement.query_row(values, |row| Ok(read(row))).optional();
        Ok(found.map_err(crate::error::Failure::from)?.transpose()?)
    }

    /// What `ask` finds, with its body where that lies in a file. The file is read when the question
    /// is over, so it may be gone by then together with its row.
    fn whole<T>(
        &self,
        ask: impl Fn(&Self) -> Answer<Option<(T, Option<Filed>)>>,
        body: impl FnOnce(&mut T) -> &mut Vec<u8>,
    ) -> Answer<Option<T>> {
        let Some((mut found, filed)) = ask(self)? else { return Ok(None) };
        let Some(filed) = filed else { return Ok(Some(found)) };
        match bodies::read(&self.folder, &filed) {
            Ok(bytes) => {
                *body(&mut found) = bytes;
                Ok(Some(found))
            }
            Err(failure) => match ask(self)? {
                Some((_, Some(still))) if still == filed => Err(failure.into()),
                Some(_) | None => Ok(None),
            },
        }
    }

    fn many<T>(
        &self,
        text: &str,
        values: impl Params,
        read: impl Fn(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut statement = self.connection.prepare_cached(text)?;
        let mut rows = statement.query(values)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(read(row)?);
        }
        Ok(found)
    }
}

impl store::Reader for Reader {
    fn ticket(&mut self, app: &AppId, id: RequestId) -> Answer<Option<Ticket>> {
        let read = |row: &Row<'_>| Ok(rows::read(row, Some(app))?.ticket);
        self.one(TICKET, (rows::id(id), app.as_str()), read)
    }

    fn find(&mut self, id: RequestId) -> Answer<Option<Ticket>> {
        self.one(FIND, [rows::id(id)], |row| Ok(rows::read(row, None)?.ticket))
    }

    fn ahead(&mut self, ticket: &Ticket) -> Answer<u64> {
        let ahead = self.one(AHEAD, [rows::id(ticket.id)], |row| count(row, 0))?;
        Ok(ahead.unwrap_or_default())
    }

    fn reply(&mut self, id: RequestId) -> Answer<Option<Reply>> {
        let ask = |reader: &Self| {
            reader.one(REPLY, [rows::id(id)], |row| {
                let (status, headers) = (Status::new(row.get(0)?), headers::read(blob(row, 1)?)?);
                let reply = Reply { status, headers, body: row.get(2)? };
                Ok((reply, Filed::read(row, 3)?))
            })
        };
        self.whole(ask, |reply| &mut reply.body)
    }

    fn content(&mut self, id: RequestId) -> Answer<Option<Content>> {
        let ask = |reader: &Self| {
            reader.one(CONTENT, [rows::id(id)], |row| {
                let content = Content { headers: headers::read(blob(row, 0)?)?, body: row.get(1)? };
                Ok((content, Filed::read(row, 2)?))
            })
        };
        self.whole(ask, |content| &mut content.body)
    }

    fn accounts(&mut self, id: RequestId) -> Answer<Vec<Account>> {
        let read = |row: &Row<'_>| Ok(journal::read_accounts(blob(row, 0)?)?);
        Ok(self.one(ACCOUNTS, [rows::id(id)], read)?.unwrap_or_default())
    }

    fn lines(&mut self, id: RequestId) -> Answer<Vec<Line>> {
        Ok(self
            .many(LINES, [rows::id(id)], |row| Ok(journal::read_lines(blob(row, 0)?)?))?
            .concat())
    }

    fn webhook(&mut self, id: RequestId) -> Answer<Option<Webhook>> {
        self.one(WEBHOOK, [rows::id(id)], |row| {
            let (url, next) = (row.get(0)?, rows::optional_moment(row, 1)?);
            let (number, sent) = (row.get(2)?, journal::read_sent(blob(row, 3)?)?);
            Ok(Webhook { url, next, number, sent })
        })
    }

    fn backlog(&mut self, app: &AppId) -> Answer<Backlog> {
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

    fn recent(&mut self, app: Option<&AppId>, limit: u32) -> Answer<Vec<Ticket>> {
        Ok(match app {
            Some(app) => self.many(RECENT, (app.as_str(), limit), ticket)?,
            None => self.many(RECENT_OF_ALL, [limit], ticket)?,
        })
    }

    fn dead(&mut self, app: Option<&AppId>, limit: u32) -> Answer<Vec<Ticket>> {
        Ok(match app {
            Some(app) => self.many(DEAD, (app.as_str(), limit), ticket)?,
            None => self.many(DEAD_OF_ALL, [limit], ticket)?,
        })
    }
}

fn ticket(row: &Row<'_>) -> Result<Ticket> {
    Ok(rows::read(row, None)?.ticket)
}

fn blob<'a>(row: &'a Row<'_>, at: usize) -> Result<&'a [u8]> {
    Ok(row.get_ref(at)?.as_blob().map_err(rusqlite::Error::from)?)
}

pub(crate) fn count(row: &Row<'_>, at: usize) -> Result<u64> {
    // A count is not negative.
    Ok(row.get::<_, i64>(at)?.unsigned_abs())
}
