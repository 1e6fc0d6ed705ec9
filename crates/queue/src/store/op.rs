//! The operations on a store, and what they are answered with.

use fal_types::{AppId, Attempt, LeaseId, Moment, RequestId, Status};

use crate::{
    event::Ruling,
    ticket::{NodeId, State, Ticket},
};

/// What is forwarded to the runner, as a POST. The path is the ticket's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Content {
    /// Headers in their order, names as they were received.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

/// A runner's answer that is the result of its request; of a request that has failed, a text of the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Its status line.
    pub status: Status,
    /// Headers in their order, names as they were received.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

/// One operation on a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Keeps a new request. Answered with [`Done::Submitted`], [`Done::QueueFull`] or
    /// [`Done::Duplicate`].
    Submit {
        /// The request, as [`Ticket::new`] makes it.
        ticket: Ticket,
        /// What its runner is to get.
        content: Content,
        /// The request is refused when more than this many of its app wait already, even those
        /// that it would overtake.
        max_ahead: Option<u64>,
    },
    /// Leases due requests of one app, and ends those on the way whose start deadline has passed.
    /// Answered with [`Done::Claimed`].
    ///
    /// The store walks the app's due tickets in order and claims each, until `max` are leased or
    /// none is left.
    Claim {
        /// The app that has free slots.
        app: AppId,
        /// How many slots are free.
        max: u32,
        /// The node that makes the attempts.
        node: NodeId,
        /// The lease of the first one handed out; the following ones get the following numbers.
        leases_from: LeaseId,
    },
    /// Says how an attempt ended. Answered with [`Done::Settled`] or [`Done::Stale`].
    Settle {
        /// The request.
        request: RequestId,
        /// The lease of the attempt.
        lease: LeaseId,
        /// The number of the attempt.
        attempt: Attempt,
        /// What follows from how it ended.
        ruling: Ruling,
        /// The runner's answer, or what the platform has to say beside its own error. Kept exactly when the
        /// ticket ends as [`crate::Ending::Responded`] or [`crate::Ending::Failed`] by this settlement.
        reply: Option<Reply>,
    },
    /// Asks for a request of `app` to be cancelled. Answered with [`Done::Cancelled`].
    Cancel {
        /// The app that the caller named.
        app: AppId,
        /// The request that the caller named.
        request: RequestId,
    },
    /// Puts back everything that `node` had leased: it has died since. Answered with
    /// [`Done::Recovered`].
    Recover {
        /// The node that died.
        node: NodeId,
    },
    /// Does what time asks for, in all apps. Answered with [`Done::Swept`].
    ///
    /// First it ends up to `limit` waiting tickets whose start deadline has passed, then it
    /// removes up to `limit` ended ones, with what belongs to them, that have expired. In each
    /// case those whose moment came first, and of the same moment those submitted first.
    Sweep {
        /// How many tickets of each kind are taken at most.
        limit: u32,
    },
}

/// The answer to one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// The request is kept.
    Submitted {
        /// How many requests wait ahead of it.
        ahead: u64,
    },
    /// The request is not kept, because too many of its app wait already.
    QueueFull {
        /// How many do.
        waiting: u64,
    },
    /// The request is not kept, because its id is taken, be it in another app. What is kept under
    /// that id stays as it is.
    Duplicate,
    /// These were leased.
    Claimed {
        /// The tickets in the order of the queue, already leased, with what to forward.
        batch: Vec<(Ticket, Content)>,
        /// The requests that ended on the way because their start deadline had passed.
        deadlines: Vec<RequestId>,
        /// What still waits for that app.
        backlog: Backlog,
    },
    /// The attempt is settled, and this is the ticket since.
    Settled(Ticket),
    /// The lease or the attempt is not the current one, or there is no such request. Nothing
    /// changed.
    Stale,
    /// What the cancellation came to.
    Cancelled(CancelAnswer),
    /// The node's tickets are put back, or have ended where their caller wanted them cancelled.
    Recovered {
        /// How many there were.
        tickets: u64,
    },
    /// What time asked for is done.
    Swept {
        /// The requests that ended because their start deadline had passed.
        deadlines: Vec<RequestId>,
        /// How many ended requests were removed.
        removed: u64,
        /// The next moment that a sweep has something to do. It may have passed already where the
        /// limit cut this one short.
        next: Option<Moment>,
    },
}

/// What waits for one app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Backlog {
    /// How many requests wait, due or not.
    pub waiting: u64,
    /// When the first of them is due. It may have passed: then one is due now.
    pub next_due: Option<Moment>,
}

/// What asking for a cancellation came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CancelAnswer {
    /// The request waited, and never runs.
    Cancelled,
    /// The request runs. Its runner should be told, and it is not started again.
    Signalled,
    /// The request had ended.
    AlreadyCompleted,
    /// There is no such request in that app.
    Unknown,
}

impl CancelAnswer {
    /// The answer where asking finds the ticket in this state.
    #[must_use]
    pub const fn from_state(found: &State) -> Self {
        match found {
            State::Waiting { .. } => Self::Cancelled,
            State::Leased(_) => Self::Signalled,
            State::Done(_) => Self::AlreadyCompleted,
        }
    }
}
