//! The decision: one total function from what is known of an attempt to what it means.

use crate::{Attempted, Cause, Impact, Retry, Row, Why, impact, retry};

#[cfg(test)]
mod tests;

/// What an attempt means, for the runner and for the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[must_use = "a verdict that nobody carries out changes nothing"]
pub struct Verdict {
    /// For the runner.
    pub impact: Impact,
    /// For the request.
    pub retry: Retry,
    /// The row of the status table that the outcome fell into.
    pub row: Row,
}

/// Judges one attempt.
///
/// Pure and total: equal arguments give equal verdicts, and every outcome has one. The two halves
/// are independent, but for one thing: how long a retry waits depends on whether its runner is gone.
//= docs/contract.md#needs-retry
//# The header moves the request only, never the runner: a 503 with `0` MUST still end its runner.
pub fn decide(attempted: &Attempted<'_>) -> Verdict {
    let row = Row::of(attempted.outcome);
    let impact = impact::judge(attempted.outcome, row);
    Verdict { impact, retry: retry::judge(attempted, row, impact), row }
}

impl Verdict {
    /// The clause of `docs/contract.md` that decided about the runner.
    #[must_use]
    pub fn runner_clause(&self) -> &'static str {
        let header = self.impact == Impact::Terminate(Cause::StopHeader);
        let kept = self.impact == Impact::Keep && self.row.impact() != Impact::Keep;
        if header || kept { "stop-runner" } else { self.row.clause() }
    }

    /// The clause of `docs/contract.md` that decided about the request. Of a 429 that goes again it
    /// names the status, also where a header asked for the same.
    #[must_use]
    pub fn request_clause(&self) -> &'static str {
        match self.retry {
            Retry::Never(Why::NotRetryable) => self.row.clause(),
            Retry::Never(why) => why.clause(),
            Retry::Again { condition: None, .. } if self.row != Row::TooManyRequests => {
                "needs-retry"
            }
            Retry::Again { .. } => self.row.clause(),
        }
    }
}
