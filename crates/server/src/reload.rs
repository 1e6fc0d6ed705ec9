//! Reading the configuration again: asked for by `fal-server reload`, done by the platform on SIGHUP.

mod ask;
mod outcome;

use std::{convert::Infallible, io::IsTerminal, pin::Pin, sync::Arc};

use anyhow::Context;
use fal_node::Handle;
use fal_types::AppId;
use tokio::signal::unix::{SignalKind, signal};

pub(crate) use self::ask::ask;
use self::outcome::{Journal, Outcome};
use crate::{
    Failure,
    cli::Serve,
    settings::{self, Settings},
};

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
/// anew with what is left to do, unless the configuration is wrong by then.
pub(crate) async fn obey(
    hangup: &mut Hangup,
    (arguments, running): (&Serve, &Arc<Settings>),
    node: &Handle,
) -> Result<Infallible, TerminalClosed> {
    let journal = Journal::begin(&running.data_dir);
    let mut rolling: Option<Pin<Box<dyn Future<Output = Vec<AppId>> + Send + '_>>> = None;
    loop {
        let mut coming = std::pin::pin!(asked(hangup, &journal, (arguments, running)));
        let accepted = loop {
            match &mut rolling {
                None => break (&mut coming).await?,
                Some(roll) => {
                    tokio::select! {
                        held_up = roll => {
                            tracing::info!("the configuration is reloaded");
                            journal.over(&Outcome::over(&held_up));
                            rolling = None;
                        }
                        other = &mut coming => break other?,
                    }
                }
            }
        };
        if let Some(settings) = accepted {
            rolling = Some(Box::pin(node.reload(settings.apps)));
        }
    }
}

/// Waits until a reload is asked for, and reads the configuration; none where it is wrong.
async fn asked(
    hangup: &mut Hangup,
    journal: &Journal,
    (arguments, running): (&Serve, &Arc<Settings>),
) -> Result<Option<Settings>, TerminalClosed> {
    hangup.asked().await?;
    let number = journal.asked();
    match read(arguments, running).await {
        Err(failure) => {
            tracing::error!("nothing is reloaded: {failure}");
            journal.refused(number, failure.to_string());
            Ok(None)
        }
        Ok(settings) => {
            tracing::info!("the configuration was read again");
            Ok(Some(settings))
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
