//! The operations on a store, and what they are answered with.

use std::time::Duration;

use fal_types::{AppId, Attempt, LeaseId, Moment, RequestId, Status};

use crate::{
    account::Told,
    event::Ruling,
    store::{Delivery, Sent},
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

/// One line that a runner printed during an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When it was read.
    pub at: Moment,
    /// Whether it was written to standard error.
    pub is_error: bool,
    /// The text, without its end of line.
    pub text: String,
}

/// Some leases of a node: those that one claim may have handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leases {
    /// The app that was claimed for.
    pub app: AppId,
    /// The first of them.
    pub from: LeaseId,
    /// How many there are.
    pub count: u32,
}

impl Leases {
    /// Whether this is one of them.
    #[must_use]
    pub fn contain(&self, app: &AppId, lease: LeaseId) -> bool {
        let past = lease.number().checked_sub(self.from.number());
        self.app == *app && past.is_some_and(|past| past < u64::from(self.count))
    }
}

/// One operation on a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Keeps a new request. Answered with [`Done::Submitted`], [`Done::QueueFull`],
    /// [`Done::Duplicate`], or, where its [`crate::Key`] is known, [`Done::Repeated`] or
    /// [`Done::KeyTaken`].
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
        /// How it went, to be kept as an [`crate::Account`].
        told: Told,
        /// What its runner printed since the last [`Op::Note`].
        lines: Vec<Line>,
        /// The runner's answer, or what the platform has to say beside its own error. Kept exactly when the
        /// ticket ends as [`crate::Ending::Responded`] or [`crate::Ending::Failed`] by this settlement.
        reply: Option<Reply>,
    },
    /// Keeps what the runner of an attempt has printed so far. Answered with [`Done::Noted`] or
    /// [`Done::Stale`].
    Note {
        /// The request.
        request: RequestId,
        /// The lease of the attempt.
        lease: LeaseId,
        /// The number of the attempt.
        attempt: Attempt,
        /// What is new.
        lines: Vec<Line>,
    },
    /// Asks for a request of `app` to be cancelled. Answered with [`Done::Cancelled`].
    Cancel {
        /// The app that the caller named.
        app: AppId,
        /// The request that the caller named.
        request: RequestId,
    },
    /// Puts back what `node` had leased. Answered with [`Done::Recovered`].
    Recover {
        /// The node.
        node: NodeId,
        /// These of its leases, whose claim was never answered; or all of them, because the node
        /// has died since, and then its last [`Op::Beat`] is forgotten too.
        leases: Option<Leases>,
    },
    /// Says that a node lives. Answered with [`Done::Beaten`]. A node that has said so and then
    /// says nothing for as long as it said is taken for dead by the next sweep.
    Beat {
        /// The node.
        node: NodeId,
        /// How long that holds.
        lasts: Duration,
    },
    /// Takes webhooks that are due, in all apps, those first that were due first. Answered with
    /// [`Done::Collected`].
    Collect {
        /// How many at most.
        max: u32,
        /// Until each is reported with [`Op::Sent`] it is not handed out again for so long.
        hold: Duration,
    },
    /// Says how the delivery of a webhook went. Answered with [`Done::Noted`], or with
    /// [`Done::Stale`] where the delivery is no longer the last one that was handed out.
    Sent {
        /// The request.
        request: RequestId,
        /// How it went.
        sent: Sent,
        /// When it is sent again; none where it is not.
        next: Option<Moment>,
    },
    /// Sends the webhook of an ended request now, whatever became of it before. Answered with
    /// [`Done::Noted`], or with [`Done::Stale`] where there is none.
    SendAgain {
        /// The request.
        request: RequestId,
    },
    /// Makes a new request from a dead letter, which stays, with [`Ticket::again`]. Answered with
    /// [`Done::Submitted`], [`Done::Duplicate`], or [`Done::Stale`] where there is none to make it
    /// from.
    Resubmit {
        /// The dead letter.
        request: RequestId,
        /// The name of the new request.
        heir: RequestId,
    },
    /// Removes a dead letter with all that belongs to it. Answered with [`Done::Noted`], or with
    /// [`Done::Stale`] where it is none.
    Drop {
        /// The dead letter.
        request: RequestId,
    },
    /// Does what time asks for, in all apps. Answered with [`Done::Swept`].
    ///
    /// First it ends up to `limit` waiting tickets whose start deadline has passed, then it
    /// removes up to `limit` ended ones, with what belongs to them, that have expired. In each
    /// case those whose moment came first, and of the same moment those submitted first. At last
    /// it puts back what nodes had leased that are taken for dead.
    Sweep {
        /// How many tickets of each kind are taken at most.
        limit: u32,
        /// What becomes of nodes that have been silent for too long.
        silent: Silent,
    },
}

/// What a sweep makes of nodes that have not said for too long that they live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Silent {
    /// They are taken for dead.
    Dead,
    /// They are left alone, and [`Done::Swept`] says nothing of when they are due: whoever sweeps
    /// was cut off itself, and does not know whether they were.
    Spared,
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
    /// The request is not kept, because the same was submitted before under its key.
    Repeated {
        /// The request that was kept then.
        request: RequestId,
    },
    /// The request is not kept, because something else was submitted before under its key.
    KeyTaken {
        /// The request that was kept then.
        request: RequestId,
    },
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
    Settled(Box<Ticket>),
    /// The lease or the attempt is not the current one, or there is no such request. Nothing
    /// changed.
    Stale,
    /// It is done, and there is nothing to say.
    Noted,
    /// What the cancellation came to.
    Cancelled(CancelAnswer),
    /// The node's tickets are put back, or have ended where their caller wanted them cancelled.
    Recovered {
        /// How many there were.
        tickets: u64,
    },
    /// It is known that the node lives.
    Beaten {
        /// Whether it was taken for dead since it said so last, and others were given what it had.
        lapsed: bool,
        /// Which of the requests that it has leased are to be cancelled.
        cancelled: Vec<RequestId>,
    },
    /// These are to be sent.
    Collected {
        /// What to send, each to be reported with [`Op::Sent`].
        deliveries: Vec<Delivery>,
        /// When the next is due. It may have passed already where there were too many.
        next: Option<Moment>,
    },
    /// What time asked for is done.
    Swept {
        /// The requests that ended because their start deadline had passed.
        deadlines: Vec<RequestId>,
        /// The requests that wait again because their node is taken for dead, or have ended because
        /// their caller wanted them cancelled.
        lost: Vec<RequestId>,
        /// How many ended requests were removed. A store that removes in larger pieces, as
        /// [`crate::store::Caps::removal`] says, does not count.
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

    /// What fal calls it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Cancelled | Self::Signalled => "CANCELLATION_REQUESTED",
            Self::AlreadyCompleted => "ALREADY_COMPLETED",
            Self::Unknown => "NOT_FOUND",
        }
    }
}
