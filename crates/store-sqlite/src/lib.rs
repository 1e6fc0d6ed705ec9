//! The embedded store of the queue: one SQLite file.
//!
//! [`Store`] owns the one connection that writes. A commit is one `BEGIN IMMEDIATE` transaction in
//! a write-ahead log that is flushed before the commit returns, so what was acknowledged survives
//! the death of the process and the loss of power. Readers are connections of their own, take one
//! snapshot a question, and hold none between two. Bodies above 1 MiB lie in files beside the
//! database, flushed before the row that names them is committed.
//!
//! A commit that fails leaves nothing behind, and the store goes on with the next; where the device
//! has failed under it, the next commit opens the file anew. [`backup()`] copies a store in use.
//!
//! Invariant: SQL only keeps. Every ticket is loaded, moved by [`fal_queue::Ticket::step`], and
//! written back; no statement decides what becomes of one. What SQL adds is order and bounds:
//! - a claim seeks to the head of the app's ready requests, however many wait behind them or are
//!   not due yet;
//! - the position of a new request comes from counters in memory, which are counted anew when the
//!   store is opened and taken back with a batch that fails.
//!
//! ```
//! use fal_queue::{Priority, Ticket, store::{Content, Done, Op, Store as _}};
//! use fal_store_sqlite::{Options, Store};
//! use fal_types::{Moment, RequestId};
//!
//! let folder = tempfile::tempdir()?;
//! let mut store = Store::open(&Options::new(folder.path().join("queue.sqlite")))?;
//! let (app, now) = ("acme/sketch".parse()?, Moment::from_micros(1));
//! let ticket = Ticket::new(RequestId::from_bits(1), app, "/run", Priority::Normal, now);
//! let submit = Op::Submit { ticket, content: Content::default(), max_ahead: None };
//! assert_eq!(store.commit(now, vec![submit])?, [Done::Submitted { ahead: 0 }]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod open;
mod schema;

mod write;

mod batch;
mod claim;
mod dead;
mod outbox;
mod step;
mod time;

mod bodies;
mod checkpoint;
mod counts;
mod query;

mod read;

mod backup;
mod health;

mod error;
mod rows;

#[cfg(test)]
mod tests;

pub use crate::{
    backup::{BackupReport, backup},
    open::Options,
    write::Store,
};
