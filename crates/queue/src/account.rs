//! What is kept of each attempt, for whoever asks later what happened.

use std::borrow::Cow;

use fal_types::{Attempt, Moment, RunnerId};

use crate::{
    event::{Event, Ruling},
    ticket::{NodeId, State, Ticket},
};

/// One attempt that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub attempt: Attempt,
    /// The node that made it.
    pub node: NodeId,
    /// When it was handed out.
    pub started: Moment,
    /// When it was over.
    pub ended: Moment,
    /// Before when the next one does not start, where there is to be a next one.
    pub next: Option<Moment>,
    /// How it went.
    pub told: Told,
}

/// How an attempt went, in the words of whoever made it. Each is a word or a few of ASCII, without
/// tabs and ends of lines; the queue keeps them and reads nothing into them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    /// The runner that it was made on; none where it reached none.
    pub runner: Option<RunnerId>,
    /// How it ended, such as `responded 503`.
    pub outcome: Cow<'static, str>,
    /// What was decided about the request, such as `again after_death`.
    pub verdict: Cow<'static, str>,
    /// The clause of the contract that decided so.
    pub clause: Cow<'static, str>,
    /// What was decided about the runner, such as `terminated status_503`.
    pub fate: Cow<'static, str>,
    /// The clause of the contract that decided so.
    pub fate_clause: Cow<'static, str>,
}

impl Told {
    /// Of an attempt that ended with its node.
    #[must_use]
    pub const fn lost() -> Self {
        Self {
            runner: None,
            outcome: Cow::Borrowed("lost"),
            verdict: Cow::Borrowed("again uncharged"),
            clause: Cow::Borrowed("queue-restart"),
            fate: Cow::Borrowed("unknown"),
            fate_clause: Cow::Borrowed(""),
        }
    }
}

/// Attempts of one request that are kept. Only one whose attempts are given back over and over has
/// more.
const KEPT: u16 = 100;

impl Account {
    /// What is to be kept of the attempt that `event` has ended. `before` is the ticket as it was
    /// then, and `after` as it is since. None where no attempt ended, and where too many are kept
    /// already.
    //= docs/contract.md#attempts
    //# Of every attempt the runner, the start, the end, the outcome and the verdict MUST be kept for
    //# as long as the request is.
    #[must_use]
    pub fn of(
        before: &State,
        after: &Ticket,
        now: Moment,
        event: &Event,
        told: Told,
    ) -> Option<Self> {
        let State::Leased(held) = before else { return None };
        let told = match event {
            Event::Settled { .. } => told,
            Event::Lost { .. } => Told::lost(),
            Event::Claimed { .. } | Event::CancelAsked | Event::Elapsed => return None,
        };
        let next = match (after.state, event) {
            (
                State::Waiting { .. },
                Event::Settled { ruling: Ruling::Again { not_before, .. }, .. },
            ) => Some(*not_before),
            (State::Waiting { .. }, _) => Some(now),
            (State::Leased(_) | State::Done(_), _) => None,
        };
        let account = Self {
            attempt: held.attempt,
            node: held.node,
            started: held.since,
            ended: now,
            next,
            told,
        };
        (held.attempt.number() <= KEPT).then_some(account)
    }
}
