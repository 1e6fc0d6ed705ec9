//! The life of one runner as a machine without IO.
//!
//! A [`Machine`] is told what happened to its runner ([`Event`]) and answers what is to be done ([`Effect`]).
//! It does not know why it was told: which status ends a runner is the policy's business, and which request
//! goes to which runner is the engine's. Its [`State`] holds every deadline as data, so whoever drives it asks
//! for [`Machine::next_deadline`] and needs no timer per runner. Each state has the [`Cause`] it was entered
//! for, and what an app may tune is in [`Limits`].
//!
//! Invariant: a runner that has left service never takes a request again, and [`State::Terminated`] is final.
//!
//! ```
//! use fal_lifecycle::{Cause, Effect, Event, Limits, Machine, Start, State, Step};
//! use fal_types::Moment;
//! use std::time::Duration;
//!
//! let now = Moment::from_micros(0);
//! let limits = Limits {
//!     startup_timeout: Duration::from_secs(600),
//!     grace: Duration::from_secs(5),
//!     health: None,
//! };
//! let (mut runner, effects) = Machine::new(now, Start::Now, Cause::ScaledUp, limits);
//! assert_eq!(effects, [Effect::Allot]);
//! assert_eq!(runner.step(now, Event::Allotted), Step::Taken(vec![Effect::Spawn]));
//! assert_eq!(runner.step(now, Event::PortOpened), Step::Taken(vec![]));
//! assert!(runner.is_ready());
//! let ended = runner.step(now, Event::Condemned(Cause::Status503));
//! assert_eq!(ended, Step::Taken(vec![Effect::Cut, Effect::SignalTerm]));
//! assert_eq!(runner.next_deadline(), Some(now + Duration::from_secs(5)));
//! ```

#![forbid(unsafe_code)]

mod cause;
mod effect;
mod event;
mod health;
mod limits;
mod machine;
mod state;

pub use crate::{
    cause::Cause,
    effect::{Effect, Step},
    event::Event,
    limits::{Health, Limits},
    machine::{Machine, Start},
    state::State,
};
