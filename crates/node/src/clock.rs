//! The one place where the platform's own crates read the time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fal_types::Moment;

/// A clock that begins at the wall clock's time and then only moves forward.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    began: Moment,
    at: Instant,
}

impl Clock {
    /// Reads the wall clock once.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the node's clock")]
    pub fn start() -> Self {
        Self { began: Self::wall(), at: Instant::now() }
    }

    /// A clock that shows this moment now, which somebody else's clock has shown just before.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the node's clock")]
    pub fn at(now: Moment) -> Self {
        Self { began: now, at: Instant::now() }
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.began + self.at.elapsed()
    }

    /// The wall clock's time, for whoever compares it with another machine's.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the node's clock")]
    pub(crate) fn wall() -> Moment {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Moment::from_micros(u64::try_from(wall.as_micros()).unwrap_or(u64::MAX))
    }

    /// When a moment comes, for the runtime's timers.
    pub(crate) fn instant(&self, moment: Moment) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.at + moment.since(self.began))
    }
}
