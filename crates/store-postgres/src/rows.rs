//! Tickets as rows, converted by hand: what is in somebody's database changes only when this file does.

use fal_queue::{CallerRules, Key, State, Ticket};
use fal_record::{names, states};
use fal_types::{Moment, PerCondition, Spent};
use tokio_postgres::Row;

use crate::{
    error::{Failure, Result},
    values::Columns,
};

/// Waits since its submission, and may be claimed.
pub(crate) const FIRST: i16 = 0;
/// Waits again, and may be claimed; or has a moment, which has come.
pub(crate) const AGAIN: i16 = 1;
/// Waits, and its moment had not come when it was last looked at.
pub(crate) const HELD: i16 = 2;
/// One attempt is under way.
pub(crate) const LEASED: i16 = 3;
/// Has ended. Only ever read: such a row is in another table.
const DONE: i16 = 4;

/// The columns of a row of `live`, which a statement calls `l`, in the order that [`read`] expects.
macro_rules! live {
    () => {
        "l.seq, l.id, l.app, l.path, l.priority, l.submitted, l.start_deadline, l.no_retry, \
         l.budgets, l.hint, l.key, l.digest, l.webhook, l.storage, l.state, l.not_before, l.lease, \
         l.lease_attempt, l.lease_node, l.lease_since, NULL::integer AS status, \
         NULL::text AS problem, l.attempts, l.spent, l.spent_server_error, l.spent_timeout, \
         l.spent_connection_error, l.cancel_requested, l.started, NULL::bigint AS finished, \
         NULL::bigint AS expires, false AS is_dead, NULL::uuid AS heir, l.accounts, l.has_lines"
    };
}
pub(crate) use live;

/// The same of a row of `ended`, which a statement calls `e`.
macro_rules! ended {
    () => {
        "e.seq, e.id, e.app, e.path, e.priority, e.submitted, e.start_deadline, e.no_retry, \
         e.budgets, e.hint, e.key, e.digest, e.webhook, e.storage, 4::smallint AS state, \
         NULL::bigint AS not_before, NULL::bigint AS lease, NULL::integer AS lease_attempt, \
         NULL::bigint AS lease_node, NULL::bigint AS lease_since, e.status, e.problem, e.attempts, \
         e.spent, e.spent_server_error, e.spent_timeout, e.spent_connection_error, \
         e.cancel_requested, e.started, e.finished, e.expires, e.is_dead, e.heir, e.accounts, \
         false AS has_lines"
    };
}
pub(crate) use ended;

/// How many columns those are. What a statement reads besides stands behind them.
pub(crate) const COLUMNS: usize = 35;

/// A ticket with what is kept beside it in its row.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) seq: i64,
    pub(crate) ticket: Ticket,
    /// The attempts that are over, as records.
    pub(crate) accounts: Option<Vec<u8>>,
    /// Whether lines of it lie in the table of those that have not ended.
    pub(crate) has_lines: bool,
}

/// Reads a row that begins with the columns of a ticket; what a statement reads besides stands behind them.
pub(crate) fn read(row: &Row) -> Result<(Found, Columns<'_>)> {
    let mut columns = Columns::of(row);
    let found = columns.found()?;
    Ok((found, columns))
}

/// The tickets of an answer.
pub(crate) fn read_all(rows: &[Row]) -> Result<Vec<Found>> {
    rows.iter().map(|row| Ok(read(row)?.0)).collect()
}

impl Columns<'_> {
    fn found(&mut self) -> Result<Found> {
        let seq = self.take()?;
        // A struct's fields are evaluated as they are written here: in the order of the columns.
        let ticket = Ticket {
            id: self.id()?,
            app: self.app()?,
            path: self.text()?,
            priority: names::read_priority(self.take()?),
            submitted: self.moment()?,
            start_deadline: self.optional_moment()?,
            caller: CallerRules { no_retry: self.take()?, budgets: self.budgets()? },
            hint: self.optional_text()?,
            key: self.key()?,
            webhook: self.optional_text()?,
            storage: names::read_storage(self.take()?),
            state: self.state()?,
            attempts: self.small()?,
            spent: self.spent()?,
            cancel_requested: self.take()?,
            started: self.optional_moment()?,
            finished: self.optional_moment()?,
            expires: self.optional_moment()?,
            is_dead: self.take()?,
            heir: self.take::<Option<crate::values::Id>>()?.map(|heir| heir.0),
        };
        Ok(Found { seq, ticket, accounts: self.take()?, has_lines: self.take()? })
    }

    fn budgets(&mut self) -> Result<Option<PerCondition<Option<u8>>>> {
        Ok(self.take::<Option<&str>>()?.map(names::read_budgets).transpose()?)
    }

    fn key(&mut self) -> Result<Option<Key>> {
        let (text, digest) = (self.optional_text()?, self.take::<Option<&[u8]>>()?);
        let Some((text, digest)) = text.zip(digest) else { return Ok(None) };
        let digest = digest.try_into().map_err(|_| Failure::corrupt("a digest is too short"))?;
        Ok(Some(Key { text, digest }))
    }

    fn state(&mut self) -> Result<State> {
        let (code, not_before) = (self.take::<i16>()?, self.optional_moment()?);
        let (lease, attempt) = (self.take::<Option<i64>>()?, self.take::<Option<i32>>()?);
        let (node, since) = (self.take::<Option<i64>>()?, self.optional_moment()?);
        let (status, problem) = (self.take::<Option<i32>>()?, self.take::<Option<&str>>()?);
        let attempt = attempt.and_then(|attempt| u16::try_from(attempt).ok());
        let status = status.and_then(|status| u16::try_from(status).ok());
        let problem = problem.map(names::read_problem).transpose()?;
        let state = match code {
            FIRST | AGAIN | HELD => not_before.map(|not_before| State::Waiting { not_before }),
            LEASED => states::lease(lease, attempt, node, since).map(State::Leased),
            DONE => Some(State::Done(states::ending(status, problem))),
            _ => None,
        };
        state.ok_or_else(|| Failure::corrupt(format!("a request has the state {code}")))
    }

    fn spent(&mut self) -> Result<Spent> {
        let total = self.tiny()?;
        let by_condition = PerCondition {
            server_error: self.tiny()?,
            timeout: self.tiny()?,
            connection_error: self.tiny()?,
        };
        Ok(Spent { total, by_condition })
    }
}

/// The number of the state that a ticket waits in, or is leased in. One that has ended is in another table.
pub(crate) fn code(now: Moment, ticket: &Ticket) -> i16 {
    match ticket.state {
        // Only those that were never anywhere else are first-timers, because of those a claim may pass over the
        // places where it has been.
        State::Waiting { not_before } if not_before.micros() == 0 && ticket.attempts == 0 => FIRST,
        State::Waiting { not_before } if not_before <= now => AGAIN,
        State::Waiting { .. } => HELD,
        State::Leased(_) => LEASED,
        State::Done(_) => DONE,
    }
}
