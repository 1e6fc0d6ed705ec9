//! Setup: the gate between a process that has started and one that may be asked.
//!
//! [`run_setup`] is the only maker of a [`Ready`], and only a [`Ready`] gives something to listen
//! with. So an open port means a finished setup, which is how the platform knows.

use std::{
    any::Any, collections::BTreeMap, fmt, future::pending, pin::pin, sync::Arc, time::Duration,
};

use tokio::{
    select,
    task::JoinError,
    time::{self, timeout},
};

use crate::{
    app::{App, Wired},
    describe::Pages,
    routes::{Endpoints, Routes},
    shell::serving::Slots,
};

/// How long a setup or a warm-up that was told to stop may take to come to its next `await`.
const PATIENCE: Duration = Duration::from_secs(1);

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
    pub(crate) fn multiplexing(&self, declared: Option<u32>) -> u32 {
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
#[non_exhaustive]
pub enum SetupFailure {
    /// `#[setup]` returned an error; its text.
    #[error("setup failed: {0}")]
    Failed(String),
    /// `#[setup]` panicked; the panic's text.
    #[error("setup panicked: {0}")]
    Panicked(String),
    /// `#[warmup]` returned an error; its text.
    #[error("warm-up failed: {0}")]
    WarmupFailed(String),
    /// `#[warmup]` panicked; the panic's text.
    #[error("warm-up panicked: {0}")]
    WarmupPanicked(String),
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
    pub(crate) slots: Slots,
    pub(crate) pages: Pages,
}

/// Runs the app's setup and then its warm-up, each on a task of its own so that a panic is a failure
/// and not the end. Where the warm-up fails the app is torn down again.
///
/// # Errors
/// When one of the two returns an error or panics, or when two endpoints share a path.
pub async fn run_setup<A: Wired>(cx: SetupContext) -> Result<Ready<A>, SetupFailure> {
    match start(cx, pending()).await? {
        Some(ready) => Ok(ready),
        None => pending().await,
    }
}

/// The same until it is told to stop; then there is nothing, and what was set up is torn down.
pub(crate) async fn start<A: Wired>(
    cx: SetupContext,
    stop: impl Future<Output = ()>,
) -> Result<Option<Ready<A>>, SetupFailure> {
    let mut stop = pin!(stop);
    let metadata = &<A as App>::METADATA;
    let endpoints = A::routes(Routes::new(metadata)).finish().map_err(SetupFailure::Routes)?;
    let pages = Pages::new(&endpoints);
    let slots = Slots::new(cx.multiplexing(metadata.limits.max_multiplexing));
    let mut setup = tokio::spawn(async move { A::setup(&cx).await });
    let app = select! {
        app = &mut setup => app.map_err(|error| SetupFailure::Panicked(panicked(error)))?,
        () = &mut stop => {
            setup.abort();
            // It may have finished in the last moment. One that blocks its thread is left alone.
            if let Ok(Ok(Ok(app))) = timeout(PATIENCE, setup).await {
                tear_down(Arc::new(app)).await;
            }
            return Ok(None);
        }
    };
    let app = Arc::new(app.map_err(SetupFailure::Failed)?);
    //= docs/contract.md#app-hooks
    //# An app of `fal-app` MUST run its `#[warmup]` between the setup and the opening of the port, and
    //# end with a message that names the phase when one of the two fails.
    let cold = Arc::clone(&app);
    let mut warmup = tokio::spawn(async move { cold.warmup().await });
    let failure = select! {
        warm = &mut warmup => match warm {
            Ok(Ok(())) => return Ok(Some(Ready { app, endpoints, slots, pages })),
            Ok(Err(text)) => Some(SetupFailure::WarmupFailed(text)),
            Err(error) => Some(SetupFailure::WarmupPanicked(panicked(error))),
        },
        () = &mut stop => {
            warmup.abort();
            // Whatever it came to, the app is torn down.
            drop(timeout(PATIENCE, warmup).await);
            None
        }
    };
    tear_down(app).await;
    failure.map_or(Ok(None), Err)
}

/// Gives back what a setup has taken, on a task of its own so that a panic is logged.
pub(crate) async fn tear_down<A: Wired>(app: Arc<A>) {
    let Some(app) = alone(app).await else {
        tracing::error!("teardown was left out: something the app started still holds it");
        return;
    };
    if tokio::spawn(app.teardown()).await.is_err() {
        tracing::error!("teardown panicked");
    }
}

/// The app once nothing else holds it. What a layer started may let go of it a moment later than the
/// layer itself, and tells nobody when.
async fn alone<A>(mut app: Arc<A>) -> Option<A> {
    const LOOK_AGAIN: Duration = Duration::from_millis(5);
    let last = time::Instant::now() + PATIENCE;
    loop {
        app = match Arc::try_unwrap(app) {
            Ok(app) => return Some(app),
            Err(_) if time::Instant::now() >= last => return None,
            Err(shared) => shared,
        };
        time::sleep(LOOK_AGAIN).await;
    }
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
