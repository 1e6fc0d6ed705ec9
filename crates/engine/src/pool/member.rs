//! One runner of the pool: its machine, and how it stands among the others.

use std::collections::BTreeSet;

use fal_lifecycle::{Machine, State};
use fal_types::Moment;

use super::shield::Score;

/// A runner, with what the pool knows of it beyond its own life.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) machine: Machine,
    /// When it was decided to have it.
    pub(crate) begun: Moment,
    pub(crate) standing: Standing,
    /// Since when it is not a spare any more, or was none.
    pub(super) stood: Moment,
    pub(crate) replacement: Replacement,
    /// Takes one request alone, or waits until it can: nothing else is placed on it.
    pub(crate) alone: bool,
    pub(crate) score: Score,
    /// What its last answer with hints said it is good for.
    pub(crate) hints: BTreeSet<String>,
    /// None while it is of the revision that new runners are of.
    pub(crate) older: Option<Older>,
    /// Its place among the open runners, and among the idle ones.
    pub(super) place: u64,
    pub(super) rest: u64,
}

/// What a runner was started for that is not of the app's present revision.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Older {
    pub(super) revision: u32,
    /// Requests at once.
    pub(super) slots: u32,
}

/// How a runner stands towards the requests that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Requests are placed on it.
    Serving,
    /// It is kept ready for the death of another, and gets no request.
    Spare,
    /// It failed where others did not, so it gets no request before this moment, and then one on trial.
    Ejected {
        /// When it is tried again.
        until: Moment,
        /// How often in a row it was sent off.
        rounds: u32,
    },
    /// It has been sent off, and gets one request at a time until one succeeds.
    OnTrial {
        /// How often in a row it was sent off.
        rounds: u32,
    },
}

impl Standing {
    /// Its name in records: `serving`, `spare`, `ejected` or `on_trial`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::Spare => "spare",
            Self::Ejected { .. } => "ejected",
            Self::OnTrial { .. } => "on_trial",
        }
    }
}

/// Whether another runner takes this one's place, in fal's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replacement {
    /// Nobody does, or nobody need.
    None,
    /// One will: it is starting, or waits until it may.
    Will,
    /// One has: it is ready.
    Did,
}

impl Replacement {
    /// fal's name for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "NO_REPLACE",
            Self::Will => "WILL_REPLACE",
            Self::Did => "DID_REPLACE",
        }
    }
}

/// What the pool's sets and sums hold of a member. Compared before and after a change, so that they are always
/// what the members say.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Keys {
    /// Requests in flight, where another request may be placed on it.
    pub(super) open: Option<u32>,
    /// Its next deadline.
    pub(super) due: Option<Moment>,
    /// Since when it is idle, by whether a request ever reached it.
    pub(super) idle: Option<(bool, Moment)>,
    /// Free slots.
    pub(super) free: u32,
    pub(super) count: Count,
    /// How badly it does, where it serves.
    pub(super) score: Option<u32>,
}

/// What a member counts as.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    #[default]
    Nothing,
    /// It takes requests.
    Ready,
    /// It takes requests, when its time of ejection is over.
    Apart,
    /// It will take requests.
    Coming,
    /// It takes the place of a ready one at once.
    SpareReady,
    /// It will be a spare.
    SpareComing,
}

impl Member {
    pub(super) fn new(begun: Moment, machine: Machine, standing: Standing) -> Self {
        Self {
            machine,
            begun,
            standing,
            stood: begun,
            replacement: Replacement::None,
            alone: false,
            score: Score::default(),
            hints: BTreeSet::new(),
            older: None,
            place: 0,
            rest: 0,
        }
    }

    pub(super) fn keys(&self, slots_each: u32) -> Keys {
        let machine = &self.machine;
        let free = if self.takes_requests() { self.free(slots_each) } else { 0 };
        let served = machine.has_served();
        let is_serving = self.standing != Standing::Spare;
        Keys {
            open: (free > 0).then_some(machine.in_flight()),
            due: earlier(machine.next_deadline(), self.readmission()),
            idle: self.idle_since().filter(|_| is_serving).map(|since| (served, since)),
            free,
            count: self.count(),
            score: (self.count() == Count::Ready).then(|| self.score.failing()),
        }
    }

    /// Since when it could have served and has had nothing to do.
    pub(crate) fn idle_since(&self) -> Option<Moment> {
        Some(self.machine.idle_since()?.max(self.stood))
    }

    /// Whether it serves requests or will, and is no spare.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.count(), Count::Ready | Count::Apart | Count::Coming)
    }

    pub(crate) fn takes_requests(&self) -> bool {
        let is_trusted = matches!(self.standing, Standing::Serving | Standing::OnTrial { .. });
        self.machine.is_ready() && is_trusted && !self.alone
    }

    fn free(&self, slots_each: u32) -> u32 {
        let slots_each = self.older.map_or(slots_each, |older| older.slots);
        let slots = if matches!(self.standing, Standing::OnTrial { .. }) { 1 } else { slots_each };
        slots.saturating_sub(self.machine.in_flight())
    }

    fn readmission(&self) -> Option<Moment> {
        if let Standing::Ejected { until, .. } = self.standing
            && self.machine.is_ready()
        {
            return Some(until);
        }
        None
    }

    fn count(&self) -> Count {
        let coming = matches!(
            self.machine.state(),
            State::CrashBackoff { .. } | State::Pending | State::Setup { .. }
        );
        match (self.machine.is_ready(), coming, self.standing) {
            (true, _, Standing::Spare) => Count::SpareReady,
            (true, _, Standing::Ejected { .. }) => Count::Apart,
            (true, _, Standing::Serving | Standing::OnTrial { .. }) => Count::Ready,
            (false, true, Standing::Spare) => Count::SpareComing,
            (false, true, _) => Count::Coming,
            (false, false, _) => Count::Nothing,
        }
    }
}

fn earlier(one: Option<Moment>, other: Option<Moment>) -> Option<Moment> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (found, None) | (None, found) => found,
    }
}
