//! Call apps from Rust: typed calls, a queue to follow, and every error as a value of its own.
//!
//! A [`Client`] calls apps on a platform of this project, and on fal itself. An input is anything that serde writes, an
//! output anything that serde reads.
//!
//! ```no_run
//! use fal_client::{Client, Error};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize)]
//! struct Input {
//!     prompt: String,
//! }
//!
//! #[derive(Deserialize)]
//! struct Output {
//!     text: String,
//! }
//!
//! # async fn call() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder().base("http://127.0.0.1:8080").build()?;
//! let input = Input { prompt: "you".to_owned() };
//!
//! // Wait for the app.
//! let output: Output = client.run("demo/hello", &input).await?;
//!
//! // Or put it into the queue, where it survives what may happen meanwhile.
//! let handle = client.submit("demo/hello", &input).await?;
//! match handle.result::<Output>().await {
//!     Ok(output) => println!("{}", output.text),
//!     Err(Error::Validation(refused)) => println!("a wrong input: {refused}"),
//!     Err(error) => return Err(error.into()),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! In reading order: [`Client`] and its [`Builder`]; [`Call`], what can be said of a call; [`Handle`], a request in the
//! queue; [`EventStream`]; [`Upload`]; [`Error`], which can be matched without a `_`; and [`Retries`], what is repeated.
//!
//! Invariants: nothing is sent twice that may have been taken in once, unless it is safe ([`Retries`]); and the key is
//! sent to the URLs that the client was made with and to no other, and never shown.

#![forbid(unsafe_code)]

mod client;
mod key;
mod places;
mod roots;

mod call;
mod handle;
mod stream;

mod download;
mod fetch;
mod reach;
mod upload;

mod content;
mod headers;
mod reply;
mod retries;
mod sse;
mod transport;

mod error;

#[cfg(test)]
mod tests;

pub use http::{HeaderMap, Method};

pub use crate::{
    call::{Abandoned, Call, Direct, ObjectLifecycle, Priority, Queued},
    client::{Builder, Client, Idempotency, SetupError},
    error::{
        BadCall, Cause, Cut, DecodeError, Error, ErrorType, FileError, Loc, ModelError,
        ModelErrorKind, PlatformError, Refusal, TimedOut, TransportError, ValidationError, Worth,
    },
    fetch::{Fetch, Fetched},
    handle::{
        Cancel, CancelOnDrop, Completed, Events, Follow, Handle, LogLine, Logs, State, Status,
    },
    reach::Reach,
    reply::{Answer, Reply},
    retries::Retries,
    stream::EventStream,
    upload::Upload,
};

/// The guide, whose examples are compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/client.md")]
pub struct Guide;
