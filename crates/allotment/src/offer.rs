//! What an app could do without.

use std::time::Duration;

use fal_types::{Moment, RunnerId};

/// A runner that has had nothing to do for less may just be between two requests, and one that has been wanted for
/// less may not be wanted any more.
pub const LULL: Duration = Duration::from_secs(1);

/// What may become of a runner that holds something, as its app sees it. A runner without an offer is needed, and
/// stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// It ends already.
    Leaving,
    /// It is kept for the death of another.
    Spare,
    /// Its app does not need it.
    Idle {
        /// Since when.
        since: Moment,
    },
    /// Its app needs it, and has more than it must keep.
    Busy {
        /// Since when it serves.
        since: Moment,
    },
    /// It is of an older revision of its app, and goes for one of the new revision only.
    Old {
        /// For this one; none for whichever of them needs it.
        successor: Option<RunnerId>,
    },
    /// It is of an older revision, and kept for the death of another.
    OldSpare,
}
