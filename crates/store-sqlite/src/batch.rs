//! One batch: every operation in its order, and what callers ask for.

use fal_queue::{
    Event, Keep, State, Ticket,
    store::{CancelAnswer, Content, Done, Line, Op},
};
use fal_record::headers;
use fal_types::{AppId, Attempt, LeaseId, Moment, RequestId};
use rusqlite::{OptionalExtension as _, Row};

use crate::{
    bodies::{Bodies, Filed, INLINE},
    counts::Counts,
    error::Result,
    query::{Query, Statements},
    rows::{self, CONTENT_FILE, Found},
    step::Besides,
};

/// One transaction under way.
pub(crate) struct Batch<'a, 'c> {
    pub(crate) now: Moment,
    pub(crate) keep: Keep,
    pub(crate) sql: Statements<'c>,
    pub(crate) counts: &'a mut Counts,
    pub(crate) bodies: &'a mut Bodies,
}

impl Batch<'_, '_> {
    pub(crate) fn apply_all(mut self, ops: Vec<Op>) -> Result<Vec<Done>> {
        ops.into_iter().map(|op| self.apply(op)).collect()
    }

    fn apply(&mut self, op: Op) -> Result<Done> {
        match op {
            Op::Submit { ticket, content, max_ahead } => self.submit(&ticket, &content, max_ahead),
            Op::Claim { app, max, node, leases_from } => self.claim(&app, max, node, leases_from),
            Op::Settle { request, lease, attempt, ruling, told, lines, reply } => {
                let event = Event::Settled { lease, attempt, ruling };
                self.settle(request, &event, Besides { told, lines, reply })
            }
            Op::Note { request, lease, attempt, lines } => {
                self.note(request, (lease, attempt), &lines)
            }
            Op::Cancel { app, request } => Ok(Done::Cancelled(self.cancel(&app, request)?)),
            Op::Recover { node, leases } => self.recover(node, leases.as_ref()),
            Op::Beat { node, lasts } => self.beat(node, lasts),
            Op::Collect { max, hold } => self.collect(max, hold),
            Op::Sent { request, sent, next } => self.sent(request, &sent, next),
            Op::SendAgain { request } => self.send_again(request),
            Op::Resubmit { request, heir } => self.resubmit(request, heir),
            Op::Drop { request } => self.drop(request),
            Op::Sweep { limit, silent } => self.sweep(limit, silent),
        }
    }

    //= docs/contract.md#queue-position
    //# `queue_position` MUST be the number of waiting requests of the same app that will start
    //# before this one.
    fn submit(
        &mut self,
        ticket: &Ticket,
        content: &Content,
        max_ahead: Option<u64>,
    ) -> Result<Done> {
        if let Some(known) = self.known(ticket)? {
            return Ok(known);
        }
        let (ahead, waiting) = self.counts.ahead(&ticket.app, ticket.priority);
        if max_ahead.is_some_and(|most| waiting > most) {
            let taken = self.is_taken(ticket.id)?;
            return Ok(if taken { Done::Duplicate } else { Done::QueueFull { waiting } });
        }
        let is_large = content.body.len() > INLINE;
        let files = if is_large { CONTENT_FILE } else { 0 };
        if !rows::insert(self.sql.get(Query::Insert)?, self.now, ticket, files)? {
            return Ok(Done::Duplicate);
        }
        let seq = self.sql.last_seq();
        let filed = self.bodies.keep(ticket.id, &content.body)?;
        let (name, size) = Filed::columns(filed);
        let body = if is_large { &[] } else { content.body.as_slice() };
        let values = (seq, headers::write(&content.headers), body, name, size);
        self.sql.get(Query::InsertContent)?.execute(values)?;
        self.counts.added(ticket);
        Ok(Done::Submitted { ahead })
    }

    fn is_taken(&mut self, id: RequestId) -> Result<bool> {
        Ok(self.sql.get(Query::Exists)?.exists([rows::id(id)])?)
    }

    /// What a submit is answered with whose key is known. The key of a request that has expired is
    /// free, and taken from it.
    //= docs/contract.md#idempotency
    //# Of one app, the same `Idempotency-Key` with the same payload MUST be the same request, for as
    //# long as its result is kept.
    //= docs/contract.md#idempotency
    //# With another payload it MUST be answered with 422, and changes nothing.
    fn known(&mut self, ticket: &Ticket) -> Result<Option<Done>> {
        let Some(key) = &ticket.key else { return Ok(None) };
        let read = |row: &Row<'_>| {
            let (seq, id) = (row.get::<_, i64>(0)?, row.get(1)?);
            let digest = row.get::<_, [u8; 32]>(2)?;
            Ok((seq, rows::read_id(id), digest, rows::optional_moment(row, 3)))
        };
        let values = (ticket.app.as_str(), &key.text);
        let found = self.sql.get(Query::Known)?.query_row(values, read).optional()?;
        let Some((seq, request, digest, expires)) = found else { return Ok(None) };
        if self.is_taken(ticket.id)? {
            return Ok(Some(Done::Duplicate));
        }
        if expires?.is_some_and(|expires| expires <= self.now) {
            self.sql.get(Query::FreeKey)?.execute([seq])?;
            return Ok(None);
        }
        let is_same = key.digest == digest;
        Ok(Some(if is_same { Done::Repeated { request } } else { Done::KeyTaken { request } }))
    }

    fn settle(&mut self, request: RequestId, event: &Event, besides: Besides) -> Result<Done> {
        let Some(mut found) = self.find(request)? else { return Ok(Done::Stale) };
        let moved = self.step(&mut found, event, besides)?;
        Ok(if moved { Done::Settled(Box::new(found.ticket)) } else { Done::Stale })
    }

    fn note(
        &mut self,
        request: RequestId,
        named: (LeaseId, Attempt),
        lines: &[Line],
    ) -> Result<Done> {
        let Some(Found { seq, ticket, .. }) = self.find(request)? else { return Ok(Done::Stale) };
        match ticket.state {
            //= docs/contract.md#queue-fencing
            //# A result of an attempt whose lease is no longer current MUST change nothing.
            State::Leased(held) if (held.id, held.attempt) == named => {
                self.append(seq, lines)?;
                Ok(Done::Noted)
            }
            State::Waiting { .. } | State::Leased(_) | State::Done(_) => Ok(Done::Stale),
        }
    }

    fn cancel(&mut self, app: &AppId, request: RequestId) -> Result<CancelAnswer> {
        let found = self.present(request)?.filter(|found| found.ticket.app == *app);
        let Some(mut found) = found else { return Ok(CancelAnswer::Unknown) };
        let answer = CancelAnswer::from_state(&found.ticket.state);
        self.step(&mut found, &Event::CancelAsked, Besides::default())?;
        Ok(answer)
    }
}
