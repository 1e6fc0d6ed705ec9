//! What can happen to a runner.

use crate::Cause;

/// Something that has happened to a runner, or been decided about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A deadline may have passed: to be told at [`crate::Machine::next_deadline`], and harmless at any time.
    Elapsed,
    /// Another runner of the app has started successfully.
    Woken,
    /// What the runner needs of the machine has been allotted to it, until it is gone.
    Allotted,
    /// The process could not be started.
    SpawnFailed,
    /// The runner's port has accepted its first connection.
    PortOpened,
    /// The process is gone.
    Exited,
    /// A request was placed on the runner.
    Leased,
    /// A request that was placed on the runner has ended, in whatever way.
    Released,
    /// Somebody doubts that the runner's port still accepts connections.
    ProbeWanted,
    /// The TCP check connected.
    ProbePassed,
    /// The TCP check did not connect in time.
    ProbeFailed,
    /// The app asks for a probe of its health endpoint.
    HealthWanted,
    /// The health endpoint answered well.
    HealthPassed,
    /// The health endpoint answered badly, or not in time.
    HealthFailed,
    /// The runner must not live: it ends at once, with whatever is in flight on it.
    Condemned(Cause),
    /// The runner is not wanted any more: it ends when what is in flight has finished.
    StopRequested(Cause),
}
