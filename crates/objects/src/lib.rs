//! Files that callers and apps upload, kept in a folder: written once, read in ranges, gone when they expire.
//!
//! A [`Store`] takes bytes in through an [`Intake`], and keeps them as an object under an [`ObjectId`], at once
//! ([`Store::keep`]) or as parts that are listed at the end ([`Store::begin`], [`Store::keep_part`],
//! [`Store::complete`]). What is known of an [`Object`] says [`Store::find`]; its bytes come from a [`Reader`].
//!
//! Invariants: an object is whole and on disk before anybody is told of it, and never changes afterwards; what a
//! crash leaves is either such an object, an upload that goes on, or removed by the next [`Store::open`]; a name
//! that somebody gave is never a path. No more than a MiB of a body is in memory, however large it is. Files are
//! touched by threads of the store's own, so no call blocks a runtime. There is no clock here: whoever calls says
//! what time it is.
//!
//! ```
//! use fal_objects::{About, Options, Store};
//! use fal_types::Moment;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), fal_objects::Error> {
//! # let folder = tempfile::tempdir().expect("a folder");
//! let now = Moment::from_micros(0);
//! let store = Store::open(Options::new(folder.path().join("objects")))?;
//!
//! let mut intake = store.intake(None).await?;
//! intake.push("hello ".into()).await?;
//! intake.push("world".into()).await?;
//! let about = About::new("greeting.txt", "text/plain")?;
//! let kept = store.keep(intake, (store.new_id()?, about), now).await?;
//!
//! let found = store.find(kept.id(), now).await?.expect("it was kept");
//! let mut reader = store.read(&found, 6..found.length());
//! assert_eq!(reader.next().await?.as_deref(), Some(&b"world"[..]));
//! assert_eq!(reader.next().await?, None);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod about;
mod error;
mod id;
mod object;

mod store;

mod intake;
mod keep;
mod read;
mod sweep;
mod upload;

mod index;
mod layout;
mod open;
mod pool;
mod record;
mod space;

#[cfg(test)]
mod tests;

pub use crate::{
    about::{About, Access},
    error::Error,
    id::ObjectId,
    intake::Intake,
    object::{Object, Part, PartNumber},
    read::Reader,
    store::{Options, Store},
    sweep::Swept,
    upload::Listed,
};
