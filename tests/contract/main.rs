//! The contract, proven on real processes: one module per section of `docs/contract.md`.
//!
//! Which process answered, and how many attempts there were, is what the runners themselves wrote down.

mod bad_input;
mod beside;
mod callers;
mod direct;
mod files;
mod headers;
mod keys;
mod life;
mod load;
mod machine;
mod platform;
mod queue;
mod retries;
mod sessions;
mod silence;
mod statuses;
mod tls;
