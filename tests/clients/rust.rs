//! This project's own client against a served platform.

mod direct;
mod flaky;
mod queued;

use std::time::Duration;

use fal_client::{Client, Error, Retries};
use fal_tests::{App, Platform, Value, json};

/// A platform with one busy app and one that nobody calls.
fn platform(app: App) -> Platform {
    let other = App::unruly().named("demo/other").set("max_concurrency", 1);
    Platform::start("", &[app.set("min_concurrency", 1), other])
}

fn client(platform: &Platform) -> Client {
    at(&format!("http://{}", platform.addr()))
}

/// A client that does not dawdle.
fn at(url: &str) -> Client {
    let retries = Retries { first: Duration::from_millis(1), ..Retries::default() };
    Client::builder().key("id:secret").base(url).retries(retries).build().expect("it can be built")
}

/// What `unruly` is to answer.
fn answer(status: u16, body: &Value) -> Value {
    json!({ "status": status, "body": body.to_string() })
}

#[track_caller]
fn error<T: std::fmt::Debug>(result: Result<T, Error>) -> Error {
    result.expect_err("it is an error")
}
