//! Columns of what waits or runs.

use fal_queue::{State, Ticket};
use fal_record::{moment, names};
use fal_types::Moment;

use super::each;
use crate::{
    error::Result,
    query::change,
    rows::{self, Found},
    session::{Session, Value},
    values::{Id, number},
};

/// New requests. What moves later is as it is for every new one.
#[derive(Debug, Default)]
pub(crate) struct Inserts {
    id: Vec<Id>,
    app: Vec<String>,
    path: Vec<Vec<u8>>,
    priority: Vec<i16>,
    submitted: Vec<i64>,
    start_deadline: Vec<Option<i64>>,
    no_retry: Vec<bool>,
    budgets: Vec<Option<String>>,
    hint: Vec<Option<Vec<u8>>>,
    key: Vec<Option<Vec<u8>>>,
    digest: Vec<Option<Vec<u8>>>,
    webhook: Vec<Option<Vec<u8>>>,
    storage: Vec<i16>,
    state: Vec<i16>,
    not_before: Vec<Option<i64>>,
}

impl Inserts {
    pub(crate) fn push(&mut self, now: Moment, ticket: &Ticket) {
        let bytes = |text: &String| text.as_bytes().to_vec();
        self.id.push(Id(ticket.id));
        self.app.push(ticket.app.as_str().to_owned());
        self.path.push(bytes(&ticket.path));
        self.priority.push(names::priority(ticket.priority));
        self.submitted.push(moment::write(ticket.submitted));
        self.start_deadline.push(ticket.start_deadline.map(moment::write));
        self.no_retry.push(ticket.caller.no_retry);
        self.budgets.push(ticket.caller.budgets.as_ref().map(names::budgets));
        self.hint.push(ticket.hint.as_ref().map(bytes));
        self.key.push(ticket.key.as_ref().map(|key| bytes(&key.text)));
        self.digest.push(ticket.key.as_ref().map(|key| key.digest.to_vec()));
        self.webhook.push(ticket.webhook.as_ref().map(bytes));
        self.storage.push(names::storage(ticket.storage));
        self.state.push(rows::code(now, ticket));
        self.not_before.push(match ticket.state {
            State::Waiting { not_before } => Some(moment::write(not_before)),
            State::Leased(_) | State::Done(_) => None,
        });
    }

    pub(super) async fn send(&self, session: &Session) -> Result<()> {
        let values: [Value<'_>; 15] = [
            &self.id,
            &self.app,
            &self.path,
            &self.priority,
            &self.submitted,
            &self.start_deadline,
            &self.no_retry,
            &self.budgets,
            &self.hint,
            &self.key,
            &self.digest,
            &self.webhook,
            &self.storage,
            &self.state,
            &self.not_before,
        ];
        each(session, change::INSERT, &self.id, values).await
    }
}

/// What a step may change of any ticket.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) id: Vec<Id>,
    pub(super) attempts: Vec<i32>,
    pub(super) spent: Vec<i16>,
    pub(super) spent_server_error: Vec<i16>,
    pub(super) spent_timeout: Vec<i16>,
    pub(super) spent_connection_error: Vec<i16>,
    pub(super) cancel_requested: Vec<bool>,
    pub(super) started: Vec<Option<i64>>,
    pub(super) accounts: Vec<Option<Vec<u8>>>,
}

impl Progress {
    pub(super) fn push(&mut self, found: Found) {
        let Found { ticket, accounts, .. } = found;
        self.id.push(Id(ticket.id));
        self.attempts.push(ticket.attempts.into());
        self.spent.push(ticket.spent.total.into());
        self.spent_server_error.push(ticket.spent.by_condition.server_error.into());
        self.spent_timeout.push(ticket.spent.by_condition.timeout.into());
        self.spent_connection_error.push(ticket.spent.by_condition.connection_error.into());
        self.cancel_requested.push(ticket.cancel_requested);
        self.started.push(ticket.started.map(moment::write));
        self.accounts.push(accounts);
    }

    pub(super) fn values(&self) -> [Value<'_>; 9] {
        [
            &self.id,
            &self.attempts,
            &self.spent,
            &self.spent_server_error,
            &self.spent_timeout,
            &self.spent_connection_error,
            &self.cancel_requested,
            &self.started,
            &self.accounts,
        ]
    }
}

/// Requests that stay where they are, waiting or leased.
#[derive(Debug, Default)]
pub(crate) struct Updates {
    progress: Progress,
    state: Vec<i16>,
    not_before: Vec<Option<i64>>,
    lease: Vec<Option<i64>>,
    lease_attempt: Vec<Option<i32>>,
    lease_node: Vec<Option<i64>>,
    lease_since: Vec<Option<i64>>,
    has_lines: Vec<bool>,
}

impl Updates {
    pub(crate) fn push(&mut self, now: Moment, found: Found) {
        let (held, due) = match found.ticket.state {
            State::Waiting { not_before } => (None, Some(moment::write(not_before))),
            State::Leased(lease) => (Some(lease), None),
            State::Done(_) => (None, None),
        };
        self.state.push(rows::code(now, &found.ticket));
        self.not_before.push(due);
        self.lease.push(held.map(|lease| number(lease.id.number())));
        self.lease_attempt.push(held.map(|lease| lease.attempt.number().into()));
        self.lease_node.push(held.map(|lease| number(lease.node.0)));
        self.lease_since.push(held.map(|lease| moment::write(lease.since)));
        self.has_lines.push(found.has_lines);
        self.progress.push(found);
    }

    pub(super) async fn send(&self, session: &Session) -> Result<()> {
        let own: [Value<'_>; 7] = [
            &self.state,
            &self.not_before,
            &self.lease,
            &self.lease_attempt,
            &self.lease_node,
            &self.lease_since,
            &self.has_lines,
        ];
        let [id, attempts, spent, server, timeout, connection, cancel, started, accounts] =
            self.progress.values();
        let [state, not_before, lease, attempt, node, since, lines] = own;
        let values = [
            id, attempts, spent, server, timeout, connection, cancel, started, accounts, state,
            not_before, lease, attempt, node, since, lines,
        ];
        each(session, change::UPDATE, &self.progress.id, values).await
    }
}
