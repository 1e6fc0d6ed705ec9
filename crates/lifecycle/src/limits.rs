//! What an app may tune about its runners' lives.

use std::time::Duration;

/// How long a runner may take for what, and how its health is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// From the start of the process to its open port.
    pub startup_timeout: Duration,
    /// From SIGTERM to SIGKILL. Zero kills at once.
    pub grace: Duration,
    /// None where the app names no health endpoint: then nobody asks for its health.
    pub health: Option<Health>,
}

/// When the health endpoint is asked, and how many failures end the runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// How long failures of regular probes do not count, from when the runner is ready. A shorter
    /// `startup_timeout` takes its place.
    pub start_period: Duration,
    /// How many regular probes must fail in a row; 0 reads as 1.
    pub failure_threshold: u32,
    /// From one regular probe to the next, and from ready to the first.
    pub interval: Duration,
    /// Whether there are regular probes at all, and not only those that the app asks for.
    pub regular: bool,
}
