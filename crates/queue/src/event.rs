//! What happens to a ticket, and what becomes of it then.
//!
//! ```text
//!             Claimed              Settled: Finish, Exhaust; or another end, after CancelAsked
//!  Waiting ------------------> Leased -----------------------------------------------> Done
//!   ^   |                        |                                                      ^
//!   |   |                        |                                                      |
//!   +---|------------------------+                                                      |
//!       |  Settled: Again, GiveBack; Lost                                               |
//!       |                                                                               |
//!       +-------------------------------------------------------------------------------+
//!          CancelAsked; Claimed or Elapsed from the start deadline on
//! ```
//!
//! [`State::Done`] is the one terminal state. It is reached with
//! - [`Ending::Responded`] or [`Ending::Failed`] as the ruling on the last attempt says,
//! - [`Ending::Failed`] with [`Problem::StartDeadline`] when no attempt may start any more,
//! - [`Ending::Cancelled`] when the caller asked for it while it waited, or when an attempt that
//!   the caller wanted cancelled ended without a result.

use fal_types::{Attempt, Condition, LeaseId, Moment, Problem};

use crate::ticket::{Ending, Lease, NodeId, State, Ticket};

/// Something that has happened to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// A node takes it for the next attempt.
    Claimed {
        /// The slot that the attempt uses.
        lease: LeaseId,
        /// The node that makes the attempt.
        node: NodeId,
    },
    /// An attempt has ended, and it was decided what follows.
    Settled {
        /// The slot that the attempt used.
        lease: LeaseId,
        /// The number of the attempt.
        attempt: Attempt,
        /// What follows.
        ruling: Ruling,
    },
    /// Its caller wants it cancelled.
    CancelAsked,
    /// The node that made the attempt died, and the attempt with it.
    Lost {
        /// The node that died.
        node: NodeId,
    },
    /// Time has passed; perhaps the start deadline with it.
    Elapsed,
}

/// What follows from an attempt that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ruling {
    /// The request has ended.
    Finish(Ending),
    /// The request has ended because it has had all its retries.
    Exhaust(Ending),
    /// The request is tried again, and charged with one retry.
    Again {
        /// The condition that the retry counts against, besides the total.
        charge: Option<Condition>,
        /// When the next attempt may start.
        not_before: Moment,
    },
    /// The attempt was never made, because its runner was gone before the request reached it. The
    /// request takes its place again and is not charged.
    GiveBack,
}

/// What an event did to a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use = "a ticket that moved must be written back"]
pub enum Step {
    /// The ticket has changed.
    Moved,
    /// The event speaks of a lease or an attempt that is no longer the current one. Nothing
    /// changed.
    Stale,
    /// The event has nothing to say to a ticket in this state. Nothing changed.
    Ignored,
    /// Whoever keeps the ticket has made a mistake: only a due ticket can be claimed. Nothing
    /// changed.
    Impossible,
}

impl Ticket {
    /// Takes `event` into account.
    ///
    /// A claim does not always end in a lease: past the start deadline it ends the ticket, and the
    /// state afterwards tells which it was.
    pub fn step(&mut self, now: Moment, event: &Event) -> Step {
        match (self.state, *event) {
            (State::Waiting { .. }, Event::Claimed { lease, node }) => self.claim(now, lease, node),
            //= docs/contract.md#start-deadline
            //# A request that has not started by its start deadline MUST end with 504 and
            //# `X-Fal-Request-Timeout-Type: user`.
            (State::Waiting { .. }, Event::Elapsed) if self.is_overdue(now) => {
                self.finish(now, Ending::Failed(Problem::StartDeadline))
            }
            //= docs/contract.md#queue-cancel
            //# A waiting request that is cancelled MUST NOT start, and its result is 499
            //# `client_cancelled`.
            (State::Waiting { .. }, Event::CancelAsked) => {
                self.cancel_requested = true;
                self.finish(now, Ending::Cancelled)
            }
            (State::Leased(held), Event::Settled { lease, attempt, ruling }) => {
                //= docs/contract.md#queue-fencing
                //# A result of an attempt whose lease is no longer current MUST change nothing.
                if (held.id, held.attempt) != (lease, attempt) {
                    return Step::Stale;
                }
                self.settle(now, ruling)
            }
            (State::Leased(held), Event::Lost { node }) => {
                if held.node != node {
                    return Step::Stale;
                }
                //= docs/contract.md#queue-restart
                //# An attempt that the platform's own death cut MUST NOT be charged to its
                //# request.
                self.requeue(now, Self::AT_ONCE)
            }
            (State::Leased(_), Event::CancelAsked) if !self.cancel_requested => {
                self.cancel_requested = true;
                Step::Moved
            }
            (State::Waiting { .. } | State::Done(_), Event::Settled { .. }) => Step::Stale,
            (State::Leased(_) | State::Done(_), Event::Claimed { .. }) => Step::Impossible,
            //= docs/contract.md#start-deadline
            //# A start deadline MUST NOT touch a runner and is never retried.
            (State::Waiting { .. } | State::Leased(_) | State::Done(_), Event::Elapsed)
            | (State::Waiting { .. } | State::Done(_), Event::Lost { .. })
            | (State::Leased(_) | State::Done(_), Event::CancelAsked) => Step::Ignored,
        }
    }

    fn claim(&mut self, now: Moment, id: LeaseId, node: NodeId) -> Step {
        if self.is_overdue(now) {
            return self.finish(now, Ending::Failed(Problem::StartDeadline));
        }
        if !self.is_due(now) {
            return Step::Impossible;
        }
        self.attempts = self.attempts.saturating_add(1);
        let attempt = Attempt::new(self.attempts);
        self.state = State::Leased(Lease { id, attempt, node, since: now });
        self.started = Some(now);
        Step::Moved
    }

    fn settle(&mut self, now: Moment, ruling: Ruling) -> Step {
        match ruling {
            Ruling::Finish(ending) => self.finish(now, ending),
            //= docs/contract.md#dead-letters
            //# A request that ends because it has had all its retries MUST be kept as a dead letter,
            //# with its input.
            Ruling::Exhaust(ending) => {
                self.is_dead = true;
                self.finish(now, ending)
            }
            Ruling::Again { charge, not_before } => {
                // A retry that a cancel forbids is not made, so it is not charged either.
                if !self.cancel_requested {
                    //= docs/contract.md#retry-budget
                    //# Every automatic retry MUST count against the budget, whatever caused it.
                    self.spent = self.spent.charge(charge);
                }
                self.requeue(now, not_before)
            }
            Ruling::GiveBack => self.requeue(now, Self::AT_ONCE),
        }
    }

    /// Back to waiting, unless its caller wants it cancelled: then it must not start again.
    const fn requeue(&mut self, now: Moment, not_before: Moment) -> Step {
        if self.cancel_requested {
            //= docs/contract.md#queue-cancel
            //# A cancelled request MUST NOT be retried.
            return self.finish(now, Ending::Cancelled);
        }
        //= docs/contract.md#retry-backoff
        //# A request that waits for its retry MUST be `IN_QUEUE`.
        self.state = State::Waiting { not_before };
        Step::Moved
    }

    const fn finish(&mut self, now: Moment, ending: Ending) -> Step {
        self.state = State::Done(ending);
        self.finished = Some(now);
        Step::Moved
    }
}

#[cfg(test)]
mod tests;
