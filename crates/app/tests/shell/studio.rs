//! An app that uses everything an app can have.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use fal_app::{prelude::*, request};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Paints pictures.
#[fal_app(
    name = "studio",
    version = "1.2.0",
    keep_alive = 60,
    skip_retry_conditions = ["timeout"],
    retry_config(server_error = 0)
)]
#[derive(Debug, Default)]
pub(crate) struct Studio {
    /// The ids of cancelled requests.
    cancelled: Mutex<Vec<String>>,
    warm: AtomicBool,
    /// Opens for the blocking endpoint that holds its place.
    pub(crate) gate: AtomicBool,
    /// Rung when `/wait` or `/hold` is entered.
    pub(crate) entered: Notify,
    /// Rung when `#[on_cancel]` has run.
    pub(crate) heard: Notify,
    /// Whether `/hold` found that its caller had left.
    pub(crate) left: AtomicBool,
    model: Model,
    /// What was called at the end.
    pub(crate) torn: Arc<Mutex<Vec<&'static str>>>,
}

/// A model behind a lock that a panic poisons.
#[derive(Debug, Default)]
#[expect(clippy::disallowed_types, reason = "poisoning is what this is about")]
struct Model(std::sync::Mutex<()>);

#[fal_app]
impl Studio {
    #[setup]
    fn setup(cx: &SetupContext) -> Result<Self, SetupError> {
        if cx.var("NO_PAINT").is_some() {
            return Err(SetupError::new("there is no paint"));
        }
        Ok(Self::default())
    }

    #[warmup]
    async fn warmup(&self) -> Result<(), SetupError> {
        self.warm.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// Paints what the sketch says.
    ///
    /// On a thread of its own, for as long as it takes.
    #[endpoint("/", blocking)]
    fn paint(&self, sketch: Sketch) -> Result<Picture, PaintError> {
        assert_ne!(sketch.subject, "the void", "as asked");
        if sketch.subject.is_empty() {
            return Err(PaintError::NoSubject);
        }
        let painter = thread::current().name().unwrap_or_default().to_owned();
        Ok(Picture { title: sketch.subject, painter, request: request::id() })
    }

    /// Turns bytes around.
    #[endpoint("/invert")]
    async fn invert(&self, image: Blob) -> Result<Blob, PaintError> {
        let inverted: Vec<u8> = image.bytes().iter().map(|byte| !byte).collect();
        Ok(Blob::new(image.content_type().replace("broken", "\n"), inverted))
    }

    #[endpoint("/wait")]
    async fn wait(&self, request: &Request) -> Result<(), PaintError> {
        self.entered.notify_one();
        Ok(request.until_cancelled(std::future::pending()).await?)
    }

    /// Holds its thread until somebody opens the gate, whether it is cancelled or not.
    #[endpoint("/hold", blocking)]
    fn hold(&self, request: &Request) -> Result<bool, PaintError> {
        self.entered.notify_one();
        while !self.gate.load(Ordering::SeqCst) {
            thread::park_timeout(Duration::from_millis(1));
        }
        self.left.fetch_or(request.is_cancelled(), Ordering::SeqCst);
        Ok(request.is_cancelled())
    }

    #[endpoint("/told")]
    async fn told(&self, request: &Request) -> Result<Told, PaintError> {
        Ok(Told {
            id: request.id().map(str::to_owned),
            endpoint: request.endpoint().to_owned(),
            attempt: request.attempt(),
            brush: request.header("x-app-fal-brush").map(str::to_owned),
            warm: self.warm.load(Ordering::SeqCst),
        })
    }

    #[endpoint("/cancelled")]
    async fn cancelled(&self) -> Result<Vec<String>, PaintError> {
        Ok(self.cancelled.lock().clone())
    }

    #[endpoint("/ruin", blocking)]
    fn ruin(&self, how: String) -> Result<String, PaintError> {
        request::billable_units(5);
        request::keep_runner();
        let guard = self.model.0.lock().map_err(RunnerBroken::from)?;
        assert_ne!(how, "panic", "as asked");
        drop(guard);
        Err(match how.as_str() {
            "refused" => PaintError::Refused,
            "busy" => PaintError::Busy,
            "leaking" => PaintError::Leaking,
            "fine" => return Ok(how),
            _ => PaintError::Studio(Closed),
        })
    }

    #[realtime("/live", buffering = 2)]
    async fn live(&self, sketch: Sketch) -> Result<Picture, PaintError> {
        self.paint(sketch)
    }

    #[on_exit]
    fn on_exit(&self) {
        self.torn.lock().push("exit");
    }

    #[teardown]
    async fn teardown(self) {
        self.torn.lock().push("teardown");
    }

    #[on_cancel]
    async fn on_cancel(&self, request: &Request) {
        self.cancelled.lock().extend(request.id().map(str::to_owned));
        self.heard.notify_one();
    }
}

/// What there is to paint.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub(crate) struct Sketch {
    pub(crate) subject: String,
    /// Named late and first in the alphabet: fields keep their order.
    #[serde(default)]
    pub(crate) age: Option<u32>,
}

#[derive(Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct Picture {
    pub(crate) title: String,
    pub(crate) painter: String,
    pub(crate) request: Option<String>,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub(crate) struct Told {
    pub(crate) id: Option<String>,
    pub(crate) endpoint: String,
    pub(crate) attempt: u32,
    pub(crate) brush: Option<String>,
    pub(crate) warm: bool,
}

#[derive(Debug, thiserror::Error, AppError)]
#[error("the studio is closed")]
#[status(404, type = "studio_closed")]
pub(crate) struct Closed;

#[derive(Debug, thiserror::Error, AppError)]
pub(crate) enum PaintError {
    #[error("there is no subject")]
    #[status(422, field = "subject")]
    NoSubject,
    /// The subject may not be painted.
    #[error("not that")]
    #[status(422, type = "content_policy_violation", billable_units = 0.25)]
    Refused,
    #[error("busy")]
    #[status(500, needs_retry = true)]
    Busy,
    #[error("the paint leaks")]
    #[status(500, stop_runner = true)]
    Leaking,
    #[error(transparent)]
    #[status(transparent)]
    Cancelled(#[from] Cancelled),
    #[error(transparent)]
    #[status(transparent)]
    Studio(Closed),
    #[error("the easel is broken")]
    #[runner_broken]
    Broken(#[from] RunnerBroken),
}
