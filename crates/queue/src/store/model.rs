//! The reference store: everything in memory, and every question answered by looking at all of it.
//!
//! It is meant to be obviously right. It stands in for a store in tests, and
//! [`crate::store::conformance`] compares stores with it.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
};

use fal_types::{AppId, LeaseId, Moment, RequestId};

use crate::{
    event::{Event, Step},
    retention::Keep,
    store::{
        Backlog, CancelAnswer, Caps, Content, Done, Durability, Error, Op, Reader, Reply, Store,
    },
    ticket::{Ending, NodeId, Priority, State, Ticket},
};

/// A store that forgets everything with its process.
#[derive(Debug, Default)]
pub struct Model {
    keep: Keep,
    shared: Shared,
}

impl Model {
    /// An empty store that keeps results for as long as `keep` says.
    #[must_use]
    pub fn new(keep: Keep) -> Self {
        Self { keep, shared: Shared::default() }
    }
}

impl Store for Model {
    fn caps(&self) -> Caps {
        Caps {
            shared: false,
            durable: Durability::Memory,
            max_batch: usize::MAX,
            inline_max: usize::MAX,
        }
    }

    fn commit(&mut self, now: Moment, ops: Vec<Op>) -> Result<Vec<Done>, Error> {
        let keep = self.keep;
        Ok(self.shared.with(|content| {
            ops.into_iter().map(|op| Change { keep, now, kept: content }.apply(op)).collect()
        }))
    }

    fn reader(&self) -> Result<Box<dyn Reader>, Error> {
        Ok(Box::new(self.shared.clone()))
    }
}

/// The tickets, shared by the store and its readers. A batch is applied under one lock, so that no
/// reader sees a part of it.
#[derive(Debug, Clone, Default)]
#[expect(
    clippy::disallowed_types,
    reason = "the one lock of the pure crates: readers are on other threads"
)]
struct Shared(Arc<std::sync::Mutex<Kept>>);

