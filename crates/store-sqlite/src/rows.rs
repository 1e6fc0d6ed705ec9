//! Tickets as rows, converted by hand: what is on disk changes only when this file does.

use fal_queue::{CallerRules, Ending, Lease, NodeId, Priority, State, Ticket};
use fal_types::{AppId, Attempt, LeaseId, Moment, PerCondition, Problem, RequestId, Spent, Status};
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

/// Names of problems on disk. One that was ever written keeps its name.
const PROBLEMS: [(Problem, &str); 13] = [
    (Problem::RequestTimeout, "request_timeout"),
    (Problem::StartupTimeout, "startup_timeout"),
    (Problem::StartDeadline, "start_deadline"),
    (Problem::SchedulingFailure, "scheduling_failure"),
    (Problem::ConnectionTimeout, "connection_timeout"),
    (Problem::Disconnected, "disconnected"),
    (Problem::ConnectionRefused, "connection_refused"),
    (Problem::ConnectionError, "connection_error"),
    (Problem::IncompleteResponse, "incomplete_response"),
    (Problem::ClientDisconnected, "client_disconnected"),
    (Problem::ClientCancelled, "client_cancelled"),
    (Problem::BadRequest, "bad_request"),
    (Problem::Internal, "internal"),
];

/// The columns that are read, in the order that [`ticket`] expects.
macro_rules! columns {
    () => {
        "seq, id, app, path, priority, submitted, start_deadline, no_retry, budgets, hint, \
         state, not_before, lease, lease_attempt, lease_node, lease_since, status, problem, \
         attempts, spent, spent_server_error, spent_timeout, spent_connection_error, \
         cancel_requested, started, finished, expires"
    };
}
pub(crate) use columns;

/// The number of columns in [`columns`]. What a statement reads besides stands behind them.
pub(crate) const COLUMNS: usize = 27;

/// A ticket with its row's number.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) seq: i64,
    pub(crate) ticket: Ticket,
}

/// An id as it is kept.
pub(crate) const fn id(id: RequestId) -> [u8; 16] {
    id.bits().to_be_bytes()
}

/// A moment as it is kept: in microseconds, and whatever lies beyond SQLite's integers as the
/// largest of them, which reads as the end of time. So moments compare on disk as they do here.
pub(crate) fn moment(moment: Moment) -> i64 {
    i64::try_from(moment.micros()).unwrap_or(i64::MAX)
}

fn read_moment(micros: i64) -> Result<Moment> {
    match micros {
        i64::MAX => Ok(Moment::from_micros(u64::MAX)),
        past => u64::try_from(past)
            .map(Moment::from_micros)
            .map_err(|_| Failure::corrupt(format!("a moment is {past}"))),
    }
}

