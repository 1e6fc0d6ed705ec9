//! The client against servers that say what they are told to.

mod calls;
mod errors;
mod fetching;
mod following;
mod keys;
mod repeated;
mod server;
mod streams;
mod tls;
mod transfers;

use std::time::Duration;

use serde_json::Value;

use crate::{Client, Retries, tests::server::Server};

/// Repeats without waiting.
const AT_ONCE: Retries = Retries {
    most: 3,
    first: Duration::ZERO,
    longest: Duration::ZERO,
    patience: Duration::from_secs(2),
};

/// A client of a server that is taken for this project's platform.
fn client(server: &Server) -> Client {
    let builder = Client::builder().key("id:secret").base(&server.url());
    builder.retries(AT_ONCE).build().unwrap()
}

/// A client of a server that is taken for fal's.
fn client_of_fal(server: &Server) -> Client {
    let url = |name: &str| format!("{}/{name}", server.url());
    let builder = Client::builder().key("id:secret").run_url(url("run")).queue_url(url("queue"));
    builder.rest_url(url("rest")).retries(AT_ONCE).build().unwrap()
}

/// What a submit is answered.
fn submitted() -> server::Say {
    server::json(200, r#"{"status":"IN_QUEUE","request_id":"r-1","queue_position":2}"#)
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}
