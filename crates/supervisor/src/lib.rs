//! Everything that touches a runner's process.
//!
//! A [`Supervisor`] starts runners, watches them, speaks HTTP to them and sees to it that none outlives the
//! platform. It decides nothing: it reports what happened ([`Sink`]) and does what it is told
//! ([`Runner::terminate`], [`Runner::cut`], [`Runner::forward`]).
//!
//! Invariant: a runner's process group is signalled only while its leader has not been reaped, so a number
//! that the kernel has given to somebody else is never hit.
//!
//! Who ends what:
//!
//! | what ended | who notices | what goes |
//! | --- | --- | --- |
//! | a runner's leader | the reaper thread, by pidfd | the rest of its group, at once |
//! | the same | the guard process, told by the reaper | its descendants that left the group |
//! | the platform, also by kill -9 | the guard process, by end of file | every runner and descendant |
//! | the platform and its guard | the next start, by the recorded leftovers | the same |
//!
//! Descendants that left the group are known by a marker in their environment, so one that wiped its
//! environment *and* left the group escapes.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use fal_supervisor::{Launch, LaunchError, PortError, Runner, Sink, Supervisor};
//!
//! async fn start(supervisor: &Supervisor, sink: Arc<dyn Sink>) -> Result<Runner, LaunchError> {
//!     let launch = Launch {
//!         app: "acme/sketch".to_owned(),
//!         runner: "1".to_owned(),
//!         command: vec!["python3".to_owned(), "sketch.py".to_owned()],
//!         cwd: ".".into(),
//!         env: Vec::new(),
//!     };
//!     let runner = supervisor.launch(&launch, &sink)?;
//!     if runner.port_open().await == Err(PortError::Exited) {
//!         // The sink has heard how.
//!     }
//!     Ok(runner)
//! }
//! ```
//!
//! Read on at [`Supervisor`], then [`Runner`].

#![forbid(unsafe_code)]

mod forward;
mod guard;
mod leftovers;
mod output;
mod poller;
mod port;
mod probe;
mod reaper;
mod runner;
mod spawn;
mod supervisor;
mod sweep;

pub use crate::{
    forward::{
        BodyError, ForwardError, RequestBody, ResponseBody, Switch, Tunnel, UploadBody, UploadError,
    },
    guard::{GuardError, guard},
    leftovers::Leftovers,
    output::Stream,
    probe::{HealthProbe, PortError, ProbeError},
    runner::{Exit, Runner, Sink},
    spawn::{Launch, LaunchError},
    supervisor::{Error, Options, Supervisor},
};
