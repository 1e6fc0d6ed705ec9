//! Counting attempts and retries.

use std::fmt;

/// The number of one attempt at a request, from 1. It fences: what an old attempt says changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt(u16);

impl Attempt {
    /// The first attempt.
    pub const FIRST: Self = Self(1);

    /// The attempt with this number; 0 reads as the first.
    #[must_use]
    pub const fn new(number: u16) -> Self {
        Self(if number == 0 { 1 } else { number })
    }

    /// The attempt after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Its number, from 1.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Attempt({})", self.0)
    }
}

/// A reason to retry that an app or a caller can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Condition {
    /// The runner answered 503 or 504, went away, or cut its answer short.
    ServerError,
    /// `request_timeout` has passed.
    Timeout,
    /// The connection to the runner could not be made or kept.
    ConnectionError,
}

impl Condition {
    /// Every condition, in the order of [`PerCondition`].
    pub const ALL: [Self; 3] = [Self::ServerError, Self::Timeout, Self::ConnectionError];

    /// Its name in configuration and headers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ServerError => "server_error",
            Self::Timeout => "timeout",
            Self::ConnectionError => "connection_error",
        }
    }

    /// The condition with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|condition| condition.name() == name)
    }
}

/// One value for each [`Condition`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PerCondition<T> {
    /// The value for [`Condition::ServerError`].
    pub server_error: T,
    /// The value for [`Condition::Timeout`].
    pub timeout: T,
    /// The value for [`Condition::ConnectionError`].
    pub connection_error: T,
}

impl<T> PerCondition<T> {
    /// The value for `condition`.
    pub const fn get(&self, condition: Condition) -> &T {
        match condition {
            Condition::ServerError => &self.server_error,
            Condition::Timeout => &self.timeout,
            Condition::ConnectionError => &self.connection_error,
        }
    }

    /// The value for `condition`, to change.
    pub const fn get_mut(&mut self, condition: Condition) -> &mut T {
        match condition {
            Condition::ServerError => &mut self.server_error,
            Condition::Timeout => &mut self.timeout,
            Condition::ConnectionError => &mut self.connection_error,
        }
    }
}

/// How many retries a request has been charged with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Spent {
    /// All of them, whatever caused them.
    pub total: u8,
    /// Those that a condition caused; forced and 429 retries count only in the total.
    pub by_condition: PerCondition<u8>,
}

impl Spent {
    /// The count after one more retry, caused by `condition` if any.
    #[must_use]
    pub const fn charge(mut self, condition: Option<Condition>) -> Self {
        self.total = self.total.saturating_add(1);
        if let Some(condition) = condition {
            let count = self.by_condition.get_mut(condition);
            *count = count.saturating_add(1);
        }
        self
    }
}