impl Shared {
    fn with<T>(&self, act: impl FnOnce(&mut Kept) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[derive(Debug, Default)]
struct Kept {
    entries: BTreeMap<RequestId, Entry>,
    /// How many requests were ever submitted: the next number of the sequence.
    submitted: u64,
}

#[derive(Debug)]
struct Entry {
    sequence: u64,
    ticket: Ticket,
    content: Content,
    reply: Option<Reply>,
}

impl Entry {
    const fn key(&self) -> (Priority, u64) {
        self.ticket.order_key(self.sequence)
    }
}

impl Kept {
    fn of<'a>(&'a self, app: &'a AppId) -> impl Iterator<Item = &'a Entry> {
        self.entries.values().filter(move |entry| entry.ticket.app == *app)
    }

    fn waiting<'a>(&'a self, app: &'a AppId) -> impl Iterator<Item = &'a Entry> {
        self.of(app).filter(|entry| entry.ticket.is_waiting())
    }

    fn ahead(&self, app: &AppId, key: (Priority, u64)) -> u64 {
        //= docs/contract.md#queue-position
        //# `queue_position` MUST be the number of waiting requests of the same app that will
        //# start before this one.
        count(self.waiting(app).filter(|entry| entry.key() < key))
    }

    fn backlog(&self, app: &AppId) -> Backlog {
        let due = |entry: &Entry| match entry.ticket.state {
            State::Waiting { not_before } => Some(not_before),
            State::Leased(_) | State::Done(_) => None,
        };
        Backlog {
            waiting: count(self.waiting(app)),
            next_due: self.waiting(app).filter_map(due).min(),
        }
    }

    /// The ids of the tickets whose next deadline has passed and that `wanted` wants, the earliest
    /// deadline first.
    fn overdue(&self, now: Moment, limit: u32, wanted: fn(&Ticket) -> bool) -> Vec<RequestId> {
        let mut found: Vec<_> = self
            .entries
            .values()
            .filter(|entry| wanted(&entry.ticket))
            .filter_map(|entry| {
                let deadline = entry.ticket.next_deadline()?;
                (deadline <= now).then_some((deadline, entry.sequence, entry.ticket.id))
            })
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(_, _, id)| id).take(size(limit)).collect()
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> u64 {
    items.map(|_| 1).sum()
}

fn size(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// One operation under way.
struct Change<'a> {
    keep: Keep,
    now: Moment,
    kept: &'a mut Kept,
}

impl Change<'_> {
    fn apply(&mut self, op: Op) -> Done {
        match op {
            Op::Submit { ticket, content, max_ahead } => self.submit(ticket, content, max_ahead),
            Op::Claim { app, max, node, leases_from } => self.claim(&app, max, node, leases_from),
            Op::Settle { request, lease, attempt, ruling, reply } => {
                self.settle(request, &Event::Settled { lease, attempt, ruling }, reply)
            }
            Op::Cancel { app, request } => Done::Cancelled(self.cancel(&app, request)),
            Op::Recover { node } => Done::Recovered { tickets: self.recover(node) },
            Op::Sweep { limit } => self.sweep(limit),
        }
    }

    fn submit(&mut self, ticket: Ticket, content: Content, max_ahead: Option<u64>) -> Done {
        if self.kept.entries.contains_key(&ticket.id) {
            return Done::Duplicate;
        }
        let sequence = self.kept.submitted;
        let ahead = self.kept.ahead(&ticket.app, ticket.order_key(sequence));
        let waiting = count(self.kept.waiting(&ticket.app));
        if max_ahead.is_some_and(|most| waiting > most) {
            return Done::QueueFull { waiting };
        }
        self.kept.submitted += 1;
        self.kept.entries.insert(ticket.id, Entry { sequence, ticket, content, reply: None });
        Done::Submitted { ahead }
    }

    fn claim(&mut self, app: &AppId, max: u32, node: NodeId, leases_from: LeaseId) -> Done {
        let due = self.kept.waiting(app).filter(|entry| entry.ticket.is_due(self.now));
        let mut due: Vec<_> = due.map(|entry| (entry.key(), entry.ticket.id)).collect();
        due.sort_unstable();
        let (mut batch, mut deadlines) = (Vec::new(), Vec::new());
        for (_, id) in due {
            if batch.len() == size(max) {
                break;
            }
            let lease = LeaseId::new(leases_from.number() + count(batch.iter()));
            let Some(entry) = self.step(id, &Event::Claimed { lease, node }, None) else {
                continue;
            };
            match entry.ticket.state {
                State::Leased(_) => batch.push((entry.ticket.clone(), entry.content.clone())),
                State::Waiting { .. } | State::Done(_) => deadlines.push(id),
            }
        }
        Done::Claimed { batch, deadlines, backlog: self.kept.backlog(app) }
    }

    fn settle(&mut self, request: RequestId, event: &Event, reply: Option<Reply>) -> Done {
        let after = self.step(request, event, reply);
        after.map_or(Done::Stale, |entry| Done::Settled(entry.ticket.clone()))
    }

    fn cancel(&mut self, app: &AppId, request: RequestId) -> CancelAnswer {
        let found = self.kept.entries.get(&request).filter(|entry| entry.ticket.app == *app);
        let Some(answer) = found.map(|entry| CancelAnswer::from_state(&entry.ticket.state)) else {
            return CancelAnswer::Unknown;
        };
        self.step(request, &Event::CancelAsked, None);
        answer
    }

    fn recover(&mut self, node: NodeId) -> u64 {
        let ids: Vec<_> = self.kept.entries.keys().copied().collect();
        let lost = Event::Lost { node };
        count(ids.into_iter().filter(|id| self.step(*id, &lost, None).is_some()))
    }

    fn sweep(&mut self, limit: u32) -> Done {
        let deadlines = self.kept.overdue(self.now, limit, Ticket::is_waiting);
        for id in &deadlines {
            self.step(*id, &Event::Elapsed, None);
        }
        let expired = self.kept.overdue(self.now, limit, |ticket| !ticket.is_waiting());
        for id in &expired {
            //= docs/contract.md#retention
            //# After that it MUST be answered as unknown.
            self.kept.entries.remove(id);
        }
        let left = self.kept.entries.values();
        let next = left.filter_map(|entry| entry.ticket.next_deadline()).min();
        Done::Swept { deadlines, removed: count(expired.iter()), next }
    }

    /// What every store does with every event: load, step, stamp, keep. None where the ticket did
    /// not move.
    fn step(&mut self, id: RequestId, event: &Event, reply: Option<Reply>) -> Option<&Entry> {
        let entry = self.kept.entries.get_mut(&id)?;
        match entry.ticket.step(self.now, event) {
            Step::Moved => {}
            Step::Stale | Step::Ignored | Step::Impossible => return None,
        }
        let answered =
            matches!(entry.ticket.state, State::Done(Ending::Responded(_) | Ending::Failed(_)));
        entry.reply = reply.filter(|_| answered);
        let bytes = entry.reply.as_ref().map_or(0, |reply| reply.body.len());
        self.keep.stamp(&mut entry.ticket, bytes);
        Some(entry)
    }
}

impl Reader for Shared {
    fn ticket(&mut self, app: &AppId, id: RequestId) -> Result<Option<Ticket>, Error> {
        let found = |kept: &mut Kept| kept.entries.get(&id).map(|entry| entry.ticket.clone());
        Ok(self.with(found).filter(|ticket| ticket.app == *app))
    }

    fn ahead(&mut self, ticket: &Ticket) -> Result<u64, Error> {
        Ok(self.with(|kept| match kept.entries.get(&ticket.id) {
            Some(entry) if entry.ticket.is_waiting() => kept.ahead(&entry.ticket.app, entry.key()),
            Some(_) | None => 0,
        }))
    }

    fn reply(&mut self, id: RequestId) -> Result<Option<Reply>, Error> {
        Ok(self.with(|kept| kept.entries.get(&id).and_then(|entry| entry.reply.clone())))
    }

    fn backlog(&mut self, app: &AppId) -> Result<Backlog, Error> {
        Ok(self.with(|kept| kept.backlog(app)))
    }

    fn recent(&mut self, app: Option<&AppId>, limit: u32) -> Result<Vec<Ticket>, Error> {
        Ok(self.with(|kept| {
            let wanted = |entry: &&Entry| app.is_none_or(|app| entry.ticket.app == *app);
            let mut found: Vec<_> = kept.entries.values().filter(wanted).collect();
            found.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.sequence));
            found.into_iter().take(size(limit)).map(|entry| entry.ticket.clone()).collect()
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance;

    #[test]
    fn the_model_passes_every_case() {
        for (name, case) in conformance::cases() {
            eprintln!("case {name}");
            case(&mut || Box::new(Model::default()));
        }
    }

    #[test]
    fn the_model_agrees_with_itself() {
        conformance::run(&mut || Box::new(Model::default()));
    }

    #[test]
    fn a_store_that_differs_is_found_out() {
        let differing = Keep { large: Keep::default().small, ..Keep::default() };
        let found = std::panic::catch_unwind(|| {
            conformance::against_model(&mut || Box::new(Model::new(differing)), 1, 200);
        });
        assert!(found.is_err());
    }
}
