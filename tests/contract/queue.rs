//! The queue: submit, status, result, cancel, stream, order, and what survives a death.

mod cancel;
mod durable;
mod follow;
mod order;
mod submit;
