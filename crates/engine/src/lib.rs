//! The conductor of one app: the only crate that knows all three cores.
//!
//! `fal-policy` says what an outcome means, `fal-lifecycle` what a runner does next, `fal-queue` what becomes
//! of a queued request; none of them knows the others. An [`Engine`] holds the runners and the waiting calls of
//! one app, is told what happened ([`Input`]), and answers what to do ([`Command`]). It does nothing itself:
//! `fal-node` performs the commands and tells the results as further inputs.
//!
//! Invariant: equal inputs at equal moments give equal commands. A seed replays everything.
//!
//! ```
//! use fal_engine::{CallId, Command, Engine, Event, Input, Settings, Who};
//! use fal_types::{Moment, Problem};
//! use std::time::Duration;
//!
//! let now = Moment::from_micros(1_000_000);
//! let mut engine = Engine::new(Settings::default(), Who { boot: 7, node: 1 });
//! let until = now + Duration::from_secs(600);
//! let call = Input::Admit { call: CallId::new(1), until, late: Problem::StartupTimeout };
//! // No runner yet: the call waits, and one is started.
//! let commands = engine.step(now, call);
//! let [Command::Runner { runner, .. }] = commands[..] else { unreachable!() };
//! let opened = Input::Runner { runner, event: Event::PortOpened };
//! let commands = engine.step(now, opened);
//! assert!(matches!(commands[..], [Command::Moved { .. }, Command::Grant { .. }]));
//! ```

#![forbid(unsafe_code)]

mod backlog;
mod command;
mod engine;
mod input;
mod pool;
mod scaling;
mod settings;
mod settle;
mod told;
mod turn;
mod waiting;

pub use fal_allotment::{Offer, Rank};
pub use fal_lifecycle::{Cause, Effect, Event, State};

pub use crate::{
    command::{Command, Record, Rollover},
    engine::{Engine, Runner},
    input::{CallId, Input, Reconfigured, Reported, Watched, Who},
    pool::{Replacement, Standing},
    settings::{Cancel, CrashBackoff, Needs, Scale, Settings},
};
