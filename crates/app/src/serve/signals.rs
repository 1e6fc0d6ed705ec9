//! The signals that end a runner.

use std::io;

use tokio::{
    select,
    signal::unix::{Signal, SignalKind, signal},
};

/// SIGTERM and SIGINT, kept from the first moment on.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Returns when the process is asked to stop.
    pub(super) async fn stop(&mut self) {
        select! {
            _ = self.terminate.recv() => tracing::info!("stopping: SIGTERM"),
            _ = self.interrupt.recv() => tracing::info!("stopping: SIGINT"),
        }
    }

    /// Returns when a person insists. A platform insists with SIGKILL, so SIGTERM is not heeded.
    pub(super) async fn interrupted(&mut self) {
        let _interrupt = self.interrupt.recv().await;
    }
}
