//! A ticket that is loaded, and locked until the batch ends.

use fal_queue::{
    Account, Ending, Event, Keep, State, Step, Told,
    store::{Reply, Wake},
};
use fal_record::journal;
use fal_types::{Moment, RequestId};

use crate::{
    batch::Batch,
    error::{Failure, Result},
    rows::Found,
    writes::Hook,
};

/// What comes with an event and is kept beside the ticket.
#[derive(Debug, Default)]
pub(crate) struct Besides<'a> {
    pub(crate) told: Told,
    /// What was printed, as records.
    pub(crate) lines: Vec<u8>,
    pub(crate) reply: Option<&'a Reply>,
}

/// A ticket with what has become of it so far.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    pub(crate) found: Found,
    has_moved: bool,
    /// New lines, as records.
    lines: Vec<u8>,
    reply: Option<&'a Reply>,
}

impl<'a> Held<'a> {
    pub(crate) const fn new(found: Found) -> Self {
        Self { found, has_moved: false, lines: Vec::new(), reply: None }
    }

    pub(crate) const fn id(&self) -> RequestId {
        self.found.ticket.id
    }

    /// What happens to a ticket on every event: it is moved, stamped, and what belongs to that is noted. False where it
    /// did not move.
    pub(crate) fn step(
        &mut self,
        keep: Keep,
        now: Moment,
        event: &Event,
        besides: Besides<'a>,
    ) -> bool {
        let ticket = &mut self.found.ticket;
        let before = ticket.state;
        match ticket.step(now, event) {
            Step::Moved => {}
            Step::Stale | Step::Ignored | Step::Impossible => return false,
        }
        self.has_moved = true;
        if let Some(account) = Account::of(&before, ticket, now, event, besides.told) {
            let records = self.found.accounts.get_or_insert_default();
            records.append(&mut journal::account(&account));
        }
        let is_answered =
            matches!(ticket.state, State::Done(Ending::Responded(_) | Ending::Failed(_)));
        self.reply = besides.reply.filter(|_| is_answered);
        keep.stamp(ticket, self.reply.map_or(0, |reply| reply.body.len()));
        self.print(besides.lines);
        true
    }

    /// Keeps what was printed.
    pub(crate) fn print(&mut self, mut lines: Vec<u8>) {
        self.lines.append(&mut lines);
    }
}

impl<'a> Batch<'a> {
    /// Writes back what has become of a ticket.
    pub(crate) fn keep(&mut self, held: Held<'a>) -> Result<()> {
        if matches!(held.found.ticket.state, State::Done(_)) {
            return self.end(held);
        }
        let Held { mut found, has_moved, lines, .. } = held;
        let id = found.ticket.id;
        let is_first = !lines.is_empty() && !found.has_lines;
        if !lines.is_empty() {
            found.has_lines = true;
            self.writes.lines.push(id, lines);
        }
        if has_moved {
            self.wakes.push(Wake::Changed(id));
            if found.ticket.is_waiting() {
                self.wakes.push(Wake::Waiting(found.ticket.app.clone()));
            }
        }
        if has_moved || is_first {
            self.writes.updates.push(self.now()?, found);
        }
        Ok(())
    }

    /// Moves a ticket that has ended, with all that belongs to it.
    fn end(&mut self, held: Held<'a>) -> Result<()> {
        let Held { found, lines, reply, .. } = held;
        let (ticket, now) = (&found.ticket, self.now()?);
        let id = ticket.id;
        let expires = ticket.expires.ok_or_else(|| Failure::corrupt("an end has no expiry"))?;
        self.wakes.push(Wake::Changed(id));
        if ticket.keeps_content() {
            self.writes.kept.push(id, expires);
        } else {
            self.writes.dropped.push(crate::values::Id(id));
        }
        if found.has_lines {
            self.writes.moved_lines.push(id, expires);
        }
        if !lines.is_empty() {
            self.writes.last_lines.push(id, expires, lines);
        }
        self.writes.freed.push(ticket, expires);
        //= docs/contract.md#webhook-durable
        //# A webhook MUST become durable together with the end that it tells of.
        if let Some(url) = ticket.webhook.clone() {
            let app = ticket.app.clone();
            let (due, number, base, sent) = (Some(now), 0, 0, None);
            let hook =
                Hook { request: id, seq: found.seq, app, url, due, number, base, sent, expires };
            self.writes.hooks.push(hook, now)?;
        }
        self.writes.ends.push(found, expires, reply);
        Ok(())
    }
}
