//! The example `hello` by hand on bare axum: what the macro and the app shell are measured against.
//!
//! It does for its caller what `hello` does, written as one would without `fal-app`: both endpoints, the health
//! endpoint, errors as `{"detail": ..}`, a port that opens after the setup, a stop that drains. It keeps no log, turns
//! no panic into an answer, and names no field of an input that does not fit. `bench-axum` beside it is less than an
//! app, and stays so: the platform's own path is measured against it.

use std::{
    io::{self, Write},
    net::Ipv4Addr,
    sync::Arc,
};

use axum::{
    Json, Router,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse, Response, Sse, sse::Event},
    routing::{get, post},
    serve::ListenerExt,
};
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

#[derive(Debug, Deserialize)]
struct Input {
    prompt: String,
}

#[derive(Debug, Serialize)]
struct Output {
    text: String,
}

#[derive(Debug, thiserror::Error)]
enum HelloError {
    #[error("prompt is empty")]
    EmptyPrompt,
    #[error(transparent)]
    NotAnInput(#[from] JsonRejection),
}

impl IntoResponse for HelloError {
    fn into_response(self) -> Response {
        let detail = Json(json!({ "detail": self.to_string() }));
        (StatusCode::UNPROCESSABLE_ENTITY, detail).into_response()
    }
}

struct Hello {
    greeting: String,
}

type Sent = Result<Json<Input>, JsonRejection>;

impl Hello {
    fn setup() -> Self {
        Self { greeting: variable("GREETING").unwrap_or_else(|| "Hello".to_owned()) }
    }

    fn greet(&self, input: &Input) -> Result<Output, HelloError> {
        if input.prompt.is_empty() {
            return Err(HelloError::EmptyPrompt);
        }
        Ok(Output { text: format!("{}, {}!", self.greeting, input.prompt) })
    }
}

async fn greet(State(hello): State<Arc<Hello>>, sent: Sent) -> Result<Json<Output>, HelloError> {
    let Json(input) = sent?;
    Ok(Json(hello.greet(&input)?))
}

async fn stream(
    State(hello): State<Arc<Hello>>,
    sent: Sent,
) -> Result<Sse<impl Stream<Item = Result<Event, axum::Error>>>, HelloError> {
    let Json(input) = sent?;
    let greeting = hello.greet(&input)?;
    let words: Vec<_> = greeting.text.split_inclusive(' ').map(str::to_owned).collect();
    let events = words.into_iter().map(|text| Event::default().json_data(Output { text }));
    Ok(Sse::new(stream::iter(events)))
}

async fn healthy() -> Json<Value> {
    Json(json!({ "version": "unknown" }))
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let port = variable("PORT").map_or(Ok(8080), |text| text.parse()).map_err(io::Error::other)?;
    let mut terminate = signal(SignalKind::terminate())?;
    let hello = Arc::new(Hello::setup());
    let app = Router::new()
        .route("/", post(greet))
        .route("/stream", post(stream))
        .route("/health", get(healthy))
        .with_state(hello);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    writeln!(io::stdout(), "listening on http://{}", listener.local_addr()?)?;
    let listener = listener.tap_io(|stream| {
        // A connection that keeps its delay is slower, and works.
        let _delayed = stream.set_nodelay(true);
    });
    let stopped = async move {
        terminate.recv().await;
    };
    axum::serve(listener, app).with_graceful_shutdown(stopped).await
}

#[expect(clippy::disallowed_methods, reason = "it is a program of its own, so this is its edge")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
