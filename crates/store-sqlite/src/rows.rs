//! Tickets as rows, converted by hand: what is on disk changes only when this file does.

use fal_queue::{CallerRules, Ending, Key, State, Ticket, store::Error};
use fal_record::{moment, names, states};
use fal_types::{AppId, Moment, PerCondition, RequestId, Spent};
use rusqlite::{Row, Statement, ToSql, types::FromSql};

use crate::error::{Failure, Result};

/// Waits, and may be claimed.
pub(crate) const READY: u8 = 0;
/// Waits, and its moment had not come when it was last looked at.
pub(crate) const HELD: u8 = 1;
/// One attempt is under way.
pub(crate) const LEASED: u8 = 2;
/// Has ended.
pub(crate) const DONE: u8 = 3;

/// The columns that are read, in the order that [`read`] expects.
macro_rules! columns {
    () => {
        "seq, id, app, path, priority, submitted, start_deadline, no_retry, budgets, hint, \
         state, not_before, lease, lease_attempt, lease_node, lease_since, status, problem, \
         attempts, spent, spent_server_error, spent_timeout, spent_connection_error, \
         cancel_requested, started, finished, expires, key_text, key_digest, webhook, storage, \
         is_dead, heir, files"
    };
}
pub(crate) use columns;

/// The number of columns in [`columns`]. What a statement reads besides stands behind them.
pub(crate) const COLUMNS: usize = 34;

/// What is forwarded lies in a file.
pub(crate) const CONTENT_FILE: u8 = 1;
/// The result lies in a file.
pub(crate) const REPLY_FILE: u8 = 2;

/// A ticket with its row's number.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) seq: i64,
    pub(crate) ticket: Ticket,
    /// Which bodies lie in files: [`CONTENT_FILE`] and [`REPLY_FILE`].
    pub(crate) files: u8,
}

/// An id as it is kept.
pub(crate) const fn id(id: RequestId) -> [u8; 16] {
    id.bits().to_be_bytes()
}

/// The id that was kept.
pub(crate) const fn read_id(bytes: [u8; 16]) -> RequestId {
    RequestId::from_bits(u128::from_be_bytes(bytes))
}

/// A moment that may be missing, from column `at`.
pub(crate) fn optional_moment(row: &Row<'_>, at: usize) -> Result<Option<Moment>> {
    Ok(row.get::<_, Option<i64>>(at)?.map(moment::read).transpose()?)
}

/// A name's number as it is kept: the same bits, for numbers that are never compared by size.
pub(crate) const fn number(number: u64) -> i64 {
    number.cast_signed()
}

/// Fills the parameters of a statement, one after the other.
struct Writer<'a, 'c> {
    statement: &'a mut Statement<'c>,
    /// The number of the last parameter that was filled.
    at: usize,
}

impl Writer<'_, '_> {
    fn put(&mut self, value: impl ToSql) -> Result<()> {
        self.at += 1;
        Ok(self.statement.raw_bind_parameter(self.at, value)?)
    }

    /// The columns that stay as they are from the submission on.
    fn put_fixed(&mut self, ticket: &Ticket) -> Result<()> {
        self.put(id(ticket.id))?;
        self.put(ticket.app.as_str())?;
        self.put(&ticket.path)?;
        self.put(names::priority(ticket.priority))?;
        self.put(moment::write(ticket.submitted))?;
        self.put(ticket.start_deadline.map(moment::write))?;
        self.put(ticket.caller.no_retry)?;
        self.put(ticket.caller.budgets.as_ref().map(names::budgets))?;
        self.put(&ticket.hint)?;
        self.put(ticket.key.as_ref().map(|key| &key.text))?;
        self.put(ticket.key.as_ref().map(|key| key.digest))?;
        self.put(&ticket.webhook)?;
        self.put(names::storage(ticket.storage))
    }

    /// The columns that a step may change.
    fn put_moving(&mut self, now: Moment, ticket: &Ticket) -> Result<()> {
        self.put_state(now, &ticket.state)?;
        self.put(ticket.attempts)?;
        self.put(ticket.spent.total)?;
        self.put(ticket.spent.by_condition.server_error)?;
        self.put(ticket.spent.by_condition.timeout)?;
        self.put(ticket.spent.by_condition.connection_error)?;
        self.put(ticket.cancel_requested)?;
        self.put(ticket.started.map(moment::write))?;
        self.put(ticket.finished.map(moment::write))?;
        self.put(ticket.expires.map(moment::write))?;
        self.put(ticket.is_dead)
    }

    fn put_state(&mut self, now: Moment, state: &State) -> Result<()> {
        let (mut due, mut held, mut ended) = (None, None, (None, None));
        let code = match state {
            State::Waiting { not_before } => {
                due = Some(moment::write(*not_before));
                if *not_before <= now { READY } else { HELD }
            }
            State::Leased(lease) => {
                held = Some(lease);
                LEASED
            }
            State::Done(ending) => {
                ended = match ending {
                    Ending::Responded(status) => (Some(status.code()), None),
                    Ending::Failed(problem) => (None, Some(names::problem(*problem))),
                    Ending::Cancelled => (None, None),
                };
                DONE
            }
        };
        self.put(code)?;
        self.put(due)?;
        self.put(held.map(|lease| number(lease.id.number())))?;
        self.put(held.map(|lease| lease.attempt.number()))?;
        self.put(held.map(|lease| number(lease.node.0)))?;
        self.put(held.map(|lease| moment::write(lease.since)))?;
        self.put(ended.0)?;
        self.put(ended.1)
    }
}

