//! What a store that others share says unasked.

use std::time::Duration;

use fal_types::{AppId, RequestId};

use crate::store::Error;

/// A hint. It may be late, lost or wrong, and nothing depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Wake {
    /// Something may wait for this app.
    Waiting(AppId),
    /// This request may have changed.
    Changed(RequestId),
    /// Hints may have been lost: look at everything.
    Missed,
}

/// The hints of one store.
pub trait Wakes: Send {
    /// Waits for hints, at most for `limit`; none where there were none.
    ///
    /// # Errors
    /// When the store failed. It may be asked again.
    fn next(&mut self, limit: Duration) -> Result<Vec<Wake>, Error>;
}

/// Something about where a store is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub fitness: Fitness,
    /// What was found.
    pub found: String,
    /// What to do about it.
    pub remedy: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fitness {
    /// What is acknowledged may be lost: the store is not used like this.
    Unfit,
    /// It works, and there is something to mend.
    Doubtful,
    /// Nothing is wrong; it is said for completeness.
    Fit,
}
