//! The HTTP edge of the platform: URLs, headers and bodies on one side, the node's values on the other.
//!
//! It decides nothing about runners or retries. It finds out what a request is for, strips what a runner must not
//! see and what a caller must not see, and turns the node's answers into the wire forms of fal's own clients.
//!
//! Invariants: every response carries `x-fal-request-id`; no answer made here is ever counted as a runner's; a
//! body is never held whole unless it is small or goes into the queue.
//!
//! Reading order: [`serve`] accepts, [`Gateway`] finds the room, then `direct` and `queue`.

#![forbid(unsafe_code)]

mod body;
mod direct;
mod entry;
mod headers;
mod limits;
mod problem;
mod proxy;
mod queue;
mod route;
mod serve;
mod service;
mod websocket;
mod wire;

pub use crate::{
    body::{Body, BodyError},
    limits::Limits,
    serve::{Listener, serve},
    service::{Edge, Gateway},
};
