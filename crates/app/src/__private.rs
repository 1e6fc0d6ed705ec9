//! What generated code may name. Nothing here is meant to be written by hand.
//!
//! ```text
//! #[fal_app(..)] struct  =>  impl App { const METADATA }
//! #[fal_app] impl        =>  impl Wired { setup, routes, teardown }
//! #[derive(AppError)]    =>  impl EndpointError { answer }
//! ```

pub use std::sync::Arc;

pub use fal_policy::{AppStatus, RunnerBroken};

pub use crate::{
    app::{App, Limits, Metadata, Wired},
    error::{Answered, EndpointError, Evidence, Sealed},
    health::{HealthError, Unhealthy},
    input::{EndpointInput, NoInput, Sent},
    output::{EndpointOutput, EndpointResult, Written},
    routes::Routes,
    setup::{SetupContext, SetupError},
    validation::Invalid,
};

/// The argument is an endpoint's whole return type: `Result<Output, Error>`.
pub const fn assert_result<T: EndpointResult>() {}

/// The argument is the `Ok` type of an endpoint.
pub const fn assert_output<T: EndpointOutput>() {}

/// The argument is the `Err` type of an endpoint.
pub const fn assert_error<T: EndpointError>() {}

/// The argument is the input type of an endpoint.
pub const fn assert_input<T: EndpointInput>() {}

/// The argument is the `Err` type of a health check.
pub const fn assert_health_error<T: HealthError>() {}

/// The argument is the payload of a variant marked `#[runner_broken]`.
pub const fn assert_evidence<T: Evidence + ?Sized>() {}

/// The argument is an app with its `impl` half written.
pub const fn assert_wired<T: Wired>() {}
