//! The node's side of a runner: its process, and the requests in flight on it.

use std::sync::{Arc, Weak};

use fal_allotment::Gpu;
use fal_engine::{Event, Input};
use fal_policy::Call;
use fal_supervisor::{Exit, Launch, Sink, Stream};
use fal_types::{LeaseId, RequestId, RunnerId};
use http::HeaderValue;
use parking_lot::Mutex;

use crate::{
    AppOptions, HealthProbe, Line,
    conductor::{Conductor, Current},
    machine,
};

/// A runner from the engine's word to its end.
#[derive(Debug)]
pub(crate) enum Seat {
    /// Its process is being started; `stop` says how the engine has given it up meanwhile.
    Starting { stop: Option<Stop> },
    /// Its process runs, or has run.
    Seated(Arc<Slot>),
}

/// How a runner is ended that has only just been started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stop {
    Term,
    Kill,
}

/// A runner's process with its requests.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) id: RunnerId,
    /// The runner's name as headers and logs show it.
    pub(crate) name: Arc<str>,
    /// The same as a header's value.
    pub(crate) served_from: HeaderValue,
    pub(crate) runner: fal_supervisor::Runner,
    /// How its health endpoint is asked, as it was configured when it was started.
    pub(crate) health: Option<HealthProbe>,
    pub(crate) busy: Arc<Busy>,
}

/// The requests in flight on one runner.
#[derive(Debug, Default)]
pub(crate) struct Busy {
    state: Mutex<BusyState>,
}

#[derive(Debug, Default)]
struct BusyState {
    requests: Vec<Worked>,
    /// The one that left last, until another enters: what is printed now was perhaps printed for it.
    last: Option<Worked>,
}

/// What a runner works on. The lease tells this attempt at the request from a later one on another runner.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Worked {
    pub(crate) request: RequestId,
    pub(crate) call: Call,
    pub(crate) lease: LeaseId,
}

impl Busy {
    pub(crate) fn enter(&self, worked: Worked) {
        let mut state = self.state.lock();
        state.last = None;
        state.requests.push(worked);
    }

    pub(crate) fn leave(&self, lease: LeaseId) {
        let mut state = self.state.lock();
        if let Some(at) = state.requests.iter().position(|worked| worked.lease == lease) {
            let left = state.requests.swap_remove(at);
            state.last = state.requests.is_empty().then_some(left);
        }
    }

    /// The one request that a line can belong to, if there is exactly one.
    fn only(&self) -> Option<Worked> {
        let state = self.state.lock();
        match state.requests.as_slice() {
            [only] => Some(*only),
            [] => state.last,
            _ => None,
        }
    }
}

/// Hears from the supervisor what becomes of one runner's process.
struct Ear {
    conductor: Weak<Conductor>,
    runner: RunnerId,
    name: Arc<str>,
    busy: Arc<Busy>,
}

impl Sink for Ear {
    fn exited(&self, exit: Exit) {
        let Some(conductor) = self.conductor.upgrade() else { return };
        tracing::info!(app = %conductor.id, runner = %self.name, %exit, "runner's process has ended");
        conductor.drive(Input::Runner { runner: self.runner, event: Event::Exited });
    }

    fn line(&self, stream: Stream, line: String) {
        let Some(conductor) = self.conductor.upgrade() else { return };
        let (app, runner) = (&conductor.id, &self.name);
        let Some(Worked { request, call, lease }) = self.busy.only() else {
            tracing::info!(target: "runner", %app, %runner, "{line}");
            return;
        };
        tracing::info!(target: "runner", %app, %runner, %request, "{line}");
        // Nobody can ask for the lines of a direct call.
        if call == Call::Direct {
            return;
        }
        let is_error = matches!(stream, Stream::Err);
        let at = conductor.clock().now();
        conductor.shared.lines.push((request, lease), Line { at, is_error, text: line });
    }
}

