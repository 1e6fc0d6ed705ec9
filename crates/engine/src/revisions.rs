//! Which revision of the app each runner is of, and how many requests at once it was started for.

use std::collections::BTreeMap;

use fal_types::RunnerId;

/// The revision that new runners are of, and what is remembered of those that are of an older one.
#[derive(Debug)]
pub(crate) struct Revisions {
    current: u32,
    slots_each: u32,
    /// Empty unless runners are being replaced, or were and have not ended yet.
    older: BTreeMap<RunnerId, Older>,
}

#[derive(Debug, Clone, Copy)]
struct Older {
    revision: u32,
    slots: u32,
}

impl Revisions {
    pub(crate) fn new(slots_each: u32) -> Self {
        Self { current: 1, slots_each: slots_each.max(1), older: BTreeMap::new() }
    }

    /// Begins a new revision; every runner that is there is of an older one from now on.
    pub(crate) fn begin(&mut self, runners: impl Iterator<Item = RunnerId>, slots_each: u32) {
        let now = Older { revision: self.current, slots: self.slots_each };
        for runner in runners {
            self.older.entry(runner).or_insert(now);
        }
        self.current = self.current.saturating_add(1);
        self.slots_each = slots_each.max(1);
    }

    pub(crate) fn forget(&mut self, runner: RunnerId) {
        self.older.remove(&runner);
    }

    pub(crate) fn is_old(&self, runner: RunnerId) -> bool {
        self.older.contains_key(&runner)
    }

    pub(crate) fn of(&self, runner: RunnerId) -> u32 {
        self.older.get(&runner).map_or(self.current, |older| older.revision)
    }

    /// Requests that the runner takes at once.
    pub(crate) fn slots(&self, runner: RunnerId) -> u32 {
        self.older.get(&runner).map_or(self.slots_each, |older| older.slots)
    }
}
