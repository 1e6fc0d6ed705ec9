//! The shared store of the queue: a PostgreSQL database.
//!
//! [`Store`] is one way in for commits, owned by one thread that it blocks; lanes, readers and listeners are others. Each
//! has a connection of its own, and makes it anew when it is lost. A commit is one transaction, and the server flushes it
//! before it is answered; where the answer is lost with the connection, the server is asked what became of it.
//!
//! Invariant: SQL only keeps. Every ticket is loaded, moved by [`fal_queue::Ticket::step`], and written back; no statement
//! decides what becomes of one. What SQL adds is order and bounds:
//! - one table has what waits or runs and nothing else; what has ended moves to where it lies by the day on which it
//!   expires, and a day that has passed is dropped whole;
//! - statements work on arrays, so that a batch of one kind goes there and back twice, whatever its size;
//! - rows are locked in the order of their submission, and claims pass over what others have locked;
//! - a claim begins where the last ones have been, so that what the server cannot clear away yet does not slow it down.
//!
//! All moments are by the server's clock, so the clocks of those who share it do not matter.
//!
//! ```no_run
//! use fal_queue::{Priority, Ticket, store::{Content, Done, Op, Store as _}};
//! use fal_store_postgres::{Options, Store};
//! use fal_types::{Moment, RequestId};
//!
//! let mut store = Store::open(&Options::new("postgresql://fal@localhost/queue"))?;
//! let now = store.clock()?.unwrap_or_default();
//! let app = "acme/sketch".parse()?;
//! let ticket = Ticket::new(RequestId::from_bits(1), app, "/run", Priority::Normal, now);
//! let submit = Op::Submit { ticket, content: Content::default(), max_ahead: None };
//! assert_eq!(store.commit(now, vec![submit])?, [Done::Submitted { ahead: 0 }]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod options;
mod store;

mod batch;
mod claim;
mod held;
mod letters;
mod outbox;
mod submit;
mod touch;
mod upkeep;

mod read;

mod counts;
mod days;
mod doctor;
mod heads;
mod herald;
mod schema;
mod shared;

mod link;
mod outcome;
mod query;
mod session;

mod error;
mod rows;
mod values;
mod writes;

pub use crate::{
    options::{Options, Standbys, Time},
    store::Store,
};
