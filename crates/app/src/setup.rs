//! Setup: the gate between a process that has started and one that may be asked.
//!
//! [`run_setup`] is the only maker of a [`Ready`], and only a [`Ready`] gives something to listen
//! with. So an open port means a finished setup, which is how the platform knows.

use std::{any::Any, collections::BTreeMap, fmt, sync::Arc};

use tokio::task::JoinError;

use crate::{
    app::{App, Wired},
    routes::{Endpoints, Routes},
    shell::serving::Places,
};

/// What a runner serves at once at the very most.
const MOST_AT_ONCE: u32 = 1_000_000;

/// What `#[setup]` may know about the process it runs in.
#[derive(Debug, Clone, Default)]
pub struct SetupContext {
    vars: BTreeMap<String, String>,
}

impl SetupContext {
    /// The context of this process: its environment as it is now, without what is not UTF-8.
    #[must_use]
    pub fn from_env() -> Self {
        let vars = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self { vars }
    }

    /// The same context with one variable set: for tests.
    #[must_use]
    pub fn with_var(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.vars.insert(name.into(), value.into());
        self
    }

    /// An environment variable's value; `None` if it is not set.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str)
    }

    /// How many requests may run at once: as many as the platform sends, which its configuration may
    /// have changed, else as many as the app declares, else one, which is fal's default.
    //= docs/contract.md#multiplexing
    //# An app of `fal-app` MUST hold to the number itself, also without a platform.
    fn multiplexing(&self, declared: Option<u32>) -> u32 {
        let given = self.var("FAL_MAX_MULTIPLEXING").and_then(|number| number.parse().ok());
        given.or(declared).unwrap_or(1).clamp(1, MOST_AT_ONCE)
    }

    /// The platform's name for this runner; `None` outside a platform.
    #[must_use]
    pub fn runner_id(&self) -> Option<&str> {
        self.var("FAL_RUNNER_ID")
    }
}

/// Any error that ends a setup, for apps that need no error type of their own: `?` makes one.
pub struct SetupError(Box<dyn fmt::Display + Send + Sync>);

impl SetupError {
    /// A setup error with this message.
    #[must_use]
    pub fn new(message: impl fmt::Display + Send + Sync + 'static) -> Self {
        Self(Box::new(message))
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for SetupError {
    fn from(error: E) -> Self {
        Self::new(crate::chain::Chain(error))
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SetupError({self})")
    }
}

/// Why there is no [`Ready`].
#[derive(Debug, thiserror::Error)]
pub enum SetupFailure {
    /// `#[setup]` returned an error; its text.
    #[error("setup failed: {0}")]
    Failed(String),
    /// `#[setup]` panicked; the panic's text.
    #[error("setup panicked: {0}")]
    Panicked(String),
    /// `#[warmup]` returned an error; its text.
    #[error("warm-up failed: {0}")]
    Cold(String),
    /// `#[warmup]` panicked; the panic's text.
    #[error("warm-up panicked: {0}")]
    ColdPanicked(String),
    /// The routes do not make sense; which one, and why.
    #[error("routes are wrong: {0}")]
    Routes(String),
}

/// An app whose setup and warm-up have finished: what a listener is made from.
///
/// Only [`run_setup`] makes one, and only it becomes a [`Shell`](crate::Shell).
#[derive(Debug)]
pub struct Ready<A> {
    pub(crate) app: Arc<A>,
    pub(crate) endpoints: Endpoints<A>,
    pub(crate) places: Places,
}

/// Runs the app's setup and then its warm-up, each on a task of its own so that a panic is a failure
/// and not the end.
///
/// # Errors
/// When one of the two returns an error or panics, or when two endpoints share a path.
pub async fn run_setup<A: Wired>(cx: SetupContext) -> Result<Ready<A>, SetupFailure> {
    let metadata = &<A as App>::METADATA;
    let endpoints = A::routes(Routes::new(metadata)).finish().map_err(SetupFailure::Routes)?;
    let places = Places::new(cx.multiplexing(metadata.limits.max_multiplexing));
    let setup = tokio::spawn(async move { A::setup(&cx).await.map_err(|e| e.to_string()) });
    let app = setup.await.map_err(|error| SetupFailure::Panicked(panicked(error)))?;
    let app = Arc::new(app.map_err(SetupFailure::Failed)?);
    //= docs/contract.md#app-hooks
    //# An app of `fal-app` MUST run its `#[warmup]` between the setup and the opening of the port, and
    //# end with a message that names the phase when one of the two fails.
    let cold = Arc::clone(&app);
    let warmup = tokio::spawn(async move { cold.warmup().await });
    let warm = warmup.await.map_err(|error| SetupFailure::ColdPanicked(panicked(error)))?;
    warm.map_err(SetupFailure::Cold)?;
    Ok(Ready { app, endpoints, places })
}

fn panicked(error: JoinError) -> String {
    match error.try_into_panic() {
        Ok(payload) => panic_text(&*payload).to_owned(),
        Err(cancelled) => cancelled.to_string(),
    }
}

/// The message of a caught panic.
pub(crate) fn panic_text(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message")
}
