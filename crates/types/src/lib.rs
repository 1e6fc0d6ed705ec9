//! The vocabulary that the pure cores share.
//!
//! Nothing here decides anything: these are the names that policy, lifecycle and queue must agree on, with
//! their parsing and ordering. A type is admitted only when two of those crates need it today.
//!
//! Invariant: no clock, file, socket, process, environment, thread or lock, here or in any crate up to
//! `fal-engine`. Time is a [`Moment`] that the caller passes in.
//!
//! ```
//! use fal_types::{AppId, RequestId};
//!
//! let app: AppId = "acme/sketch".parse()?;
//! assert_eq!((app.owner(), app.alias()), ("acme", "sketch"));
//! let id: RequestId = "0190d1a2-0000-7000-8000-0000000000ff".parse()?;
//! assert_eq!(id.to_string(), "0190d1a2-0000-7000-8000-0000000000ff");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod app;
mod id;
mod moment;
mod problem;
mod retry;
mod status;

pub use crate::{
    app::{AppId, AppIdError},
    id::{LeaseId, RequestId, RequestIdError, RunnerId},
    moment::Moment,
    problem::Problem,
    retry::{Attempt, Condition, PerCondition, Spent},
    status::{Status, StatusClass},
};
