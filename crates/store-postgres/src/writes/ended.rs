//! Columns of what has ended.

use fal_queue::{Ending, State, store::Reply};
use fal_record::{headers, moment, names};
use fal_types::Moment;

use super::{each, live::Progress};
use crate::{
    error::Result,
    query::change,
    rows::Found,
    session::{Session, Value},
};

/// Requests that move to where they lie until they expire.
#[derive(Debug, Default)]
pub(crate) struct Ends<'a> {
    progress: Progress,
    status: Vec<Option<i32>>,
    problem: Vec<Option<&'static str>>,
    finished: Vec<i64>,
    pub(super) expires: Vec<i64>,
    is_dead: Vec<bool>,
    reply_status: Vec<Option<i32>>,
    reply_headers: Vec<Option<Vec<u8>>>,
    reply_body: Vec<Option<&'a [u8]>>,
    /// All of the bodies.
    pub(super) bytes: usize,
}

impl<'a> Ends<'a> {
    /// `expires` is what the ticket says, which every one that has ended does.
    pub(crate) fn push(&mut self, found: Found, expires: Moment, reply: Option<&'a Reply>) {
        let (status, problem) = match found.ticket.state {
            State::Done(Ending::Responded(status)) => (Some(status.code().into()), None),
            State::Done(Ending::Failed(problem)) => (None, Some(names::problem(problem))),
            State::Done(Ending::Cancelled) | State::Waiting { .. } | State::Leased(_) => {
                (None, None)
            }
        };
        self.status.push(status);
        self.problem.push(problem);
        self.finished.push(moment::write(found.ticket.finished.unwrap_or_default()));
        self.expires.push(moment::write(expires));
        self.is_dead.push(found.ticket.is_dead);
        self.reply_status.push(reply.map(|reply| reply.status.code().into()));
        self.reply_headers.push(reply.map(|reply| headers::write(&reply.headers)));
        self.reply_body.push(reply.map(|reply| reply.body.as_slice()));
        self.bytes = self.bytes.saturating_add(reply.map_or(0, |reply| reply.body.len()));
        self.progress.push(found);
    }

    pub(super) async fn send(&self, session: &Session) -> Result<()> {
        let own: [Value<'_>; 8] = [
            &self.status,
            &self.problem,
            &self.finished,
            &self.expires,
            &self.is_dead,
            &self.reply_status,
            &self.reply_headers,
            &self.reply_body,
        ];
        let [id, attempts, spent, server, timeout, connection, cancel, started, accounts] =
            self.progress.values();
        let [status, problem, finished, expires, is_dead, reply, headers, body] = own;
        let values = [
            id, attempts, spent, server, timeout, connection, cancel, started, accounts, status,
            problem, finished, expires, is_dead, reply, headers, body,
        ];
        each(session, change::END, &self.progress.id, values).await
    }
}
