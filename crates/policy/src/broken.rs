//! The evidence without which an app cannot answer 503.

use std::fmt;

/// Says that this runner must not go on. The only source of a 503.
///
/// Whoever holds one has either declared it or found it; nothing converts into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerBroken {
    reason: String,
}

impl RunnerBroken {
    /// The author's own word.
    ///
    /// The runner that answers with it is ended at once and replaced, which costs its whole setup,
    /// and every other request in flight on it is cut off.
    #[must_use]
    pub fn declare(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }

    /// Why it must not go on, for the log and the caller.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for RunnerBroken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for RunnerBroken {}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    #[test]
    fn evidence_says_its_reason_and_hides_nothing_behind_it() {
        let broken = RunnerBroken::declare("the device is gone");
        assert_eq!(broken.reason(), "the device is gone");
        assert_eq!(broken.to_string(), broken.reason());
        assert!(broken.source().is_none());
    }
}
