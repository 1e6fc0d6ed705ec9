//! Cancelled requests, and runners that do not answer them.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use fal_lifecycle::{Cause, Event};
use fal_types::{LeaseId, Moment, RequestId};

use super::{Engine, Held};
use crate::{Command, turn::Turn};

/// The leases of cancelled requests, by when their runners have to have answered.
#[derive(Debug, Default)]
pub(super) struct Overdue {
    by_lease: BTreeMap<LeaseId, Moment>,
    by_moment: BTreeSet<(Moment, LeaseId)>,
}

impl Overdue {
    fn expect(&mut self, lease: LeaseId, until: Moment) {
        if let Entry::Vacant(place) = self.by_lease.entry(lease) {
            place.insert(until);
            self.by_moment.insert((until, lease));
        }
    }

    /// The request of this lease has been answered.
    pub(super) fn answered(&mut self, lease: LeaseId) {
        if let Some(until) = self.by_lease.remove(&lease) {
            self.by_moment.remove(&(until, lease));
        }
    }

    fn pop(&mut self, now: Moment) -> Option<LeaseId> {
        let (_, lease) = *self.by_moment.first().filter(|(until, _)| *until <= now)?;
        self.answered(lease);
        Some(lease)
    }

    pub(super) fn next(&self) -> Option<Moment> {
        self.by_moment.first().map(|(until, _)| *until)
    }
}

impl Engine {
    //= docs/contract.md#queue-cancel
    //# A running request's runner MUST get the cancel signal, and what the runner then answers is its result.
    pub(super) fn cancel(&mut self, turn: &mut Turn, request: RequestId) {
        let of = |held: &Held| held.ticket.as_ref().is_some_and(|ticket| ticket.id == request);
        // A node that was taken for dead may have the request twice, and one cancel is heard of more than once.
        let mut holding = Vec::new();
        let mut is_held = false;
        for (lease, held) in self.leases.iter_mut().filter(|(_, held)| of(held)) {
            is_held = true;
            if !std::mem::replace(&mut held.cancelled, true) {
                holding.push(*lease);
            }
        }
        for lease in holding {
            turn.push(Command::SignalCancel { lease });
            self.expect_answer(turn.now, lease);
        }
        if is_held {
            // Whoever holds it has been told.
        } else if self.unpark(turn, request) {
            // It waited to be tried alone, and need not any more.
        } else if self.backlog.claiming() > 0 {
            // It may be in the answer that is on its way.
            self.cancelled_early.insert(request);
        }
    }

    /// The caller of a direct call has left, and its runner has been told so.
    pub(super) fn caller_left(&mut self, turn: &Turn, lease: LeaseId) {
        if self.leases.contains_key(&lease) {
            self.expect_answer(turn.now, lease);
        }
    }

    fn expect_answer(&mut self, now: Moment, lease: LeaseId) {
        if let Some(grace) = self.settings.cancel.grace {
            self.overdue.expect(lease, now + grace);
        }
    }

    //= docs/contract.md#cancel-grace
    //# With `cancel_grace`, a runner that has not answered a cancelled request by then MUST be terminated and
    //# replaced, unless it serves other requests and the app did not say that this does not matter.
    pub(super) fn end_unanswered(&mut self, turn: &mut Turn) {
        while let Some(lease) = self.overdue.pop(turn.now) {
            let Some(runner) = self.leases.get(&lease).map(|held| held.runner) else { continue };
            let others = self.pool.get(runner).map_or(0, |machine| machine.in_flight()) > 1;
            if !others || self.settings.cancel.despite_others {
                self.tell(turn, runner, Event::Condemned(Cause::CancelIgnored));
            }
        }
    }
}
