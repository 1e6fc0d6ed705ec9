//! The handler of the `hello` example on bare axum: what the platform is measured against.

use std::io::Write;

use axum::{Json, Router, routing::post};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

#[derive(Deserialize)]
struct Input {
    prompt: String,
}

#[derive(Serialize)]
struct Output {
    text: String,
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    writeln!(std::io::stdout(), "listening on http://{}", listener.local_addr()?)?;
    axum::serve(listener, Router::new().route("/", post(hello))).await
}

async fn hello(Json(input): Json<Input>) -> Json<Output> {
    Json(Output { text: format!("Hello, {}!", input.prompt) })
}
