//! The program around an app: set up, listen, drain, tear down, exit.

use std::{
    io::Write as _,
    net::{Ipv4Addr, SocketAddr},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use axum::Router;
use tokio::{join, net::TcpListener, runtime, select, time::sleep};

use crate::{
    app::{App, Wired},
    describe::describe,
    serve::{arguments::Command, connections::Connections, signals::Signals},
    setup::{Ready, SetupContext, SetupFailure, start, tear_down},
    shell::Shell,
};

mod arguments;
mod connections;
mod logs;
mod progress;
mod signals;

/// How many threads may block beside those of endpoints.
const THREADS: usize = 512;

/// How long a broken runner lives on, for its session's last words and for what ends by itself. A
/// platform that is told of it by a 503 gives it no time at all.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Where an app listens when `PORT` does not say it.
const DEFAULT_PORT: u16 = 8080;

/// Runs the app's program: what [`main!`](crate::main) calls.
///
/// Runs the setup and the warm-up, then listens on `127.0.0.1:$PORT` (8080 without it) until SIGTERM
/// or SIGINT, then stops accepting at once, runs `#[on_exit]`, finishes what is in flight, and tears
/// the app down. A second SIGINT ends it without waiting.
///
/// A session that shows a broken runner has no status to tell it by, so the program ends then.
///
/// The exit code is 0 after a clean stop, 1 when it cannot listen, 2 for arguments or variables
/// that are none, 3 when the setup fails, 4 when the warm-up does, 5 when the runner is broken, 130
/// when it did not wait.
#[must_use]
pub fn serve<A: Wired>() -> ExitCode {
    program::<A>(Ready::into_shell)
}

/// The same with routes or layers of the author's own, as in [`Ready::into_shell_with`].
#[must_use]
pub fn serve_with<A: Wired>(add: impl FnOnce(Router) -> Router) -> ExitCode {
    program::<A>(|ready| ready.into_shell_with(add))
}

fn program<A: Wired>(wrap: impl FnOnce(Ready<A>) -> Shell<A>) -> ExitCode {
    let name = <A as App>::METADATA.name;
    match arguments::parse(std::env::args_os().skip(1)) {
        Ok(Command::Serve) => run(wrap),
        Ok(Command::Help) => print(&arguments::help(name)),
        Ok(Command::Describe) => match describe::<A>() {
            Ok(described) => print(&described.to_string()),
            Err(wrong) => complain(&format!("routes are wrong: {wrong}"), 3),
        },
        Err(unknown) => complain(&format!("unknown argument {unknown:?}; see --help"), 2),
    }
}

fn print(text: &str) -> ExitCode {
    match writeln!(std::io::stdout(), "{text}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_closed) => ExitCode::FAILURE,
    }
}

fn complain(text: &str, code: u8) -> ExitCode {
    match writeln!(std::io::stderr(), "error: {text}") {
        Ok(()) | Err(_) => ExitCode::from(code),
    }
}

fn run<A: Wired>(wrap: impl FnOnce(Ready<A>) -> Shell<A>) -> ExitCode {
    let cx = SetupContext::from_env();
    // The platform stamps each line of its runners itself.
    let stamp = if cx.runner_id().is_some() { logs::Stamp::Without } else { logs::Stamp::With };
    logs::install(cx.var("RUST_LOG"), stamp);
    // Every request that runs at once may block a thread; what else does keeps tokio's own number.
    let blocking = cx.multiplexing(<A as App>::METADATA.limits.max_multiplexing) as usize + THREADS;
    let mut builder = runtime::Builder::new_multi_thread();
    // A setup that blocks its thread must leave another to hear signals.
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get).max(2);
    builder.worker_threads(threads);
    let runtime = match builder.enable_all().max_blocking_threads(blocking).build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&format!("the runtime did not start: {error}"), 1),
    };
    let ended = runtime.block_on(live(cx, wrap));
    // A thread that the app left blocked must not keep a stopped runner alive.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tracing::error!("{failure}");
            ExitCode::from(failure.code())
        }
    }
}

