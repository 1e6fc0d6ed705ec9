//! What a batch changes, gathered column by column until it is sent.

mod ended;
mod hooks;
mod live;

use std::collections::BTreeSet;

use fal_types::{Moment, RequestId};
use futures_util::future::{try_join, try_join3, try_join4};

pub(crate) use self::{
    ended::Ends,
    hooks::{Finished, Hook, Hooks},
    live::{Inserts, Updates},
};
use crate::{
    days,
    error::{Failure, Result},
    query::{Query, change},
    session::{Session, Value},
    values::Id,
};

/// Bodies, in bytes, that are sent at once.
const HEAVY: usize = 16 * 1024 * 1024;

/// Everything that is under way.
#[derive(Debug, Default)]
pub(crate) struct Writes<'a> {
    pub(crate) inserts: Inserts,
    pub(crate) contents: Contents<'a>,
    pub(crate) taken: Taken,
    pub(crate) updates: Updates,
    pub(crate) lines: Lines,
    pub(crate) ends: Ends<'a>,
    pub(crate) kept: Expiring,
    pub(crate) dropped: Vec<Id>,
    pub(crate) moved_lines: Expiring,
    pub(crate) last_lines: LastLines,
    pub(crate) freed: Freed,
    pub(crate) hooks: Hooks,
    pub(crate) changed_hooks: Hooks,
    pub(crate) finished: Finished,
    pub(crate) revived: Expiring,
}

impl Writes<'_> {
    /// The days on which something expires that is to be kept.
    pub(crate) fn days(&self) -> BTreeSet<i64> {
        let expiries = [&self.ends.expires, &self.last_lines.expires, &self.finished.expires];
        expiries.into_iter().flatten().map(|expires| days::of(*expires)).collect()
    }

    /// Whether it is better sent now than together with what comes: bodies may be large, and the server takes no message
    /// above 1 GB.
    pub(crate) fn is_heavy(&self) -> bool {
        self.contents.bytes.saturating_add(self.ends.bytes) >= HEAVY
    }

    /// Sends all of it, one statement behind the other without waiting between them.
    pub(crate) async fn send(&self, session: &Session) -> Result<()> {
        // The order matters: lines that were printed before are moved before the last ones are added, and a webhook is
        // removed from among the finished ones after it is back among the others.
        let begun = try_join4(
            self.inserts.send(session),
            self.contents.send(session),
            self.taken.send(session),
            self.updates.send(session),
        );
        let ended = try_join4(
            self.lines.send(session),
            self.ends.send(session),
            self.kept.send(session, change::KEEP_CONTENTS),
            unless_empty(session, change::DROP_CONTENTS, &self.dropped, [&self.dropped]),
        );
        let besides = try_join3(
            self.moved_lines.send(session, change::END_LINES),
            self.last_lines.send(session),
            self.freed.send(session),
        );
        let hooks = try_join4(
            self.hooks.insert(session),
            self.changed_hooks.update(session),
            self.finished.send(session),
            self.revived.send(session, change::REVIVE_HOOKS),
        );
        Box::pin(try_join(try_join(begun, ended), try_join(besides, hooks))).await?;
        Ok(())
    }
}

