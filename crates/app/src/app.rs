//! What an app is: its identity and limits, and how it is set up, routed and torn down.
//!
//! Both traits are written by `#[fal_app]`: [`App`] by the attribute on the struct, [`Wired`] by
//! the attribute on its `impl`. Neither half serves anything alone.

use crate::{routes::Routes, setup::SetupContext};

/// A type that is an app: `#[fal_app(name = "..")]` on a struct writes this.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an app",
    label = "not an app",
    note = "put `#[fal_app(name = \"..\")]` on the struct"
)]
pub trait App: Sized + Send + Sync + 'static {
    /// What the platform is told about the app before it starts it.
    const METADATA: Metadata;
}

/// An app that can be set up and has endpoints: `#[fal_app]` on its `impl` writes this.
#[diagnostic::on_unimplemented(
    message = "app `{Self}` has no endpoints",
    label = "this app is declared, but nothing is wired to it",
    note = "add `#[fal_app] impl {Self} {{ .. }}` with a `#[setup]` and at least one \
            `#[endpoint(\"/..\")]`"
)]
pub trait Wired: App {
    /// Builds the app. The port opens only after this has returned `Ok`. The error is its text.
    fn setup(cx: &SetupContext) -> impl Future<Output = Result<Self, String>> + Send;

    /// Runs once, between the setup and the opening of the port. The error is its text.
    fn warmup(&self) -> impl Future<Output = Result<(), String>> + Send {
        async { Ok(()) }
    }

    /// Adds the app's endpoints.
    fn routes(routes: Routes<Self>) -> Routes<Self>;

    /// Runs once when the process is told to stop; requests may still be in flight.
    fn on_exit(&self) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// Runs once, after the last request has ended and before the process does.
    fn teardown(self) -> impl Future<Output = ()> + Send {
        async move { drop(self) }
    }
}

/// What an app says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// The app's name: its alias where it is deployed.
    pub name: &'static str,
    /// Its version, which `GET /health` answers.
    pub version: &'static str,
    /// What its doc comment says.
    pub about: &'static str,
    /// The limits it declares.
    pub limits: Limits,
}

impl Metadata {
    /// The version of an app that declares none.
    pub const UNVERSIONED: &'static str = "unknown";

    /// An app of this name that declares nothing else.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, version: Self::UNVERSIONED, about: "", limits: Limits::NONE }
    }
}

/// The limits an app may declare; `None` leaves the platform's default. Times are whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long an idle runner is kept, in seconds.
    pub keep_alive: Option<u64>,
    /// How many runners are always kept.
    pub min_concurrency: Option<u32>,
    /// How many runners there may be.
    pub max_concurrency: Option<u32>,
    /// How many runners are kept beyond those that are busy.
    pub concurrency_buffer: Option<u32>,
    /// How long a wish for more runners must last before one is started, in seconds.
    pub scaling_delay: Option<u64>,
    /// How many requests one runner serves at the same time, at least 1.
    pub max_multiplexing: Option<u32>,
    /// How long one attempt may take, in seconds.
    pub request_timeout: Option<u64>,
    /// How long setup may take, in seconds.
    pub startup_timeout: Option<u64>,
    /// How long a stopping runner may take for requests in flight and teardown, in seconds.
    pub termination_grace_period_seconds: Option<u64>,
    /// The kind of machine the app wants.
    pub machine_type: Option<&'static str>,
    /// How many GPUs one runner wants.
    pub num_gpus: Option<u32>,
    /// Conditions that are never retried: of `timeout`, `server_error`, `connection_error`.
    pub skip_retry_conditions: &'static [&'static str],
    /// How many retries each condition has of its own.
    pub retry_config: RetryConfig,
}

/// The retries of each condition, 0 to 10; `None` leaves it only the budget of the whole request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryConfig {
    /// After a 503 or 504, a crash, or an answer cut short.
    pub server_error: Option<u8>,
    /// After `request_timeout`.
    pub timeout: Option<u8>,
    /// After a connection that could not be made.
    pub connection_error: Option<u8>,
}

impl RetryConfig {
    /// Nothing declared.
    pub const NONE: Self = Self { server_error: None, timeout: None, connection_error: None };
}

/// How a platform asks the health check; `None` leaves its default. Times are whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthOptions {
    /// How long after the start failures do not count, in seconds.
    pub start_period_seconds: Option<u64>,
    /// How long one check may take, in seconds.
    pub timeout_seconds: Option<u64>,
    /// How many failures in a row end the runner, at least 1.
    pub failure_threshold: Option<u32>,
    /// Whether it is asked without a reason.
    pub call_regularly: Option<bool>,
    /// How long between two regular checks, in seconds.
    pub interval_seconds: Option<u64>,
}

impl HealthOptions {
    /// Nothing declared.
    pub const NONE: Self = Self {
        start_period_seconds: None,
        timeout_seconds: None,
        failure_threshold: None,
        call_regularly: None,
        interval_seconds: None,
    };
}

/// How a realtime endpoint's sessions run; `None` leaves the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RealtimeOptions {
    /// How many inputs wait at most; the oldest is dropped for a newer one.
    pub buffering: Option<u32>,
    /// How long a session without inputs lasts, in seconds; for ever without it.
    pub session_timeout: Option<u64>,
    /// How many inputs are answered together at most, where the endpoint takes several.
    pub max_batch_size: Option<u32>,
}

impl RealtimeOptions {
    /// Nothing declared.
    pub const NONE: Self = Self { buffering: None, session_timeout: None, max_batch_size: None };
}

impl Limits {
    /// Nothing declared.
    pub const NONE: Self = Self {
        keep_alive: None,
        min_concurrency: None,
        max_concurrency: None,
        concurrency_buffer: None,
        scaling_delay: None,
        max_multiplexing: None,
        request_timeout: None,
        startup_timeout: None,
        termination_grace_period_seconds: None,
        machine_type: None,
        num_gpus: None,
        skip_retry_conditions: &[],
        retry_config: RetryConfig::NONE,
    };
}