/// Why a program ended before its time.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Setup(SetupFailure),
    #[error("PORT is {0:?}, which is no port")]
    Port(String),
    #[error("FAL_MAX_MULTIPLEXING is {0:?}, which is no number of requests")]
    Multiplexing(String),
    #[error("cannot listen on {address}: {error}")]
    Listen { address: SocketAddr, error: std::io::Error },
    #[error("cannot wait for signals: {0}")]
    Signals(std::io::Error),
    #[error("interrupted while requests were in flight")]
    Interrupted,
    #[error("a session has shown that the runner is broken")]
    Broken,
}

impl Failure {
    const fn code(&self) -> u8 {
        match self {
            Self::Setup(SetupFailure::WarmupFailed(_) | SetupFailure::WarmupPanicked(_)) => 4,
            Self::Setup(_) => 3,
            Self::Port(_) | Self::Multiplexing(_) => 2,
            Self::Listen { .. } | Self::Signals(_) => 1,
            Self::Interrupted => 130,
            Self::Broken => 5,
        }
    }
}

async fn live<A: Wired>(
    cx: SetupContext,
    wrap: impl FnOnce(Ready<A>) -> Shell<A>,
) -> Result<(), Failure> {
    let port = port(&cx)?;
    if let Some(text) = cx.var("FAL_MAX_MULTIPLEXING").filter(|text| text.parse::<u32>().is_err()) {
        return Err(Failure::Multiplexing(text.to_owned()));
    }
    let mut signals = Signals::new().map_err(Failure::Signals)?;
    let started = start::<A>(cx, signals.stop()).await.map_err(Failure::Setup)?;
    let Some(ready) = started else { return Ok(()) };
    //= docs/contract.md#startup-ready
    //# In an app of `fal-app` the port MUST open only after setup has returned.
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = match TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(error) => {
            tear_down(ready.app).await;
            return Err(Failure::Listen { address, error });
        }
    };
    let address = listener.local_addr().unwrap_or(address);
    tracing::info!(app = <A as App>::METADATA.name, %address, "ready");
    let shell = Arc::new(wrap(ready));
    let connections = Connections::default();
    let is_broken = select! {
        () = connections.accept(listener, &shell) => false,
        () = signals.stop() => false,
        () = shell.broken() => true,
    };
    //= docs/contract.md#app-hooks
    //# On SIGTERM it MUST close its port, run its `#[on_exit]` while requests are in flight, finish
    //# them, and run its `#[teardown]`.
    // The listener is gone with the future above: nobody new is accepted, and connections end after
    // the request they are serving, however long the hook takes. Sessions end with what they have begun.
    shell.end_sessions();
    let exiting = Arc::clone(&shell);
    let ended = async {
        // On a task of its own: a hook that blocks its thread must not keep a person from insisting.
        let exiting = tokio::spawn(async move { exiting.on_exit().await });
        let (_told, ()) = join!(exiting, connections.finish());
        shell.idle().await;
        if let Some(shell) = Arc::into_inner(shell) {
            tear_down(shell.into_app()).await;
        }
    };
    select! {
        biased;
        () = signals.interrupted() => Err(Failure::Interrupted),
        //= docs/contract.md#app-broken-session
        //# The program MUST then close its port, end within two seconds with exit code 5, and cut
        //# whatever is in flight on it.
        () = sleep(LAST_WORDS), if is_broken => Err(Failure::Broken),
        () = ended => if is_broken { Err(Failure::Broken) } else { Ok(()) },
    }
}

fn port(cx: &SetupContext) -> Result<u16, Failure> {
    let Some(text) = cx.var("PORT") else { return Ok(DEFAULT_PORT) };
    text.parse().map_err(|_| Failure::Port(text.to_owned()))
}
