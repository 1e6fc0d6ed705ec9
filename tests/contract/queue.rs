//! The queue: submit, status, result, cancel, stream, order, and what survives a death; what is told of a request,
//! to whom, and for how long.

mod attempts;
mod cancel;
mod dead;
mod deliveries;
mod durable;
mod fencing;
mod follow;
mod forms;
mod full;
mod idempotency;
mod kept;
mod logs;
mod order;
mod submit;
mod targets;
mod webhooks;

use fal_tests::{Request, Value};

/// A submit to `demo/lab` with a webhook.
fn hooked(url: &str, orders: &Value) -> Request {
    Request::new("POST", &format!("/queue/demo/lab?fal_webhook={}", escaped(url))).json(orders)
}

/// Text as it stands in a query.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    text.bytes().map(escape).collect()
}