/// Sends one statement, where there is anything to send.
async fn unless_empty<T, const N: usize>(
    session: &Session,
    query: Query,
    column: &[T],
    values: [Value<'_>; N],
) -> Result<u64> {
    if column.is_empty() { Ok(0) } else { session.change(query, values).await }
}

/// The same, where each row must be met by one.
async fn each<T, const N: usize>(
    session: &Session,
    query: Query,
    column: &[T],
    values: [Value<'_>; N],
) -> Result<()> {
    let changed = unless_empty(session, query, column, values).await?;
    if u64::try_from(column.len()) == Ok(changed) {
        return Ok(());
    }
    Err(Failure::Clash("somebody else was there first".to_owned()))
}

/// What is forwarded.
#[derive(Debug, Default)]
pub(crate) struct Contents<'a> {
    id: Vec<Id>,
    headers: Vec<Vec<u8>>,
    body: Vec<&'a [u8]>,
    /// All of the bodies.
    bytes: usize,
}

impl<'a> Contents<'a> {
    pub(crate) fn push(&mut self, id: RequestId, content: &'a fal_queue::store::Content) {
        self.bytes = self.bytes.saturating_add(content.body.len());
        self.id.push(Id(id));
        self.headers.push(fal_record::headers::write(&content.headers));
        self.body.push(&content.body);
    }

    async fn send(&self, session: &Session) -> Result<u64> {
        let values: [Value<'_>; 3] = [&self.id, &self.headers, &self.body];
        unless_empty(session, change::INSERT_CONTENTS, &self.id, values).await
    }
}

/// Keys that now stand for a request.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    given: Option<i64>,
    app: Vec<String>,
    key: Vec<Vec<u8>>,
    digest: Vec<Vec<u8>>,
    request: Vec<Id>,
}

impl Taken {
    pub(crate) fn push(&mut self, given: Option<i64>, ticket: &fal_queue::Ticket) {
        let Some(key) = &ticket.key else { return };
        self.given = given;
        self.app.push(ticket.app.as_str().to_owned());
        self.key.push(key.text.as_bytes().to_vec());
        self.digest.push(key.digest.to_vec());
        self.request.push(Id(ticket.id));
    }

    async fn send(&self, session: &Session) -> Result<()> {
        let values: [Value<'_>; 5] =
            [&self.given, &self.app, &self.key, &self.digest, &self.request];
        each(session, change::TAKE_KEYS, &self.app, values).await
    }
}

/// Keys that become free with the expiry of their request.
#[derive(Debug, Default)]
pub(crate) struct Freed {
    app: Vec<String>,
    key: Vec<Vec<u8>>,
    request: Vec<Id>,
    expires: Vec<i64>,
}

impl Freed {
    pub(crate) fn push(&mut self, ticket: &fal_queue::Ticket, expires: Moment) {
        let Some(key) = &ticket.key else { return };
        self.app.push(ticket.app.as_str().to_owned());
        self.key.push(key.text.as_bytes().to_vec());
        self.request.push(Id(ticket.id));
        self.expires.push(fal_record::moment::write(expires));
    }

    async fn send(&self, session: &Session) -> Result<u64> {
        let values: [Value<'_>; 4] = [&self.app, &self.key, &self.request, &self.expires];
        unless_empty(session, change::EXPIRE_KEYS, &self.app, values).await
    }
}

/// Lines of requests that have not ended.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    id: Vec<Id>,
    lines: Vec<Vec<u8>>,
}

impl Lines {
    pub(crate) fn push(&mut self, id: RequestId, lines: Vec<u8>) {
        self.id.push(Id(id));
        self.lines.push(lines);
    }

    async fn send(&self, session: &Session) -> Result<u64> {
        unless_empty(session, change::INSERT_LINES, &self.id, [&self.id, &self.lines]).await
    }
}

/// Lines of requests that end in this very batch.
#[derive(Debug, Default)]
pub(crate) struct LastLines {
    id: Vec<Id>,
    expires: Vec<i64>,
    lines: Vec<Vec<u8>>,
}

impl LastLines {
    pub(crate) fn push(&mut self, id: RequestId, expires: Moment, lines: Vec<u8>) {
        self.id.push(Id(id));
        self.expires.push(fal_record::moment::write(expires));
        self.lines.push(lines);
    }

    async fn send(&self, session: &Session) -> Result<u64> {
        let values: [Value<'_>; 3] = [&self.id, &self.expires, &self.lines];
        unless_empty(session, change::INSERT_ENDED_LINES, &self.id, values).await
    }
}

/// Ids of what moves to where it lies until a moment.
#[derive(Debug, Default)]
pub(crate) struct Expiring {
    id: Vec<Id>,
    expires: Vec<i64>,
}

impl Expiring {
    pub(crate) fn push(&mut self, id: RequestId, expires: Moment) {
        self.id.push(Id(id));
        self.expires.push(fal_record::moment::write(expires));
    }

    async fn send(&self, session: &Session, query: Query) -> Result<u64> {
        unless_empty(session, query, &self.id, [&self.id, &self.expires]).await
    }
}