/// Writes a new row: the fixed columns, then the moving ones. False where its id is taken.
pub(crate) fn insert(
    statement: &mut Statement<'_>,
    now: Moment,
    ticket: &Ticket,
    files: u8,
) -> Result<bool> {
    let mut writer = Writer { statement, at: 0 };
    writer.put_fixed(ticket)?;
    writer.put_moving(now, ticket)?;
    writer.put(files)?;
    Ok(statement.raw_execute()? > 0)
}

/// Writes the moving columns of the row `seq`.
pub(crate) fn update(statement: &mut Statement<'_>, now: Moment, found: &Found) -> Result<()> {
    let mut writer = Writer { statement, at: 0 };
    writer.put_moving(now, &found.ticket)?;
    writer.put(found.files)?;
    writer.put(found.seq)?;
    statement.raw_execute()?;
    Ok(())
}

/// Takes the columns of a row, one after the other.
struct Reader<'a> {
    row: &'a Row<'a>,
    /// The next column.
    at: usize,
}

impl Reader<'_> {
    fn take<T: FromSql>(&mut self) -> Result<T> {
        let value = self.row.get(self.at)?;
        self.at += 1;
        Ok(value)
    }

    fn take_moment(&mut self) -> Result<Option<Moment>> {
        Ok(self.take::<Option<i64>>()?.map(moment::read).transpose()?)
    }

    fn take_text<T>(
        &mut self,
        read: impl FnOnce(&str) -> std::result::Result<T, Error>,
    ) -> Result<Option<T>> {
        let text = self.row.get_ref(self.at)?.as_str_or_null().map_err(rusqlite::Error::from)?;
        self.at += 1;
        Ok(text.map(read).transpose()?)
    }

    fn take_app(&mut self, known: Option<&AppId>) -> Result<AppId> {
        let unknown = |text: &str| Error::Corrupt(format!("`{text}` is no app"));
        let app = self.take_text(|text| match known {
            Some(app) => Ok(app.clone()),
            None => text.parse().map_err(|_| unknown(text)),
        })?;
        app.ok_or_else(|| Failure::corrupt("a request has no app"))
    }

    fn take_id(&mut self) -> Result<Option<RequestId>> {
        Ok(self.take::<Option<[u8; 16]>>()?.map(read_id))
    }

    fn take_key(&mut self) -> Result<Option<Key>> {
        let (text, digest) = (self.take::<Option<String>>()?, self.take::<Option<[u8; 32]>>()?);
        Ok(text.zip(digest).map(|(text, digest)| Key { text, digest }))
    }

    fn take_state(&mut self) -> Result<State> {
        let (code, not_before) = (self.take::<u8>()?, self.take_moment()?);
        let (lease, attempt) = (self.take::<Option<i64>>()?, self.take::<Option<u16>>()?);
        let (node, since) = (self.take::<Option<i64>>()?, self.take_moment()?);
        let (status, problem) = (self.take::<Option<u16>>()?, self.take_text(names::read_problem)?);
        let state = match code {
            READY | HELD => not_before.map(|not_before| State::Waiting { not_before }),
            LEASED => states::lease(lease, attempt, node, since).map(State::Leased),
            DONE => Some(State::Done(states::ending(status, problem))),
            _ => None,
        };
        state.ok_or_else(|| Failure::corrupt(format!("a request has the state {code}")))
    }

    fn take_spent(&mut self) -> Result<Spent> {
        let total = self.take()?;
        let by_condition = PerCondition {
            server_error: self.take()?,
            timeout: self.take()?,
            connection_error: self.take()?,
        };
        Ok(Spent { total, by_condition })
    }
}

/// Reads a row that begins with [`columns`]. `app` is given where the statement asked for one.
pub(crate) fn read(row: &Row<'_>, app: Option<&AppId>) -> Result<Found> {
    let mut reader = Reader { row, at: 0 };
    let missing = || Failure::corrupt("a request lacks what every request has");
    let seq = reader.take()?;
    // A struct's fields are evaluated as they are written here: in the order of the columns.
    let ticket = Ticket {
        id: reader.take_id()?.ok_or_else(missing)?,
        app: reader.take_app(app)?,
        path: reader.take()?,
        priority: names::read_priority(reader.take()?),
        submitted: reader.take_moment()?.ok_or_else(missing)?,
        start_deadline: reader.take_moment()?,
        caller: CallerRules {
            no_retry: reader.take()?,
            budgets: reader.take_text(names::read_budgets)?,
        },
        hint: reader.take()?,
        state: reader.take_state()?,
        attempts: reader.take()?,
        spent: reader.take_spent()?,
        cancel_requested: reader.take()?,
        started: reader.take_moment()?,
        finished: reader.take_moment()?,
        expires: reader.take_moment()?,
        key: reader.take_key()?,
        webhook: reader.take()?,
        storage: names::read_storage(reader.take()?),
        is_dead: reader.take()?,
        heir: reader.take_id()?,
    };
    Ok(Found { seq, ticket, files: reader.take()? })
}
