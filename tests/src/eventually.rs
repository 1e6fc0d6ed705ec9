//! Waiting for facts.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

/// How long anything may take before a test gives up on it.
pub const LONG: Duration = Duration::from_secs(30);

/// How long the pause between two looks is.
const PAUSE: Duration = Duration::from_millis(2);

/// Measures how long something took.
#[derive(Debug, Clone, Copy)]
pub struct Timer(Instant);

impl Timer {
    /// A timer that starts now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one clock of the suites")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Says that it is over, at the latest when it is dropped: so load ends also where a test fails in the middle of it.
#[derive(Debug)]
pub struct Over<'a>(pub &'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Looks again and again until there is something, and returns it.
///
/// # Panics
/// When there is still nothing after [`LONG`]; `what` says in the message what was waited for.
#[track_caller]
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let timer = Timer::start();
    loop {
        let found = look();
        let is_late = timer.elapsed() > LONG;
        assert!(found.is_some() || !is_late, "waited {LONG:?} in vain: {what}");
        match found {
            Some(found) => return found,
            None => pause(),
        }
    }
}

/// Looks for as long as `time` and asserts that it holds at each look: for what must not happen.
///
/// # Panics
/// When it does not hold.
#[track_caller]
pub fn holds_for(time: Duration, what: &str, mut look: impl FnMut() -> bool) {
    let timer = Timer::start();
    while timer.elapsed() < time {
        assert!(look(), "does not hold any more: {what}");
        pause();
    }
}

#[expect(clippy::disallowed_methods, reason = "the pause between two looks, in this one place")]
fn pause() {
    thread::sleep(PAUSE);
}
