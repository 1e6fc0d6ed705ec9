//! The evidence without which an app cannot answer 503.

use std::{error::Error, fmt, sync::PoisonError};

/// Says that this runner must not go on. The only source of a 503.
///
/// Whoever holds one has found it ([`from_fault`](Self::from_fault), [`after_trim`],
/// [`PoisonError`]) or declared it; an ordinary error does not convert into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerBroken {
    proof: Proof,
    reason: String,
}

/// What shows that a runner is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Proof {
    /// The author's own word.
    Declared,
    /// The device reported a fault that only a new process gets over.
    DeviceFault,
    /// Memory ran out, and still did after everything that could be freed was.
    OutOfMemory,
    /// A panic left the model in a state that nobody knows.
    Poisoned,
}

impl Proof {
    /// Its name in logs: `declared`, `device_fault`, `out_of_memory` or `poisoned`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::DeviceFault => "device_fault",
            Self::OutOfMemory => "out_of_memory",
            Self::Poisoned => "poisoned",
        }
    }
}

/// An error of a device's driver, which knows whether the device can still be used.
///
/// A layer over a driver implements it for its error type. "Fatal" is what the driver calls
/// sticky: every later call from this process fails too, and a new process is fine.
pub trait DeviceFault: Error {
    /// Whether no later call of this process can succeed.
    fn is_fatal(&self) -> bool;
}

impl RunnerBroken {
    /// The author's own word.
    ///
    /// The runner that answers with it is ended at once and replaced, which costs its whole setup,
    /// and every other request in flight on it is cut off.
    #[must_use]
    pub fn declare(reason: impl Into<String>) -> Self {
        Self { proof: Proof::Declared, reason: reason.into() }
    }

    /// The fault of a device, if it is a fatal one; after any other the runner goes on.
    ///
    /// ```
    /// use fal_policy::{DeviceFault, Proof, RunnerBroken};
    ///
    /// #[derive(Debug, thiserror::Error)]
    /// #[error("driver error {0}")]
    /// struct Driver(u32);
    ///
    /// impl DeviceFault for Driver {
    ///     fn is_fatal(&self) -> bool {
    ///         self.0 == 700
    ///     }
    /// }
    ///
    /// assert_eq!(RunnerBroken::from_fault(&Driver(2)), None);
    /// let broken = RunnerBroken::from_fault(&Driver(700)).expect("it is fatal");
    /// assert_eq!((broken.proof(), broken.reason()), (Proof::DeviceFault, "driver error 700"));
    /// ```
    #[must_use]
    pub fn from_fault<F: DeviceFault + ?Sized>(fault: &F) -> Option<Self> {
        fault.is_fatal().then(|| Self { proof: Proof::DeviceFault, reason: fault.to_string() })
    }

    /// What shows it.
    #[must_use]
    pub const fn proof(&self) -> Proof {
        self.proof
    }

