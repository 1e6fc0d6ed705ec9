//! An app that fails on demand, to see what a platform makes of it.
//!
//! `POST /` takes, all optional:
//!
//! | field | effect |
//! |---|---|
//! | `status` | answers this status: 200, or 400 to 599; 503 by declaring the runner broken |
//! | `detail` | the failure's text |
//! | `needs_retry`, `stop_runner` | `true` or `false`: the header with `1` or `0` |
//! | `retry_after` | seconds: the header |
//! | `health_check` | `true`: asks the platform to probe this runner's health |
//! | `healthy` | from now on `/health` says this |
//! | `sleep_ms` | waits before it answers |
//! | `panic` | panics with this text |
//! | `crash` | ends the process: `"abort"`, `"kill"` or `{"exit": 7}` |
//! | `body_bytes` | pads the answer to at least this size |
//! | `first_n` | does all this only in the first n calls of its request, then answers 200 |
//!
//! It answers its `pid`, the `request_id`, the `attempt`, and the how manieth `call` of that request
//! this is.
//! `POST /stream` takes `events`, `delay_ms`, and `panic_at` and `crash_at`: event numbers from 0.
//! A cancel of either is written down as a call of `/cancel` or `/stream/cancel`. `/raw/{status}` is a route beside the app,
//! on which the shell's guard can be seen at work.
//!
//! Environment: `LAB_LOG`, a file that gets one JSON line per call (and `LAB_LOG.starts`, one per
//! start), which `first_n` and `LAB_SETUP_FAIL_FIRST` need; `LAB_SETUP_MS` makes the setup slow;
//! `LAB_SETUP_FAIL` makes it fail (`error`, `panic`, `exit`, `hang`), with `LAB_SETUP_FAIL_FIRST` only in
//! the first n starts; `LAB_WARMUP_FAIL` does the same to the warm-up; `LAB_CHILD` starts a child process that outlives its parent if nobody ends
//! it; `LAB_IGNORE_SIGTERM` makes the teardown never end, `LAB_EXIT_HANG` the exit hook.
//!
//! What the shell cannot do (any raw status, cut bodies, a closed port) is in `raw_lab`.

use std::{
    future,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use axum::{Router, extract::Path, http::StatusCode, routing::any};
use fal_app::{prelude::*, request};
use tokio::time;

use crate::{
    fault::{Fault, Input},
    journal::Journal,
    start::StartError,
    stream::{Event, StreamInput},
};

#[path = "../lab/end.rs"]
mod end;
mod fault;
#[path = "../lab/journal.rs"]
mod journal;
mod start;
mod stream;

/// The answer of a call that did not fail.
#[derive(Debug, Serialize, JsonSchema)]
struct Output {
    pid: u32,
    request_id: Option<String>,
    attempt: u32,
    /// Seconds.
    time_left: Option<f64>,
    call: usize,
    child: Option<u32>,
    padding: String,
}

#[fal_app(name = "fault-lab", keep_alive = 60)]
struct FaultLab {
    journal: Journal,
    /// How the warm-up is to fail.
    cold: Option<String>,
    healthy: AtomicBool,
    child: Option<u32>,
    lingers: bool,
    stays: bool,
}

#[fal_app]
impl FaultLab {
    #[setup]
    async fn setup(cx: &SetupContext) -> Result<Self, StartError> {
        let journal = Journal::new(cx.var("LAB_LOG"));
        start::misbehave(cx, &journal).await?;
        Ok(Self {
            journal,
            cold: cx.var("LAB_WARMUP_FAIL").map(str::to_owned),
            healthy: AtomicBool::new(true),
            child: start::child(cx)?,
            lingers: cx.var("LAB_IGNORE_SIGTERM").is_some(),
            stays: cx.var("LAB_EXIT_HANG").is_some(),
        })
    }

    #[warmup]
    async fn warmup(&self) -> Result<(), StartError> {
        match &self.cold {
            None => Ok(()),
            Some(how) => start::fail(how, "LAB_WARMUP_FAIL").await,
        }
    }

    /// Fails as its input says, and else says who answered.
    #[endpoint("/")]
    async fn fail(&self, input: Input, request: &Request) -> Result<Output, Fault> {
        let call = self.noted("/")?;
        let output = Output {
            pid: std::process::id(),
            request_id: request.id().map(str::to_owned),
            attempt: request.attempt(),
            time_left: request.time_left().map(|left| left.as_secs_f64()),
            call,
            child: self.child,
            padding: "x".repeat(input.body_bytes),
        };
        if input.first_n.is_some_and(|first| call > first) {
            return Ok(output);
        }
        if let Some(healthy) = input.healthy {
            self.healthy.store(healthy, Ordering::SeqCst);
        }
        time::sleep(Duration::from_millis(input.sleep_ms)).await;
        input.act()?;
        Ok(output)
    }

    /// Sends numbered events, and breaks as its input says.
    #[endpoint("/stream")]
    async fn stream(&self, input: StreamInput) -> Result<EventStream<Event>, Fault> {
        self.noted("/stream")?;
        Ok(input.events())
    }

    #[on_cancel]
    fn cancelled(&self, request: &Request) {
        let path = format!("{}/cancel", request.endpoint().trim_end_matches('/'));
        if let Err(error) = self.journal.call(request.id(), &path) {
            tracing::error!(%error, "the journal failed");
        }
    }

    #[on_exit]
    async fn exiting(&self) {
        tracing::info!("told to stop");
        if self.stays {
            future::pending::<()>().await;
        }
    }

    #[health_check]
    async fn health(&self) -> Result<(), Unhealthy> {
        if self.healthy.load(Ordering::SeqCst) { Ok(()) } else { Err(Unhealthy::new("as asked")) }
    }

    #[teardown]
    async fn teardown(self) {
        if self.lingers {
            future::pending::<()>().await;
        }
        tracing::info!("torn down");
    }

    fn noted(&self, path: &str) -> Result<usize, Fault> {
        self.journal.call(request::id().as_deref(), path).map_err(|error| Fault::journal(&error))
    }
}

/// A route beside the app, as an author might add one: what it answers passes the guard.
async fn raw(Path(status): Path<u16>) -> (StatusCode, &'static str) {
    (StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), "raw")
}

fal_app::main!(FaultLab, |router: Router| router.route("/raw/{status}", any(raw)));
