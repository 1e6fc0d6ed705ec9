//! What generated code may name. Nothing here is meant to be written by hand.
//!
//! ```text
//! #[fal_app(..)] struct  =>  impl App { const METADATA }
//! #[fal_app] impl        =>  impl Wired { setup, warmup, routes, on_exit, teardown }
//! #[derive(AppError)]    =>  impl EndpointError { answer, failures }
//! ```

pub use std::{string::String, sync::Arc};

pub use fal_policy::{AppStatus, RunnerBroken};

pub use crate::{
    app::{App, HealthOptions, Limits, Metadata, RealtimeOptions, RetryConfig, Wired},
    describe::openapi::{Content, Schemas},
    endpoint::{
        error::{Answered, EndpointError, Evidence, Failures, Sealed, Transparent},
        health::{HealthError, StartError, Unhealthy},
        input::{EndpointInput, NoInput, Sent},
        message::{Batch, Messages, RealtimeInput, RealtimeOutput},
        output::{EndpointOutput, WriteError, Written},
        web_socket::{TakenSocket, WebSocket},
    },
    request::{Request, TakenRequest},
    routes::{Point, Routes},
    session::waiting::Taking,
    setup::{SetupContext, SetupError},
    validation::Invalid,
};

/// The argument is an app with its `impl` half written.
pub const fn assert_wired<T: Wired>() {}

/// The request, as the type that an endpoint says it takes.
#[must_use]
pub fn taken<T: TakenRequest>(request: Request) -> T {
    T::taken(request)
}

/// The socket, as the type that an endpoint says it takes.
#[must_use]
pub fn taken_socket<T: TakenSocket>(socket: WebSocket) -> T {
    T::taken(socket)
}

/// What a setup or a warm-up returned, with its error as text.
///
/// # Errors
/// The function's own.
pub fn started<T, E: StartError>(result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}