    /// Why it must not go on, for the log.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// A lock whose holder panicked: what it guards may be half changed.
impl<T> From<PoisonError<T>> for RunnerBroken {
    fn from(_: PoisonError<T>) -> Self {
        let reason = "a panic left the state behind a lock half changed".to_owned();
        Self { proof: Proof::Poisoned, reason }
    }
}

impl fmt::Display for RunnerBroken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl Error for RunnerBroken {}

/// Why [`after_trim`] gave up.
#[derive(Debug, thiserror::Error)]
pub enum TrimError<E> {
    /// Memory ran out, and still did after the trim: evidence for a 503.
    #[error(transparent)]
    Broken(RunnerBroken),
    /// The work failed for another reason; the runner is fine.
    #[error(transparent)]
    Failed(E),
}

/// Does work that may run out of memory: once, and once more after everything that can be freed
/// was.
///
/// One "out of memory" is the fate of one request. Only one that persists shows a broken runner.
/// The work is called at most twice, `trim` at most once.
///
/// ```
/// use fal_policy::{Proof, TrimError, after_trim};
///
/// let mut tries = 0;
/// let second = after_trim(
///     || {
///         tries += 1;
///         if tries > 1 { Ok("an image") } else { Err("out of memory") }
///     },
///     |error| *error == "out of memory",
///     || {},
/// );
/// assert_eq!(second.ok(), Some("an image"));
///
/// let never = after_trim(|| Err::<(), _>("out of memory"), |_| true, || {});
/// let Err(TrimError::Broken(broken)) = never else { panic!("it persists") };
/// assert_eq!(broken.proof(), Proof::OutOfMemory);
/// ```
///
/// # Errors
/// [`TrimError::Broken`] when memory runs out both times, [`TrimError::Failed`] with the work's own
/// error when it fails in another way.
pub fn after_trim<T, E: fmt::Display>(
    mut work: impl FnMut() -> Result<T, E>,
    is_out_of_memory: impl Fn(&E) -> bool,
    trim: impl FnOnce(),
) -> Result<T, TrimError<E>> {
    match work() {
        Err(error) if is_out_of_memory(&error) => trim(),
        first => return first.map_err(TrimError::Failed),
    }
    work().map_err(|error| {
        if is_out_of_memory(&error) {
            let reason = format!("{error}, also after everything that could be freed was");
            TrimError::Broken(RunnerBroken { proof: Proof::OutOfMemory, reason })
        } else {
            TrimError::Failed(error)
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::LockResult;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Failed(&'static str);

    #[test]
    fn evidence_says_its_reason_and_hides_nothing_behind_it() {
        let broken = RunnerBroken::declare("the device is gone");
        assert_eq!(broken.reason(), "the device is gone");
        assert_eq!(broken.proof(), Proof::Declared);
        assert_eq!(broken.to_string(), broken.reason());
        assert!(broken.source().is_none());
    }

    #[test]
    fn a_poisoned_lock_is_evidence() {
        let locked: LockResult<()> = Err(PoisonError::new(()));
        let broken = locked.map_err(RunnerBroken::from).expect_err("it is poisoned");
        assert_eq!(broken.proof(), Proof::Poisoned);
    }

    /// Runs work that fails with these words in turn, and tells how it ended and how often it was
    /// trimmed.
    fn tried(words: &[&'static str]) -> (Result<&'static str, TrimError<Failed>>, usize, usize) {
        let (mut tries, mut trims) = (0, 0);
        let work = || {
            let word = words[tries];
            tries += 1;
            if word == "fine" { Ok(word) } else { Err(Failed(word)) }
        };
        let ended = after_trim(work, |error| error.0 == "memory", || trims += 1);
        (ended, tries, trims)
    }

    #[test]
    fn only_a_persistent_lack_of_memory_is_evidence() {
        assert!(matches!(tried(&["fine"]), (Ok("fine"), 1, 0)));
        assert!(matches!(tried(&["memory", "fine"]), (Ok("fine"), 2, 1)));
        assert!(matches!(tried(&["other"]), (Err(TrimError::Failed(Failed("other"))), 1, 0)));
        let (ended, ..) = tried(&["memory", "other"]);
        assert!(matches!(ended, Err(TrimError::Failed(Failed("other")))));
        let (Err(TrimError::Broken(broken)), 2, 1) = tried(&["memory", "memory"]) else {
            panic!("memory that is gone twice is evidence");
        };
        assert_eq!(broken.proof(), Proof::OutOfMemory);
        assert!(broken.reason().starts_with("memory, also after"), "{broken}");
    }

    #[test]
    fn every_proof_has_a_name_of_its_own() {
        let all = [Proof::Declared, Proof::DeviceFault, Proof::OutOfMemory, Proof::Poisoned];
        let names: std::collections::BTreeSet<_> = all.map(Proof::name).into_iter().collect();
        assert_eq!(names.len(), all.len());
    }
}
