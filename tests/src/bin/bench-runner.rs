//! A runner for `cargo xtask bench lifecycle`: it says what its setup took and when it wrote its answer, and ends as it
//! is told to.
//!
//! A call is a JSON object, all of it optional: `sleep_ms` is waited before the answer, and `end` is `503`, an answer
//! that ends a runner, or `abort`, which gives none. Each answer has three headers: `x-bench-pid`, `x-bench-setup`,
//! the microseconds from the program's first line until its port was open, and `x-bench-written`, the wall clock's
//! microseconds just before it was written.
//!
//! Environment: `SETUP_MS` is waited before the port opens. `ONE_FAILS` names a file: whoever creates it answers every
//! call with 500 after a millisecond.

use std::{
    env,
    fs::File,
    process,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use serde::Deserialize;
use tokio::{net::TcpListener, time};

/// What a call asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Call {
    sleep_ms: u64,
    end: String,
}

#[derive(Debug, Clone, Copy)]
struct Runner {
    /// Microseconds.
    setup: u64,
    fails: bool,
}

type Answer = (StatusCode, [(&'static str, String); 3]);

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let begin = wall_micros();
    let number = |name: &str| variable(name).and_then(|text| text.parse().ok());
    time::sleep(Duration::from_millis(number("SETUP_MS").unwrap_or(0))).await;
    let fails = variable("ONE_FAILS").is_some_and(|name| File::create_new(name).is_ok());
    let port = number("PORT").and_then(|port| u16::try_from(port).ok()).unwrap_or(0);
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let runner = Runner { setup: wall_micros() - begin, fails };
    axum::serve(listener, Router::new().route("/", post(answer)).with_state(runner)).await
}

async fn answer(State(runner): State<Runner>, Json(call): Json<Call>) -> Answer {
    if runner.fails {
        time::sleep(Duration::from_millis(1)).await;
        return with(StatusCode::INTERNAL_SERVER_ERROR, runner);
    }
    time::sleep(Duration::from_millis(call.sleep_ms)).await;
    match call.end.as_str() {
        "abort" => process::abort(),
        "503" => with(StatusCode::SERVICE_UNAVAILABLE, runner),
        _ => with(StatusCode::OK, runner),
    }
}

fn with(status: StatusCode, runner: Runner) -> Answer {
    let headers = [
        ("x-bench-pid", process::id().to_string()),
        ("x-bench-setup", runner.setup.to_string()),
        ("x-bench-written", wall_micros().to_string()),
    ];
    (status, headers)
}

#[expect(clippy::disallowed_methods, reason = "a runner is told everything in its environment")]
fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

#[expect(clippy::disallowed_methods, reason = "when it answers is what it is asked for")]
fn wall_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
