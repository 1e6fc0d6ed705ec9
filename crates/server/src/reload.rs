//! Reading the configuration again: asked for by `fal-server reload`, done by the platform on SIGHUP.

use std::{
    convert::Infallible,
    io::{IsTerminal, Write},
    path::PathBuf,
    sync::Arc,
};

use anyhow::{Context, anyhow};
use fal_node::Handle;
use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    Failure,
    cli::{Reload, Serve},
    lock,
    settings::{self, Settings},
};

/// Tells a running platform to read its configuration again.
pub(crate) fn ask(arguments: &Reload) -> Result<(), Failure> {
    let configured = arguments.config.as_deref().map(settings::check).transpose()?;
    let dir = arguments.data_dir.clone().or(configured).unwrap_or_else(|| PathBuf::from(".fal"));
    let holder = lock::holder(&dir);
    let holder = holder.with_context(|| format!("data_dir {} cannot be read", dir.display()))?;
    let pid = holder.ok_or_else(|| anyhow!("no platform runs on data_dir {}", dir.display()))?;
    let process = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let process = process.ok_or_else(|| anyhow!("{pid} is no number of a process"))?;
    kill_process(process, Signal::HUP)
        .with_context(|| format!("the platform, process {pid}, could not be told"))?;
    let mut out = std::io::stdout();
    writeln!(
        out,
        "the platform, process {pid}, reads its configuration again; its log says what changes"
    )
    .context("could not write to standard output")?;
    Ok(())
}

/// Hears SIGHUP, which asks for a reload or says that the terminal has been closed.
pub(crate) struct Hangup {
    signal: tokio::signal::unix::Signal,
    is_on_terminal: bool,
}

/// The terminal that the platform was started on is closed.
pub(crate) struct TerminalClosed;

impl Hangup {
    pub(crate) fn listen() -> std::io::Result<Self> {
        let signal = signal(SignalKind::hangup())?;
        Ok(Self { signal, is_on_terminal: std::io::stdin().is_terminal() })
    }

    /// Waits until a reload is asked for.
    async fn asked(&mut self) -> Result<(), TerminalClosed> {
        self.signal.recv().await;
        let is_closed = self.is_on_terminal && !std::io::stdin().is_terminal();
        if is_closed { Err(TerminalClosed) } else { Ok(()) }
    }
}

//= docs/contract.md#reload
//# A SIGHUP because the terminal on which the platform was started is closed MUST stop it, as SIGTERM does.
/// Obeys each SIGHUP, until one says that the terminal is closed. One that comes while apps are rolled over begins
/// anew with what is left to do.
pub(crate) async fn obey(
    hangup: &mut Hangup,
    (arguments, running): (&Serve, &Arc<Settings>),
    node: &Handle,
) -> Result<Infallible, TerminalClosed> {
    hangup.asked().await?;
    loop {
        match read(arguments, running).await {
            Err(failure) => {
                tracing::error!("nothing is reloaded: {failure}");
                hangup.asked().await?;
            }
            Ok(settings) => {
                tracing::info!("the configuration was read again");
                tokio::select! {
                    () = node.reload(settings.apps) => {
                        tracing::info!("the configuration is reloaded");
                        hangup.asked().await?;
                    }
                    asked = hangup.asked() => asked?,
                }
            }
        }
    }
}

//= docs/contract.md#reload
//# A configuration that is refused MUST change nothing, and the log says its file, line and key.
async fn read(arguments: &Serve, running: &Arc<Settings>) -> Result<Settings, Failure> {
    let (arguments, running) = (arguments.clone(), Arc::clone(running));
    // Apps are asked what they are, which takes a while.
    let read = tokio::task::spawn_blocking(move || settings::reload(&arguments, &running));
    read.await.context("reading the configuration has failed")?
}
