//! The apps these tests ask.

use std::{
    convert::Infallible,
    future,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::Duration,
};

use fal_app::{prelude::*, request};
use tokio::{sync::Notify, time};

/// An app that does what its input says.
#[fal_app(name = "lab", max_multiplexing = 2)]
#[derive(Debug, Default)]
pub(crate) struct Lab {
    entered: AtomicU32,
}

#[fal_app]
impl Lab {
    #[setup]
    async fn setup(cx: &SetupContext) -> Result<Self, SetupError> {
        match cx.var("FAIL") {
            Some("panic") => panic!("no luck"),
            Some(_) => Err(SetupError::new("no weights")),
            None => Ok(Self::default()),
        }
    }

    #[endpoint("/")]
    async fn act(&self, input: Input) -> Result<Output, Fault> {
        self.entered.fetch_add(1, Ordering::SeqCst);
        match input.fail.as_str() {
            "plain" => Err(Fault::Plain),
            "retry" => Err(Fault::Retry),
            "typed" => Err(Fault::Typed),
            "broken" => Err(Fault::Broken(RunnerBroken::declare("the test says so"))),
            "panic" => panic!("as asked"),
            _ => Ok(Output { text: input.text }),
        }
    }

    #[endpoint("/entered")]
    async fn entered(&self) -> Result<u32, Fault> {
        Ok(self.entered.load(Ordering::SeqCst))
    }

    #[endpoint("/stream")]
    async fn stream(&self, count: usize) -> Result<EventStream<String>, Fault> {
        Ok(EventStream::of((0..count).map(move |number| {
            assert!(count < 99 || number < 1, "as asked");
            format!("{} {number}", request::id().unwrap_or_default())
        })))
    }

    #[endpoint("/tell")]
    async fn tell(&self) -> Result<Option<String>, Fault> {
        request::stop_runner();
        request::keep_runner();
        request::retry_after(Duration::from_secs(7));
        request::ask_health_check();
        request::billable_units(3);
        Ok(request::id())
    }

    #[endpoint("/slow")]
    async fn slow(&self) -> Result<(), Fault> {
        time::sleep(Duration::from_secs(1)).await;
        Ok(())
    }

    #[endpoint("/forever")]
    async fn forever(&self) -> Result<(), Fault> {
        let _dropped = Dropped;
        ENTERED.notify_one();
        future::pending().await
    }
}

/// What the root endpoint takes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
struct Input {
    text: String,
    fail: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Output {
    text: String,
}

#[derive(Debug, thiserror::Error, AppError)]
enum Fault {
    #[error("plain failure")]
    #[status(422)]
    Plain,
    #[error("try again")]
    #[status(500, needs_retry = true)]
    Retry,
    #[error("no model")]
    #[status(404, type = "no_model")]
    Typed,
    #[error("the device is gone")]
    #[runner_broken]
    Broken(#[source] RunnerBroken),
}

static ENTERED: Notify = Notify::const_new();
static DROPPED: AtomicBool = AtomicBool::new(false);

struct Dropped;

impl Drop for Dropped {
    fn drop(&mut self) {
        DROPPED.store(true, Ordering::SeqCst);
    }
}

/// Returns when `/forever` is running.
pub(crate) async fn entered_forever() {
    ENTERED.notified().await;
}

/// Whether the future of `/forever` is gone.
pub(crate) fn forever_was_dropped() -> bool {
    DROPPED.load(Ordering::SeqCst)
}

/// An app whose health check always fails.
#[fal_app(name = "sick")]
#[derive(Debug)]
pub(crate) struct Sick;

#[fal_app]
impl Sick {
    #[setup]
    async fn setup() -> Result<Self, Infallible> {
        Ok(Self)
    }

    #[endpoint("/")]
    async fn work(&self) -> Result<(), Fault> {
        Ok(())
    }

    #[health_check]
    async fn healthy(&self) -> Result<(), Unhealthy> {
        Err(Unhealthy::new("too warm"))
    }
}
