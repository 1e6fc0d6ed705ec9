//! The life of one queued request, as a machine without IO.
//!
//! A [`Ticket`] is everything the platform knows about one accepted request. Events move it, and
//! [`Ticket::step`] alone says where to: a store loads a ticket, steps it, and writes it back
//! inside its own transaction. What a store must keep, and in which order it hands tickets out, is
//! the [`store`] module: the trait, a model to compare with, and the suite that every store passes.
//!
//! Invariant: a ticket that has ended never changes again, and only the current lease and attempt
//! can end one that is leased. Nothing here knows what a status means; the ruling on an attempt
//! arrives from outside.
//!
//! ```
//! use fal_queue::{Ending, Event, NodeId, Priority, Ruling, State, Step, Ticket};
//! use fal_types::{Attempt, LeaseId, Moment, RequestId, Status};
//!
//! let (app, at) = ("acme/sketch".parse()?, Moment::from_micros);
//! let mut ticket = Ticket::new(RequestId::from_bits(1), app, "/run", Priority::Normal, at(10));
//!
//! let lease = LeaseId::new(7);
//! assert_eq!(ticket.step(at(20), &Event::Claimed { lease, node: NodeId(1) }), Step::Moved);
//!
//! let ruling = Ruling::Finish(Ending::Responded(Status::new(200)));
//! let settled = Event::Settled { lease, attempt: Attempt::FIRST, ruling };
//! assert_eq!(ticket.step(at(30), &settled), Step::Moved);
//! assert_eq!(ticket.state, State::Done(Ending::Responded(Status::new(200))));
//! assert_eq!(ticket.step(at(40), &settled), Step::Stale);
//! # Ok::<(), fal_types::AppIdError>(())
//! ```

#![forbid(unsafe_code)]

mod account;
mod backoff;
mod event;
mod retention;
pub mod store;
mod ticket;

pub use crate::{
    account::{Account, Told},
    backoff::Backoff,
    event::{Event, Ruling, Step},
    retention::Keep,
    ticket::{CallerRules, Ending, Key, Lease, NodeId, Priority, State, Storage, Ticket},
};
