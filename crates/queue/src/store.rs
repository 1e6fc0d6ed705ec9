//! What a store of queued requests must do: the trait, and the values that cross it.
//!
//! A store takes operations in batches, because a durable commit costs the same for one as for
//! hundreds. It decides nothing about a ticket: it loads the ticket, calls [`Ticket::step`], stamps
//! the expiry with [`crate::Keep::stamp`], and writes it back, all in the batch's transaction. Its
//! own part is to keep, to order and to count:
//!
//! - **Order.** Every submitted ticket gets the next number of a sequence. A claim hands out the
//!   due tickets of one app by [`Ticket::order_key`].
//! - **Position.** The tickets of the same app that wait and stand before it by that key, due or
//!   not. Running ones do not count.
//! - **Apps are strangers.** No operation for one app shows or changes a ticket of another.
//! - **One step.** What belongs together becomes durable together: a claim and its leases; a result,
//!   the account of its attempt, the last lines of its log, and the webhook that is due with it.
//! - **Expired is gone.** A request past its expiry is to nobody's eyes, swept or not; its key is free.
//!
//! Several nodes may share a store that says so. Each has a [`crate::NodeId`], says with [`Op::Beat`]
//! that it lives, and loses its leases when it does not. A late word of a lost lease is
//! [`Done::Stale`]. [`Wakes`] are hints that something has changed; nothing depends on them.
//!
//! [`model::Model`] does this in memory and is the reference. the crate `fal-conformance` compares any store
//! with it.

mod error;
pub mod model;
mod op;
mod outbox;
mod wake;

use fal_types::{AppId, Moment, RequestId};

pub use self::{
    error::Error,
    op::{Backlog, CancelAnswer, Content, Done, Leases, Line, Op, Reply, Silent},
    outbox::{Delivery, Sent, Webhook},
    wake::{Finding, Fitness, Wake, Wakes},
};
use crate::{account::Account, ticket::Ticket};

/// Where queued requests are kept.
pub trait Store: Send {
    /// What this store can do.
    fn caps(&self) -> Caps;

    /// Applies `ops` in their order, as one durable transaction, and answers each in its place.
    ///
    /// When it returns, everything in the batch is as durable as [`Caps::durable`] promises, and
    /// every reader sees it. An operation sees what those before it in the batch did. That an
    /// operation is refused, such as a duplicate id, is an answer and does not concern its
    /// neighbours. All of them happen at `now`.
    ///
    /// # Errors
    /// When the store failed. Then nothing of the batch has happened, and none of it may be
    /// acknowledged to anybody. After [`Error::Io`] and [`Error::Unreachable`] it may have happened all
    /// the same.
    fn commit(&mut self, now: Moment, ops: Vec<Op>) -> Result<Vec<Done>, Error>;

    /// A second way in, for questions only. It lives on its own and may be used from another
    /// thread while batches are committed.
    ///
    /// # Errors
    /// When the store cannot be opened once more.
    fn reader(&self) -> Result<Box<dyn Reader>, Error>;

    /// A second way in for commits, to be used beside this one from another thread. None where one
    /// is all that helps, as [`Caps::lanes`] says.
    ///
    /// # Errors
    /// When the store cannot be opened once more.
    fn lane(&self) -> Result<Option<Box<dyn Store>>, Error> {
        Ok(None)
    }

    /// The clock of the store, where it has one that all who share it must go by.
    ///
    /// # Errors
    /// When the store failed.
    fn clock(&mut self) -> Result<Option<Moment>, Error> {
        Ok(None)
    }

    /// Hints about what others did to the store. None where nobody else can.
    ///
    /// # Errors
    /// When the store cannot be opened once more.
    fn wakes(&self) -> Result<Option<Box<dyn Wakes>>, Error> {
        Ok(None)
    }

    /// Keeps a secret for all who share the store, and answers the one that is kept: `offered`, where there was none
    /// before. A store that nobody shares keeps nothing and answers what it was offered.
    ///
    /// # Errors
    /// When the store failed.
    fn secret(&mut self, name: &str, offered: Vec<u8>) -> Result<Vec<u8>, Error> {
        let _nobody_else_asks = name;
        Ok(offered)
    }

