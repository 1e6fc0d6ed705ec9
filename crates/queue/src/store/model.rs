//! The reference store: everything in memory, and every question answered by looking at all of it.
//!
//! It is meant to be obviously right. It stands in for a store in tests, and
//! the crate `fal-conformance` compares stores with it.

mod change;
mod kept;

use std::sync::{Arc, PoisonError};

use fal_types::{AppId, Moment, RequestId};

use self::{change::Change, kept::Kept};
use crate::{
    account::Account,
    retention::Keep,
    store::{
        Backlog, Caps, Content, Done, Durability, Error, Finding, Line, Op, Position, Reader,
        Removal, Reply, Store, Webhook,
    },
    ticket::Ticket,
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
            lanes: 1,
            position: Position::Exact,
            removal: Removal::Single,
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

    fn check(&mut self) -> Result<Vec<Finding>, Error> {
        Ok(Vec::new())
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

impl Reader for Shared {
    fn ticket(&mut self, app: &AppId, id: RequestId) -> Result<Option<Ticket>, Error> {
        Ok(self.find(id)?.filter(|ticket| ticket.app == *app))
    }

    fn find(&mut self, id: RequestId) -> Result<Option<Ticket>, Error> {
        Ok(self.with(|kept| kept.entries.get(&id).map(|entry| entry.ticket.clone())))
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
            kept.newest(app, limit, |_| true, |entry| (Moment::default(), entry.sequence))
        }))
    }

    fn content(&mut self, id: RequestId) -> Result<Option<Content>, Error> {
        let kept = |kept: &mut Kept| {
            let entry = kept.entries.get(&id).filter(|entry| entry.ticket.keeps_content());
            entry.map(|entry| entry.content.clone())
        };
        Ok(self.with(kept))
    }

    fn accounts(&mut self, id: RequestId) -> Result<Vec<Account>, Error> {
        let found = |kept: &mut Kept| kept.entries.get(&id).map(|entry| entry.accounts.clone());
        Ok(self.with(found).unwrap_or_default())
    }

    fn lines(&mut self, id: RequestId) -> Result<Vec<Line>, Error> {
        let found = |kept: &mut Kept| kept.entries.get(&id).map(|entry| entry.lines.clone());
        Ok(self.with(found).unwrap_or_default())
    }

    fn webhook(&mut self, id: RequestId) -> Result<Option<Webhook>, Error> {
        Ok(self.with(|kept| kept.entries.get(&id).and_then(kept::Entry::webhook)))
    }

    fn dead(&mut self, app: Option<&AppId>, limit: u32) -> Result<Vec<Ticket>, Error> {
        Ok(self.with(|kept| {
            let ended =
                |entry: &kept::Entry| (entry.ticket.finished.unwrap_or_default(), entry.sequence);
            kept.newest(app, limit, |ticket| ticket.is_dead, ended)
        }))
    }
}
