//! What an attempt means for its runner: the row's word, unless `x-fal-stop-runner` overrides it.

use crate::{Flag, Outcome, Row};

/// What becomes of the runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Impact {
    /// Nothing: it is healthy as far as anybody knows.
    Keep,
    /// Its port is checked, and it is ended if the check fails.
    Probe,
    /// It is ended at once and replaced.
    Terminate(Cause),
}

/// Why a runner is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// It answered 503.
    Status503,
    /// Its answer asked for it with `x-fal-stop-runner`.
    StopHeader,
    /// Its connection broke while a request was in flight.
    Disconnected,
    /// It cut its answer short.
    Truncated,
    /// It did not answer within `request_timeout`.
    TimedOut,
    /// Its port refused a connection.
    Refused,
    /// It did not accept a connection in time.
    ConnectTimedOut,
    /// It could not be connected to, for another reason.
    ConnectFailed,
}

/// What the outcome means for the runner. `X-Fal-Needs-Retry` has no say in it.
pub(crate) const fn judge(outcome: &Outcome, row: Row) -> Impact {
    match (stop_runner(outcome), row.impact()) {
        //= docs/contract.md#stop-runner
        //# `x-fal-stop-runner` with `1` or `true` MUST terminate and replace the runner, whatever the
        //# status.
        (Some(Flag::Yes), _) => Impact::Terminate(Cause::StopHeader),
        //= docs/contract.md#stop-runner
        //# `x-fal-stop-runner` with `0` or `false` MUST keep the runner, even on a 503.
        (Some(Flag::No), Impact::Terminate(_)) => Impact::Keep,
        // A check ends only what is dead already, so `0` does not take it away.
        (Some(Flag::No) | None, impact) => impact,
    }
}

const fn stop_runner(outcome: &Outcome) -> Option<Flag> {
    match outcome.answer() {
        Some(answer) => answer.stop_runner,
        None => None,
    }
}
