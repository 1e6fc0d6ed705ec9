//! The direct calls that wait for a runner, oldest first.

use std::collections::{BTreeMap, BTreeSet};

use fal_types::{Moment, Problem};

use crate::CallId;

/// Direct calls in the order they came, findable by deadline.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    calls: BTreeMap<CallId, Waiter>,
    deadlines: BTreeSet<(Moment, CallId)>,
}

#[derive(Debug)]
struct Waiter {
    until: Moment,
    late: Problem,
    since: Moment,
}

impl Waiting {
    pub(crate) fn push(&mut self, now: Moment, call: CallId, until: Moment, late: Problem) {
        self.calls.insert(call, Waiter { until, late, since: now });
        self.deadlines.insert((until, call));
    }

    /// Takes the call that has waited longest.
    pub(crate) fn pop(&mut self) -> Option<CallId> {
        let (call, waiter) = self.calls.pop_first()?;
        self.deadlines.remove(&(waiter.until, call));
        Some(call)
    }

    pub(crate) fn remove(&mut self, call: CallId) -> bool {
        let Some(waiter) = self.calls.remove(&call) else { return false };
        self.deadlines.remove(&(waiter.until, call));
        true
    }

    /// Takes the calls whose time is up, each with the error it gets.
    pub(crate) fn expire(&mut self, now: Moment) -> Vec<(CallId, Problem)> {
        let mut expired = Vec::new();
        while let Some((until, call)) = self.deadlines.first().copied()
            && until <= now
        {
            self.deadlines.pop_first();
            expired.extend(self.calls.remove(&call).map(|waiter| (call, waiter.late)));
        }
        expired
    }

    /// Takes all calls.
    pub(crate) fn drain(&mut self) -> Vec<CallId> {
        self.deadlines.clear();
        std::mem::take(&mut self.calls).into_keys().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    pub(crate) fn next_deadline(&self) -> Option<Moment> {
        self.deadlines.first().map(|(until, _)| *until)
    }

    /// Since when the oldest call waits.
    pub(crate) fn since(&self) -> Option<Moment> {
        self.calls.first_key_value().map(|(_, waiter)| waiter.since)
    }
}