    /// What is wrong with where the store is kept, the worst first.
    ///
    /// # Errors
    /// When the store failed.
    fn check(&mut self) -> Result<Vec<Finding>, Error>;
}

/// Questions to a store. Each sees at least every batch whose commit has returned before it was
/// asked, and never a part of one.
pub trait Reader: Send {
    /// The ticket of `app` with this id. None where there is none, and where it is another app's.
    ///
    /// # Errors
    /// When the store failed.
    fn ticket(&mut self, app: &AppId, id: RequestId) -> Result<Option<Ticket>, Error>;

    /// The ticket with this id, of whichever app.
    ///
    /// # Errors
    /// When the store failed.
    fn find(&mut self, id: RequestId) -> Result<Option<Ticket>, Error>;

    /// How many requests wait ahead of `ticket`, as the store knows it now. 0 where it does not
    /// wait any more.
    ///
    /// # Errors
    /// When the store failed.
    fn ahead(&mut self, ticket: &Ticket) -> Result<u64, Error>;

    /// The runner's answer that is the result of this request. None before it has ended and where
    /// it ended without one.
    ///
    /// # Errors
    /// When the store failed.
    fn reply(&mut self, id: RequestId) -> Result<Option<Reply>, Error>;

    /// What waits for `app`.
    ///
    /// # Errors
    /// When the store failed.
    fn backlog(&mut self, app: &AppId) -> Result<Backlog, Error>;

    /// The last `limit` tickets submitted, to `app` or to any, in whatever state, newest first.
    ///
    /// # Errors
    /// When the store failed.
    fn recent(&mut self, app: Option<&AppId>, limit: u32) -> Result<Vec<Ticket>, Error>;

    /// What is forwarded for this request, as long as [`Ticket::keeps_content`] says.
    ///
    /// # Errors
    /// When the store failed.
    fn content(&mut self, id: RequestId) -> Result<Option<Content>, Error>;

    /// The attempts of this request that are over, in order.
    ///
    /// # Errors
    /// When the store failed.
    fn accounts(&mut self, id: RequestId) -> Result<Vec<Account>, Error>;

    /// What runners printed for this request, attempt by attempt.
    ///
    /// # Errors
    /// When the store failed.
    fn lines(&mut self, id: RequestId) -> Result<Vec<Line>, Error>;

    /// The webhook of this request; none before it has ended, and where it has none.
    ///
    /// # Errors
    /// When the store failed.
    fn webhook(&mut self, id: RequestId) -> Result<Option<Webhook>, Error>;

    /// The last `limit` dead letters, of `app` or of any, the one that ended last first.
    ///
    /// # Errors
    /// When the store failed.
    fn dead(&mut self, app: Option<&AppId>, limit: u32) -> Result<Vec<Ticket>, Error>;
}

/// What a store can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Caps {
    /// Several processes may open it at once.
    pub shared: bool,
    /// What a commit that has returned survives.
    pub durable: Durability,
    /// How many operations are worth putting into one batch. More are taken, but hold up others.
    pub max_batch: usize,
    /// The size of a body, in bytes, up to which it is kept beside its ticket. What happens to
    /// larger ones is the store's own affair.
    pub inline_max: usize,
    /// How many threads may commit at once to some purpose, each with a [`Store::lane`] of its own.
    pub lanes: usize,
    /// What a queue position is worth.
    pub position: Position,
    /// How what has expired is removed.
    pub removal: Removal,
}

/// What a queue position is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Position {
    /// It is right.
    Exact,
    /// It is right up to so many, and beyond that about right.
    Estimate {
        /// How many.
        beyond: u64,
    },
}

/// How what has expired is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Removal {
    /// One by one, by the next sweep.
    Single,
    /// Together with all that expires on the same day.
    Daily,
}

/// What a commit that has returned survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Durability {
    /// Nothing: it is gone with the process.
    Memory,
    /// The death of the process and the loss of power, on this machine's disk.
    Disk,
}