/// Starts a runner's process and waits for its port, telling the engine both.
pub(crate) async fn start(
    conductor: Arc<Conductor>,
    (runner, gpus): (RunnerId, Vec<Gpu>),
    current: Arc<Current>,
) {
    let starter = Arc::clone(&conductor);
    let launch = move || launch(&starter, (runner, &gpus), &current.options);
    let started = tokio::task::spawn_blocking(launch).await;
    let slot = match started {
        Ok(Ok(slot)) => slot,
        Ok(Err(error)) => {
            let (app, error) = (&conductor.id, crate::journal::Chain(&error));
            tracing::error!(%app, %runner, %error, "cannot start a runner");
            return conductor.drive(Input::Runner { runner, event: Event::SpawnFailed });
        }
        Err(_) => return conductor.drive(Input::Runner { runner, event: Event::SpawnFailed }),
    };
    let process = slot.runner.clone();
    conductor.seat(runner, slot);
    // Without an open port there is an exit or a deadline, and the engine hears of those by themselves.
    if process.port_open().await.is_ok() {
        conductor.drive(Input::Runner { runner, event: Event::PortOpened });
    }
}

/// What makes a runner see its GPUs and no others.
//= docs/contract.md#gpus
//# A runner MUST be told its GPUs, and no others, by `CUDA_VISIBLE_DEVICES`.
fn visible(gpus: &[Gpu], env: &[(String, String)]) -> Vec<(String, String)> {
    const ORDER: &str = "CUDA_DEVICE_ORDER";
    if gpus.is_empty() {
        return Vec::new();
    }
    let mut told = vec![("CUDA_VISIBLE_DEVICES".to_owned(), machine::names(gpus))];
    // CUDA counts by speed where it is not told to count as nvidia-smi does.
    if gpus.iter().any(Gpu::is_numbered) && env.iter().all(|(key, _)| key != ORDER) {
        told.push((ORDER.to_owned(), "PCI_BUS_ID".to_owned()));
    }
    told
}

/// What a runner is told unless its app's own environment says otherwise: the last word counts.
//= docs/contract.md#runner-environment
//# `FAL_APP_ID` MUST be the app's full name, `FAL_USER_NICKNAME` its owner and `FAL_JOB_ID` the runner's id, unless the app's `env` says otherwise.
fn told(conductor: &Conductor, runner: &str) -> Vec<(String, String)> {
    let own = [
        ("FAL_APP_ID", conductor.id.as_str()),
        ("FAL_USER_NICKNAME", conductor.id.owner()),
        ("FAL_JOB_ID", runner),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
    conductor.shared.env.iter().cloned().chain(own).collect()
}

fn launch(
    conductor: &Arc<Conductor>,
    (id, gpus): (RunnerId, &[Gpu]),
    options: &AppOptions,
) -> Result<Arc<Slot>, fal_supervisor::LaunchError> {
    let name: Arc<str> = id.to_string().into();
    let busy = Arc::new(Busy::default());
    let ear = Ear {
        conductor: Arc::downgrade(conductor),
        runner: id,
        name: Arc::clone(&name),
        busy: Arc::clone(&busy),
    };
    let mut env = told(conductor, &name);
    env.extend_from_slice(&options.env);
    //= docs/contract.md#runner-environment
    //# `FAL_MAX_MULTIPLEXING` MUST say how many requests at once it is sent.
    env.push(("FAL_MAX_MULTIPLEXING".to_owned(), options.settings.max_multiplexing.to_string()));
    env.extend(visible(gpus, &options.env));
    let launch = Launch {
        app: options.id.to_string(),
        runner: name.to_string(),
        command: options.command.clone(),
        cwd: options.cwd.clone(),
        env,
    };
    let sink: Arc<dyn Sink> = Arc::new(ear);
    let runner = conductor.shared.supervisor.launch(&launch, &sink)?;
    let (app, pid, port) = (&options.id, runner.pid(), runner.port());
    tracing::info!(%app, runner = %name, pid, port, "runner started");
    // A runner's name is digits and a hyphen.
    let served_from = HeaderValue::from_str(&name).unwrap_or_else(|_| HeaderValue::from_static(""));
    let health = options.health.clone();
    Ok(Arc::new(Slot { id, name, served_from, runner, health, busy }))
}
