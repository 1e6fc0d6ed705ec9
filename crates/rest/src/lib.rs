//! Uploads and tokens over HTTP, as fal's own clients ask for them.
//!
//! [`router`] has two sides. Below `/rest` stands what needs a key, which whoever mounts the router has checked
//! before: there callers get tokens, and URLs to upload to. Below `/cdn` a token in the header or in the URL says
//! what a caller may do, and reading an object needs nothing but its URL. [`sweep`] removes what has expired.
//!
//! Invariants: no caller makes this answer with a status of 5XX but 507, unless the disk fails; no body is held
//! whole but a list of parts; an object is never answered as something that a browser would run on this origin.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use fal_access::Tokens;
//! use fal_objects::Store;
//! use fal_types::Moment;
//!
//! # async fn serve(clock: fal_rest::Clock) -> Result<(), Box<dyn std::error::Error>> {
//! let store = Store::open(fal_objects::Options::new(".fal/objects"))?;
//! let tokens = Arc::new(Tokens::new(b"a secret that is kept"));
//! tokio::spawn(fal_rest::sweep(store.clone(), clock.clone()));
//! let router = fal_rest::router(fal_rest::Options::new(store, tokens, clock));
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! axum::serve(listener, router).await?;
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod options;
mod routes;

mod cdn;
mod storage;
mod tokens;

mod arriving;
mod base;
mod origin;
mod params;
mod preference;
mod problem;
mod rights;
mod time;
mod wire;

pub use crate::{
    options::{Clock, Options, Origins, sweep},
    routes::router,
};
