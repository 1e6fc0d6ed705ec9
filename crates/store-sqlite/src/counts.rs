//! How many requests wait, kept in memory so that a submit need not count them.

use std::collections::BTreeMap;

use fal_queue::{Priority, State, Ticket};
use fal_types::{AppId, Moment};

/// What waits for one app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Waiting {
    /// The ordinary ones.
    pub(crate) normal: u64,
    /// The low ones.
    pub(crate) low: u64,
    /// Those of either kind whose moment is not the start of time. The others may start at once,
    /// and are in no index by moment.
    pub(crate) timed: u64,
}

impl Waiting {
    pub(crate) const fn total(self) -> u64 {
        self.normal + self.low
    }

    /// What `ticket` adds to the count of its app.
    pub(crate) fn of(ticket: &Ticket) -> Self {
        let State::Waiting { not_before } = ticket.state else {
            return Self::default();
        };
        let timed = u64::from(not_before > Moment::from_micros(0));
        match ticket.priority {
            Priority::Normal => Self { normal: 1, low: 0, timed },
            Priority::Low => Self { normal: 0, low: 1, timed },
        }
    }
}

/// The counts of all apps, as the batch under way sees them.
///
/// They follow the table: what a batch changed is taken back when the table forgets the batch.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    apps: BTreeMap<AppId, Waiting>,
    /// What the batch under way found in `apps` where it changed something.
    before: BTreeMap<AppId, Waiting>,
}

impl Counts {
    /// Counts that were just counted.
    pub(crate) const fn new(apps: BTreeMap<AppId, Waiting>) -> Self {
        Self { apps, before: BTreeMap::new() }
    }

    /// What waits for `app`.
    pub(crate) fn of(&self, app: &AppId) -> Waiting {
        self.apps.get(app).copied().unwrap_or_default()
    }

    /// How many wait ahead of a request that is submitted now, and how many wait at all.
    pub(crate) fn ahead(&self, app: &AppId, priority: Priority) -> (u64, u64) {
        let waiting = self.of(app);
        let ahead = match priority {
            Priority::Normal => waiting.normal,
            Priority::Low => waiting.total(),
        };
        (ahead, waiting.total())
    }

    /// A ticket is new.
    pub(crate) fn added(&mut self, ticket: &Ticket) {
        self.change(&ticket.app, Waiting::default(), Waiting::of(ticket));
    }

    /// A ticket added `was` so far.
    pub(crate) fn moved(&mut self, was: Waiting, is: &Ticket) {
        self.change(&is.app, was, Waiting::of(is));
    }

    fn change(&mut self, app: &AppId, less: Waiting, more: Waiting) {
        if less == more {
            return;
        }
        let found = self.of(app);
        self.before.entry(app.clone()).or_insert(found);
        let counted = |found: u64, less: u64, more: u64| (found + more).saturating_sub(less);
        let now = Waiting {
            normal: counted(found.normal, less.normal, more.normal),
            low: counted(found.low, less.low, more.low),
            timed: counted(found.timed, less.timed, more.timed),
        };
        self.apps.insert(app.clone(), now);
    }

    /// The batch is kept.
    pub(crate) fn keep(&mut self) {
        self.before.clear();
    }

    /// Nothing of the batch has happened.
    pub(crate) fn undo(&mut self) {
        self.apps.append(&mut self.before);
    }
}
