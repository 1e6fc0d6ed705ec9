//! Serve a model from Rust: setup first, then endpoints, and a 503 that must be earned.
//!
//! An app is a struct, and `#[fal_app]` on it and on its `impl`. Its program runs the setup, opens
//! its port when that has returned, answers JSON with JSON, and drains on SIGTERM.
//!
//! **A 503 ends the process that sends it.** The platform takes it as "this runner is broken". So
//! [`AppStatus`] has no 503, a variant marked `#[runner_broken]` must carry evidence, and whatever
//! else finds a way to send one is turned into a 500 by the last look at every answer.
//!
//! ```
//! use fal_app::prelude::*;
//!
//! #[derive(Debug, Deserialize, JsonSchema)]
//! struct Input {
//!     prompt: String,
//! }
//!
//! #[derive(Debug, Serialize, JsonSchema)]
//! struct Output {
//!     text: String,
//! }
//!
//! #[derive(Debug, thiserror::Error, AppError)]
//! enum PredictError {
//!     #[error("prompt is empty")]
//!     #[status(422)]
//!     EmptyPrompt,
//! }
//!
//! #[fal_app(name = "hello", keep_alive = 60)]
//! struct Hello {
//!     greeting: String,
//! }
//!
//! #[fal_app]
//! impl Hello {
//!     #[setup]
//!     async fn setup(cx: &SetupContext) -> Result<Self, SetupError> {
//!         Ok(Self { greeting: cx.var("GREETING").unwrap_or("Hello").to_owned() })
//!     }
//!
//!     #[endpoint("/")]
//!     async fn predict(&self, input: Input) -> Result<Output, PredictError> {
//!         if input.prompt.is_empty() {
//!             return Err(PredictError::EmptyPrompt);
//!         }
//!         Ok(Output { text: format!("{}, {}!", self.greeting, input.prompt) })
//!     }
//! }
//!
//! # #[cfg(any())]
//! fal_app::main!(Hello);
//! # fn main() {}
//! ```
//!
//! Read on at [`fal_app`](macro@fal_app) and [`AppError`](derive@AppError) for what the attributes
//! take, [`Request`] for what an endpoint may ask about its request, [`EventStream`] for answers bit
//! by bit, [`Blob`] for bytes, [`Inputs`] and [`WebSocket`] for sessions, [`serve`](serve()) for the
//! program, and [`testing`] for tests without one.
//!
//! With the feature `files`, `File` in inputs and outputs is a file by URL: fetched within a limit, and stored with the
//! platform. It is off by default, because it brings an HTTP client and TLS, which every app would have to compile.

mod app;
mod chain;
mod describe;
mod endpoint;
#[cfg(feature = "files")]
pub mod files;
pub mod prelude;
pub mod request;
mod routes;
mod serve;
mod session;
mod setup;
mod shell;
pub mod testing;
mod validation;

#[doc(hidden)]
pub mod __private;

