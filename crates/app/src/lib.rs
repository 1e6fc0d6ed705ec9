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
//! take, [`request`] for what an endpoint may ask about its request, [`EventStream`] for answers
//! bit by bit, [`serve`](serve()) for the program, and [`Shell`] for tests without one.

mod answer;
mod app;
mod body;
mod chain;
mod describe;
mod error;
mod event_stream;
mod guard;
mod health;
mod input;
mod logs;
mod output;
pub mod prelude;
pub mod request;
mod routes;
mod serve;
mod setup;
mod shell;
mod validation;

#[doc(hidden)]
pub mod __private;

/// Declares an app on a struct, and wires it on the struct's `impl`.
///
/// # On the struct
/// `#[fal_app(name = "hello", keep_alive = 60)]` says what the platform is told before it starts
/// the app. Without `name` the app is named as its type, in lower case with dashes. All limits
/// are optional; times are whole seconds:
/// `keep_alive`, `min_concurrency`, `max_concurrency`, `concurrency_buffer`, `scaling_delay`,
/// `max_multiplexing`, `request_timeout`, `startup_timeout`, `termination_grace_period_seconds`,
/// `machine_type`, `num_gpus`, `skip_retry_conditions`. `crate = path` names this crate where it
/// is renamed.
///
/// # On the impl
/// | marker | on | |
/// |---|---|---|
/// | `#[setup]` | `async fn setup(cx: &SetupContext) -> Result<Self, E>` | runs once; the port opens after it |
/// | `#[endpoint("/path")]` | `async fn predict(&self, input: I) -> Result<O, E>` | answers `POST /path` |
/// | `#[health_check]` | `async fn healthy(&self) -> Result<(), Unhealthy>` | answers `/health`: 200, or 500 |
/// | `#[teardown]` | `async fn teardown(self)` | runs once, after the last request |
///
/// `I` is any type with `Deserialize` and may be left out, `O` is any type with `Serialize` or an
/// [`EventStream`], and `E` derives [`AppError`](derive@AppError). Other functions in the `impl`
/// are left alone, and searched for a 503 like the rest.
///
/// A caller that hangs up drops the endpoint's future at its next `await`: what must not be left
/// half done belongs on a task of its own.
///
/// See the [crate's example](crate).
pub use fal_app_macros::fal_app;

/// Lets an error type answer for an endpoint: each variant says its status.
///
/// The caller sees `{"detail": "<Display>"}`; the error's `source` goes to the log only.
///
/// | on a variant | answers |
/// |---|---|
/// | `#[status(422)]` | this status, 400 to 599; 503 does not compile |
/// | `#[status(500, needs_retry = true)]` | and the header that makes a queue try again, or not |
/// | `#[status(404, type = "no_model")]` | and the failure's type, in a header |
/// | `#[runner_broken]` | 503: the variant's one field is the evidence, a [`RunnerBroken`] |
///
/// ```
/// use fal_app::prelude::*;
///
/// #[derive(Debug, thiserror::Error, AppError)]
/// enum PredictError {
///     #[error("prompt is empty")]
///     #[status(422)]
///     EmptyPrompt,
///     #[error("busy upstream")]
///     #[status(500, needs_retry = true)]
///     Transient,
///     #[error("the device is gone")]
///     #[runner_broken]
///     Device(RunnerBroken),
/// }
///
/// let gone = PredictError::Device(RunnerBroken::declare("it fell off the bus"));
/// assert_eq!(gone.to_string(), "the device is gone");
/// ```
pub use fal_app_macros::AppError;

pub use fal_policy::{AppStatus, RunnerBroken};

pub use crate::{
    app::{App, Limits, Metadata, Wired},
    body::{Body, BodyError},
    describe::describe,
    error::EndpointError,
    event_stream::EventStream,
    health::Unhealthy,
    serve::{serve, serve_with},
    setup::{Ready, SetupContext, SetupError, SetupFailure, run_setup},
    shell::Shell,
};

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