/// A moment that may be missing, from column `at`.
pub(crate) fn optional_moment(row: &Row<'_>, at: usize) -> Result<Option<Moment>> {
    row.get::<_, Option<i64>>(at)?.map(read_moment).transpose()
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
        self.put(priority(ticket.priority))?;
        self.put(moment(ticket.submitted))?;
        self.put(ticket.start_deadline.map(moment))?;
        self.put(ticket.caller.no_retry)?;
        self.put(ticket.caller.budgets.as_ref().map(write_budgets))?;
        self.put(&ticket.hint)
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
        self.put(ticket.started.map(moment))?;
        self.put(ticket.finished.map(moment))?;
        self.put(ticket.expires.map(moment))
    }

    fn put_state(&mut self, now: Moment, state: &State) -> Result<()> {
        let (mut due, mut held, mut ended) = (None, None, (None, None));
        let code = match state {
            State::Waiting { not_before } => {
                due = Some(moment(*not_before));
                if *not_before <= now { READY } else { HELD }
            }
            State::Leased(lease) => {
                held = Some(lease);
                LEASED
            }
            State::Done(ending) => {
                ended = match ending {
                    Ending::Responded(status) => (Some(status.code()), None),
                    Ending::Failed(problem) => (None, problem_name(*problem)),
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
        self.put(held.map(|lease| moment(lease.since)))?;
        self.put(ended.0)?;
        self.put(ended.1)
    }
}

/// Writes a new row: the fixed columns, then the moving ones.
pub(crate) fn insert(statement: &mut Statement<'_>, now: Moment, ticket: &Ticket) -> Result<bool> {
    let mut writer = Writer { statement, at: 0 };
    writer.put_fixed(ticket)?;
    writer.put_moving(now, ticket)?;
    Ok(statement.raw_execute()? > 0)
}

/// Writes the moving columns of the row `seq`.
pub(crate) fn update(statement: &mut Statement<'_>, now: Moment, found: &Found) -> Result<()> {
    let mut writer = Writer { statement, at: 0 };
    writer.put_moving(now, &found.ticket)?;
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
        self.take::<Option<i64>>()?.map(read_moment).transpose()
    }

    fn take_text<T>(&mut self, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>> {
        let text = self.row.get_ref(self.at)?.as_str_or_null().map_err(rusqlite::Error::from)?;
        self.at += 1;
        let read =
            |text| parse(text).ok_or_else(|| Failure::corrupt(format!("`{text}` is unknown")));
        text.map(read).transpose()
    }

    fn take_state(&mut self) -> Result<State> {
        let (code, not_before) = (self.take::<u8>()?, self.take_moment()?);
        let (lease, attempt) = (self.take::<Option<i64>>()?, self.take::<Option<u16>>()?);
        let (node, since) = (self.take::<Option<i64>>()?, self.take_moment()?);
        let (status, problem) = (self.take::<Option<u16>>()?, self.take_text(problem)?);
        let state = match code {
            READY | HELD => not_before.map(|not_before| State::Waiting { not_before }),
            LEASED => {
                lease.zip(attempt).zip(node.zip(since)).map(|((lease, attempt), (node, since))| {
                    State::Leased(Lease {
                        id: LeaseId::new(lease.cast_unsigned()),
                        attempt: Attempt::new(attempt),
                        node: NodeId(node.cast_unsigned()),
                        since,
                    })
                })
            }
            DONE => Some(State::Done(match (status, problem) {
                (Some(status), _) => Ending::Responded(Status::new(status)),
                (None, Some(problem)) => Ending::Failed(problem),
                (None, None) => Ending::Cancelled,
            })),
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
        id: RequestId::from_bits(u128::from_be_bytes(reader.take()?)),
        app: reader
            .take_text(|text| app.cloned().or_else(|| text.parse().ok()))?
            .ok_or_else(missing)?,
        path: reader.take()?,
        priority: match reader.take::<u8>()? {
            0 => Priority::Normal,
            _ => Priority::Low,
        },
        submitted: reader.take_moment()?.ok_or_else(missing)?,
        start_deadline: reader.take_moment()?,
        caller: CallerRules { no_retry: reader.take()?, budgets: reader.take_text(read_budgets)? },
        hint: reader.take()?,
        state: reader.take_state()?,
        attempts: reader.take()?,
        spent: reader.take_spent()?,
        cancel_requested: reader.take()?,
        started: reader.take_moment()?,
        finished: reader.take_moment()?,
        expires: reader.take_moment()?,
    };
    Ok(Found { seq, ticket })
}

const fn priority(priority: Priority) -> u8 {
    match priority {
        Priority::Normal => 0,
        Priority::Low => 1,
    }
}

fn problem_name(wanted: Problem) -> Option<&'static str> {
    PROBLEMS.iter().find(|(problem, _)| *problem == wanted).map(|(_, name)| *name)
}

fn problem(wanted: &str) -> Option<Problem> {
    PROBLEMS.iter().find(|(_, name)| *name == wanted).map(|(problem, _)| *problem)
}

/// Budgets as three numbers between commas, in the order of [`PerCondition`]; one that is not set
/// is left out.
fn write_budgets(budgets: &PerCondition<Option<u8>>) -> String {
    let text = |budget: Option<u8>| budget.map(|budget| budget.to_string()).unwrap_or_default();
    let PerCondition { server_error, timeout, connection_error } = *budgets;
    format!("{},{},{}", text(server_error), text(timeout), text(connection_error))
}

fn read_budgets(text: &str) -> Option<PerCondition<Option<u8>>> {
    let mut parts = text.split(',');
    let mut budget = || match parts.next()? {
        "" => Some(None),
        number => number.parse().ok().map(Some),
    };
    Some(PerCondition { server_error: budget()?, timeout: budget()?, connection_error: budget()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_has_a_name_of_its_own() {
        for wanted in Problem::ALL {
            assert_eq!(problem_name(wanted).and_then(problem), Some(wanted));
        }
    }

    #[test]
    fn budgets_read_what_they_write() {
        for server_error in [None, Some(0), Some(255)] {
            let budgets = PerCondition { server_error, timeout: None, connection_error: Some(3) };
            assert_eq!(read_budgets(&write_budgets(&budgets)), Some(budgets));
        }
        assert_eq!(read_budgets("1,2"), None);
        assert_eq!(read_budgets("1,x,2"), None);
    }

    #[test]
    fn moments_keep_their_order_to_the_end_of_time() {
        let end = Moment::from_micros(u64::MAX);
        for (earlier, later) in [(0, 1), (5, u64::MAX), (1 << 62, (1 << 62) + 1)] {
            let micros = |micros| moment(Moment::from_micros(micros));
            assert!(micros(earlier) < micros(later), "{earlier} {later}");
        }
        assert_eq!(read_moment(moment(end)).ok(), Some(end));
        assert!(read_moment(-1).is_err());
    }
}
