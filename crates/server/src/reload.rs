//! Reading the configuration again: asked for by `fal-server reload`, done by the platform on SIGHUP.

use std::{convert::Infallible, io::Write, path::PathBuf, sync::Arc};

use anyhow::{Context, anyhow};
use fal_node::Handle;
use rustix::process::{Pid, Signal, kill_process};

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

/// Obeys each SIGHUP. One that comes while apps are rolled over begins anew with what is left to do.
pub(crate) async fn obey(
    hangup: &mut tokio::signal::unix::Signal,
    (arguments, running): (&Serve, &Arc<Settings>),
    node: &Handle,
) -> Infallible {
    hangup.recv().await;
    loop {
        match read(arguments, running).await {
            Err(failure) => {
                tracing::error!("nothing is reloaded: {failure}");
                hangup.recv().await;
            }
            Ok(settings) => {
                tracing::info!("the configuration was read again");
                tokio::select! {
                    () = node.reload(settings.apps) => {
                        tracing::info!("the configuration is reloaded");
                        hangup.recv().await;
                    }
                    _ = hangup.recv() => {}
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
