//! What an endpoint takes, returns and fails with.

pub(crate) mod blob;
pub(crate) mod error;
pub(crate) mod event_stream;
pub(crate) mod health;
pub(crate) mod input;
pub(crate) mod inputs;
pub(crate) mod message;
pub(crate) mod output;
pub(crate) mod web_socket;
