//! What the engine is told.

use std::collections::BTreeSet;

use fal_allotment::Offer;
use fal_lifecycle::Event;
use fal_policy::Outcome;
use fal_queue::{Ticket, store::Backlog};
use fal_types::{LeaseId, Moment, Problem, RequestId, RunnerId};

use crate::Settings;

/// Names one direct call while it waits for a runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(u64);

impl CallId {
    /// The call with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The call's number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// Which platform start this is, and which node of a shared queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Who {
    /// Differs between any two starts that can still remember each other's runners.
    pub boot: u32,
    /// The node's number among those that share one store.
    pub node: u64,
}

/// Something that happened.
#[derive(Debug)]
pub enum Input {
    /// A direct call wants a runner.
    Admit {
        /// The call's name, never used before.
        call: CallId,
        /// When it gives up waiting.
        until: Moment,
        /// What it is told then: its own deadline and the platform's are different errors.
        late: Problem,
    },
    /// A direct call that was admitted and not granted yet has gone away.
    Withdrawn {
        /// The call.
        call: CallId,
    },
    /// A queued request has become waiting, durably: it was submitted, or goes again.
    Arrived {
        /// When it may start.
        due: Moment,
    },
    /// What waits for the app, as the store has it. It is told where others may have changed it.
    Looked {
        /// What waits.
        backlog: Backlog,
        /// What [`Engine::news`](crate::Engine::news) said before the store was asked.
        news: u64,
    },
    /// The answer to [`Command::Claim`](crate::Command::Claim).
    Claimed {
        /// What the store has leased to this node, oldest first.
        batch: Vec<Ticket>,
        /// What waits after it.
        backlog: Backlog,
    },
    /// The store could not answer a claim.
    ClaimFailed {
        /// When to ask again.
        again: Moment,
    },
    /// An attempt is over.
    Settled {
        /// The slot it held.
        lease: LeaseId,
        /// How it ended.
        reported: Reported,
    },
    /// The caller of a direct call that holds a slot has left.
    CallerLeft {
        /// The slot.
        lease: LeaseId,
    },
    /// A queued request in flight has been cancelled, durably.
    CancelAsked {
        /// The request.
        request: RequestId,
    },
    /// Something happened to a runner.
    Runner {
        /// The runner.
        runner: RunnerId,
        /// What happened.
        event: Event,
    },
    /// Somebody wants to know what the app could do without, or does not any more.
    Watched(Watched),
    /// Another runner waits for what this one holds.
    MakeRoom {
        /// The runner.
        runner: RunnerId,
        /// As what it was offered.
        offered: Offer,
        /// The one that waits.
        claimant: RunnerId,
    },
    /// The app's configuration is another one now.
    Reconfigured(Reconfigured),
    /// The app stops: no new work, running work finishes.
    Drain,
    /// A deadline has come.
    Elapsed,
}

/// Whether [`Command::Offer`](crate::Command::Offer) is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watched {
    /// Now, and whenever it changes.
    Yes,
    /// No more.
    No,
}

/// What has become of an app's configuration.
#[derive(Debug)]
pub enum Reconfigured {
    /// It has changed, perhaps.
    Changed {
        /// As it is now.
        settings: Box<Settings>,
        /// Whether something has changed that runners are started with and that the settings do not show.
        processes_too: bool,
    },
    /// It is gone: no new work, running work finishes, and what waits in the queue stays there.
    Removed,
}

/// How an attempt ended, as the exchange saw it.
#[derive(Debug, Clone)]
pub struct Reported {
    /// What the policy decides on.
    pub outcome: Outcome,
    /// Whether the runner asked for a health check in its response's headers.
    pub health_wanted: bool,
    /// The platform's own error for the caller, where the runner gave no response.
    pub problem: Option<Problem>,
    /// What the runner says that it is good for, where its response said so.
    pub hints: Option<BTreeSet<String>>,
}
