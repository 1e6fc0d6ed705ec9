//! What the engine wants done.

use fal_allotment::Offer;
use fal_lifecycle::{Cause, Effect};
use fal_queue::{Ruling, Ticket, Told};
use fal_types::{Attempt, LeaseId, Problem, RequestId, RunnerId};

use crate::{CallId, Runner, Standing};

/// Something to do. The node performs commands in the order it is given them.
#[must_use = "a command that is not performed is lost"]
#[derive(Debug)]
pub enum Command {
    /// Send the waiting direct call to this runner.
    Grant {
        /// The call.
        call: CallId,
        /// The slot it now holds, until it is settled.
        lease: LeaseId,
        /// The runner.
        runner: RunnerId,
    },
    /// Answer the waiting direct call with a platform error.
    Refuse {
        /// The call.
        call: CallId,
        /// The error.
        problem: Problem,
    },
    /// Ask the store for waiting requests.
    Claim {
        /// At most this many.
        max: u32,
        /// The first lease to give; the others follow it by number.
        leases_from: LeaseId,
    },
    /// Send a claimed request to this runner.
    Dispatch {
        /// The slot it now holds, until it is settled.
        lease: LeaseId,
        /// The runner.
        runner: RunnerId,
        /// The request, as it was claimed.
        ticket: Box<Ticket>,
    },
    /// Make durable what became of a queued request's attempt.
    Record(Record),
    /// Tell the runner that the request of this lease is cancelled.
    SignalCancel {
        /// The lease.
        lease: LeaseId,
    },
    /// Do this to a runner.
    Runner {
        /// The runner.
        runner: RunnerId,
        /// What to do.
        effect: Effect,
    },
    /// A runner has changed its state: for the record, nothing to do.
    Moved {
        /// The runner.
        runner: RunnerId,
        /// The name of the state it is in now.
        state: &'static str,
        /// Why.
        cause: Cause,
    },
    /// A runner stands elsewhere among the others now: for the record, nothing to do.
    Stands {
        /// The runner.
        runner: RunnerId,
        /// Where.
        standing: Standing,
    },
    /// A request is not tried again, because runners died with it: for the record, nothing to do.
    Contained {
        /// The request.
        request: RequestId,
        /// The runners, oldest death first, each with its cause.
        deaths: Vec<(RunnerId, Cause)>,
    },
    /// What the app could do without now: its runners, but for those that it needs.
    Offer {
        /// Those that hold something, each with what may become of it.
        offers: Vec<(RunnerId, Offer)>,
    },
    /// The runner is gone: forget it.
    Forget {
        /// The runner.
        runner: RunnerId,
        /// What it was at its end.
        last: Box<Runner>,
    },
    /// The last runner of a draining app is gone.
    Drained,
    /// How a change of the runners' revision goes: for whoever waits with the next app.
    Rolled(Rollover),
}

/// Where the replacement of runners by others of a new revision stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rollover {
    /// No runner of an older revision is in service.
    Over,
    /// A start of the new revision has failed. The old runners stay in service, and it is tried again.
    HeldUp,
}

/// What is to be made durable of one attempt. The store checks lease and attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The request.
    pub request: RequestId,
    /// The lease that the attempt ran under.
    pub lease: LeaseId,
    /// The attempt's number.
    pub attempt: Attempt,
    /// What becomes of the request.
    pub ruling: Ruling,
    /// How it went, for whoever asks later.
    pub told: Told,
}
