//! What a machine wants done, and how it answers an event.

/// Something to do to the runner's process or its connections.
#[must_use = "an effect that is not performed is lost"]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Find what the runner needs of the machine, and tell when it is allotted.
    Allot,
    /// Start the process, and watch its port and its exit.
    Spawn,
    /// Connect to the port once, and tell the verdict.
    ProbeTcp,
    /// Ask the health endpoint once, and tell the verdict. [`crate::Machine::health_on_demand`] says whether the
    /// app asked for it.
    ProbeHealth,
    /// Break every connection to the runner, and make no new one.
    Cut,
    /// Send SIGTERM to the process group.
    SignalTerm,
    /// Send SIGKILL to the process group.
    SignalKill,
}

/// How a machine answers an event.
#[must_use = "a step holds the effects to perform"]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The event counted. The effects are to be performed in their order; most events have none.
    Taken(Vec<Effect>),
    /// The event may come here, and changes nothing: it came late, twice or early.
    Ignored,
    /// The event cannot come here unless somebody has miscounted. Nothing has changed.
    Impossible,
}
