//! What is known of an attempt before it is judged.

use fal_types::{PerCondition, Spent};

use crate::Outcome;

/// How a request came to its runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// Its caller waits on the line: one attempt, whatever happens.
    Direct,
    /// It is kept in the queue: it may be tried again.
    Queued,
}

/// What the app's owner decided about retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Conditions that are never retried.
    pub skip: PerCondition<bool>,
    /// Retries per condition; `None` leaves a condition only the budget of the whole request, which
    /// a higher number does not raise.
    pub budgets: PerCondition<Option<u8>>,
    /// Whether a 429 goes again; true unless the app turns it off.
    pub retry_429: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self { skip: PerCondition::default(), budgets: PerCondition::default(), retry_429: true }
    }
}

/// What the request's caller decided about retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Caller {
    /// No retries at all.
    pub no_retry: bool,
    /// Retries per condition, which replace the app's for the conditions they name; those it leaves
    /// out stay the app's.
    pub budgets: Option<PerCondition<Option<u8>>>,
}

/// One attempt that is over.
#[derive(Debug, Clone, Copy)]
pub struct Attempted<'a> {
    /// How the request came.
    pub call: Call,
    /// How the attempt ended.
    pub outcome: &'a Outcome,
    /// The retries that the request has been charged with before.
    pub spent: Spent,
    /// What the request's caller wants.
    pub caller: &'a Caller,
    /// What the app's owner wants.
    pub rules: &'a Rules,
}
