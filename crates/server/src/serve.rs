//! Wiring: from settings to a platform that serves, and back.

use std::{io, path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use fal_node::{Node, Options, Webhooks};
use fal_supervisor::Supervisor;
use fal_webhook::{Key, Private, Roots, Sender};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::{
    Failure,
    cli::Serve,
    edge::Front,
    lock, reload,
    settings::{self, Settings},
    stores::{self, Opened},
    welcome,
};

/// Polls of sockets are looked at this often, in tasks: rarer than the runtime's default, because otherwise some
/// connections are served over and over while others wait.
const EVENT_INTERVAL: u32 = 256;

/// Runners are started on threads of their own, this many at once; a start takes one millisecond or two. With a thread
/// for each of some hundred starts, what each runner keeps would lie on a heap of its own, almost all of it empty.
const STARTERS: usize = 2;

pub(crate) fn serve(arguments: &Serve) -> Result<(), Failure> {
    let settings = settings::load(arguments)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .event_interval(EVENT_INTERVAL)
        .max_blocking_threads(STARTERS)
        .build()
        .context("could not start the runtime")?;
    runtime.block_on(run(arguments, settings))
}

async fn run(arguments: &Serve, settings: Settings) -> Result<(), Failure> {
    let running = Arc::new(settings);
    let Settings { data_dir, limits, machine, apps, .. } = Settings::clone(&running);
    // Whoever finds the platform by its lock may signal it.
    let mut stop = Stop::listen().context("could not listen for signals")?;
    let mut hangup = reload::Hangup::listen().context("could not listen for signals")?;
    let _lock = lock::take(&data_dir).context("could not take the data directory")?;
    let Opened { store, node, key } = stores::open(&running)?;
    stores::keep_looking(&running)?;
    let front = Front::open(&running, &key)?;
    let addr = front.addr;
    let supervisor = supervise(&data_dir)?;
    let shown = apps.clone();
    let options = Options {
        apps,
        store,
        supervisor,
        boot: boot(),
        machine,
        max_body: limits.body,
        node,
        webhooks: webhooks(&running, key),
        env: front.told(&running),
    };
    let node = Node::start(options).await.context("could not start the node")?;
    front.announce(&data_dir)?;
    if is_welcome_wanted() {
        welcome::greet(addr, &data_dir, &shown);
    }
    let (closing, closed) = watch::channel(false);
    let handle = node.handle();
    let served = front.serve(&running, &handle, &closed);
    let reloading = reload::obey(&mut hangup, (arguments, &running), &handle);
    tokio::select! {
        () = stop.first() => {}
        Err(reload::TerminalClosed) = reloading => {}
    }
    tracing::info!("stopping: running requests may finish, then every runner ends");
    let _ended = closing.send(true).is_err();
    tokio::select! {
        () = node.stop() => {}
        () = stop.first() => {
            return Err(anyhow::anyhow!("stopped at once by a second signal; the guard ends the runners").into());
        }
    }
    let _late = tokio::time::timeout(Duration::from_secs(1), served.ended()).await;
    tracing::info!("stopped");
    Ok(())
}

/// What starts and ends runners, once those of an earlier platform are ended.
fn supervise(data_dir: &Path) -> anyhow::Result<Supervisor> {
    let guard = std::env::current_exe().context("could not find this program's own file")?;
    let guard = vec![guard.to_string_lossy().into_owned(), "guard".to_owned()];
    let options = fal_supervisor::Options { state_dir: data_dir.join("runners"), guard };
    let (supervisor, leftovers) =
        Supervisor::start(&options).context("could not start the supervisor")?;
    if leftovers.runners > 0 || leftovers.strays > 0 {
        tracing::warn!(
            runners = leftovers.runners,
            strays = leftovers.strays,
            "ended what an earlier platform had left running"
        );
    }
    Ok(supervisor)
}

/// How webhooks are sent, and whether to private addresses.
#[expect(clippy::disallowed_methods, reason = "the server reads the environment")]
fn webhooks(settings: &Settings, key: Key) -> Webhooks {
    let is_local = std::env::var_os("FAL_SERVER_LOCAL_WEBHOOKS").is_some();
    let private = match settings.webhook_allow_private.unwrap_or(is_local) {
        true => Private::Allowed,
        false => Private::Refused,
    };
    let roots = Roots::native();
    for complaint in roots.complaints() {
        tracing::debug!(complaint, "a certificate of this machine cannot be used");
    }
    Webhooks { key: Arc::new(key), sender: Sender::new(private, roots), private }
}

#[expect(clippy::disallowed_methods, reason = "the server reads the environment")]
fn is_welcome_wanted() -> bool {
    std::env::var_os("FAL_SERVER_WELCOME").is_some()
}

/// A number for this start: the wall clock's milliseconds, so that starts which can remember each other's runners
/// differ.
fn boot() -> u32 {
    let micros = fal_node::Clock::start().now().micros();
    u32::try_from((micros / 1_000) & u64::from(u32::MAX)).unwrap_or(u32::MAX)
}

/// The signals that stop the platform.
struct Stop {
    term: tokio::signal::unix::Signal,
    int: tokio::signal::unix::Signal,
}

impl Stop {
    fn listen() -> io::Result<Self> {
        Ok(Self { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }

    async fn first(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}