/// Lets an error type answer for an endpoint: each variant says its status.
///
/// The caller sees `{"detail": "<Display>"}`; the error's `source` goes to the log only.
///
/// | on a variant | answers |
/// |---|---|
/// | `#[status(422)]` | this status, 400 to 599; 503 does not compile |
/// | `#[status(500, needs_retry = true)]` | and the header that makes a queue try again, or not |
/// | `#[status(500, stop_runner = true)]` | and the header that ends this runner, or keeps it |
/// | `#[status(422, type = "file_too_large")]` | and the failure's type: the body is then a list, as of fal's model errors |
/// | `#[status(422, field = "prompt")]` | and the field of the input that is to blame |
/// | `#[status(422, billable_units = 0.5)]` | and what it costs |
/// | `#[status(transparent)]` | what the one error that it carries answers |
/// | `#[runner_broken]` | 503: the variant's one field is the evidence, a [`RunnerBroken`] |
///
/// ```
/// use fal_app::prelude::*;
///
/// #[derive(Debug, thiserror::Error, AppError)]
/// enum PredictError {
///     #[error("prompt is empty")]
///     #[status(422, field = "prompt")]
///     EmptyPrompt,
///     #[error("busy upstream")]
///     #[status(500, needs_retry = true)]
///     Transient,
///     #[error(transparent)]
///     #[status(transparent)]
///     Cancelled(#[from] Cancelled),
///     #[error("the device is gone")]
///     #[runner_broken]
///     Device(RunnerBroken),
/// }
///
/// let gone = PredictError::Device(RunnerBroken::declare("it fell off the bus"));
/// assert_eq!(gone.to_string(), "the device is gone");
/// ```
pub use fal_app_macros::AppError;
/// Declares an app on a struct, and wires it on the struct's `impl`.
///
/// # On the struct
/// `#[fal_app(name = "hello", keep_alive = 60)]` says what the platform is told before it starts
/// the app. Without `name` the app is named as its type, in lower case with dashes. Everything is
/// optional; times are whole seconds.
///
/// | setting | takes | |
/// |---|---|---|
/// | `name` | text | the app's alias |
/// | `version` | text | what `GET /health` answers; `unknown` without it |
/// | `keep_alive` | 0 to a year | how long an idle runner is kept |
/// | `min_concurrency`, `max_concurrency` | 0, 1 to 10000 | how many runners there are |
/// | `concurrency_buffer` | 0 to 10000 | how many more than are busy |
/// | `scaling_delay` | 0 to 3600 | how long a wish for more runners must last |
/// | `max_multiplexing` | 1 to 10000 | how many requests one runner serves at once; 1 without it |
/// | `request_timeout`, `startup_timeout` | 1 to a year | how long one attempt, and the setup, may take |
/// | `termination_grace_period_seconds` | 0 to 3600 | how long a stopping runner may take |
/// | `machine_type`, `num_gpus` | text, 0 to 64 | what it runs on |
/// | `skip_retry_conditions` | `["timeout", ..]` | what is never retried |
/// | `retry_config(timeout = 2, ..)` | 0 to 10 each | how often each condition is retried |
/// | `crate` | a path | this crate, where it is renamed |
///
/// # On the impl
/// | marker | on | |
/// |---|---|---|
/// | `#[setup]` | `async fn setup(cx: &SetupContext) -> Result<Self, E>` | runs once, first |
/// | `#[warmup]` | `async fn warmup(&self) -> Result<(), E>` | runs once after it; then the port opens |
/// | `#[endpoint("/path")]` | `async fn predict(&self, input: I, request: &Request) -> Result<O, E>` | answers `POST /path` |
/// | `#[endpoint("/path", blocking)]` | `fn predict(&self, input: I) -> Result<O, E>` | the same on a thread that may block |
/// | `#[realtime("/path")]` | `async fn live(&self, input: I) -> Result<O, E>` | answers the inputs of a session over a WebSocket, one by one or, as [`Inputs`], all of them |
/// | `#[websocket("/path")]` | `async fn raw(&self, socket: WebSocket) -> Result<(), E>` | has a [`WebSocket`] to itself |
/// | `#[health_check]` | `async fn healthy(&self) -> Result<(), Unhealthy>` | answers `/health`: 200, or 500 |
/// | `#[on_cancel]` | `async fn cancelled(&self, request: &Request)` | runs when a request in flight is cancelled |
/// | `#[on_exit]` | `fn exiting(&self)` | runs at SIGTERM, while requests are still in flight |
/// | `#[teardown]` | `async fn teardown(self)` | runs once, after the last request |
///
/// `I` is any type with `Deserialize` and `JsonSchema`, or a [`Blob`], and may be left out. `O` is
/// any type with `Serialize` and `JsonSchema`, a [`Blob`] or an [`EventStream`]. `E` derives
/// [`AppError`](derive@AppError). `request` may be left out too. All but the endpoints may be left
/// `async` or not. Other functions in the `impl` are left alone, and searched for a 503 like the
/// rest.
///
/// # When nobody waits any more
/// The platform says it with its cancel signal, for a queued request that is cancelled and for a
/// direct call whose caller hung up. The signal drops nothing:
/// [`Request::is_cancelled`](request::Request::is_cancelled) says it,
/// [`until_cancelled`](request::Request::until_cancelled) drops work at it, and an endpoint that takes
/// no request just finishes. A connection that closes, as of a caller without a platform, drops an
/// async endpoint's future at its next `await`: what must not be left half done belongs on a task of
/// its own. A blocking endpoint runs to its end in any case, and its request says that it is
/// cancelled.
///
/// See the [crate's example](crate).
pub use fal_app_macros::fal_app;
pub use fal_policy::{
    AppStatus, AppStatusError, DeviceFault, Proof, RunnerBroken, TrimError, after_trim,
};

#[cfg(feature = "files")]
pub use crate::files::File;
pub use crate::{
    app::{App, HealthOptions, Limits, Metadata, RealtimeOptions, RetryConfig, Wired},
    describe::{describe, openapi::openapi},
    endpoint::{
        blob::Blob,
        error::EndpointError,
        event_stream::EventStream,
        health::Unhealthy,
        inputs::Inputs,
        web_socket::{Left, Message, WebSocket},
    },
    request::{Cancelled, Request},
    serve::{serve, serve_with},
    setup::{Ready, SetupContext, SetupError, SetupFailure, run_setup},
    shell::{
        Shell,
        body::{Body, BodyError},
    },
};

/// The reference of the attributes, whose examples are compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/macro.md")]
pub struct Reference;

/// The project's front page, whose app is compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct FrontPage;

/// Makes an app's program: `fal_app::main!(Hello);`.
///
/// With a second argument, a function from the shell's `axum::Router` to another, the program has
/// routes or layers of its own: `fal_app::main!(Hello, |router| router.layer(..));`.
#[macro_export]
macro_rules! main {
    ($app:ty $(,)?) => {
        fn main() -> ::std::process::ExitCode {
            $crate::serve::<$app>()
        }
    };
    ($app:ty, $add:expr $(,)?) => {
        fn main() -> ::std::process::ExitCode {
            $crate::serve_with::<$app>($add)
        }
    };
}
