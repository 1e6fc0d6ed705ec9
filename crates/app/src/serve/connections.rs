//! Connections: accepted until the runner stops, then finished.

use std::{convert::Infallible, io, pin::pin, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    select,
    sync::watch,
    time,
};

use crate::{app::Wired, shell::Shell};

/// How long to wait after an accept failed for want of file descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// All connections of this process. Each holds a receiver: so they learn of the end, and so the
/// sender knows when the last is gone.
#[derive(Debug)]
pub(super) struct Connections {
    stopping: watch::Sender<bool>,
}

impl Default for Connections {
    fn default() -> Self {
        Self { stopping: watch::Sender::new(false) }
    }
}

impl Connections {
    /// Serves whoever connects. Never returns; dropping the future closes the port.
    pub(super) async fn accept<A: Wired>(&self, listener: TcpListener, shell: &Arc<Shell<A>>) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let (shell, mut stopping) = (Arc::clone(shell), self.stopping.subscribe());
                    tokio::spawn(async move {
                        serve(stream, shell, &mut stopping).await;
                        // Last of all: whoever waits for the connections then owns the app alone.
                        drop(stopping);
                    });
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "cannot accept connections");
                    time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Tells all connections to end after the request they are serving, and waits for them.
    pub(super) async fn finish(self) {
        self.stopping.send_replace(true);
        self.stopping.closed().await;
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}

async fn serve<A: Wired>(
    stream: TcpStream,
    shell: Arc<Shell<A>>,
    stopping: &mut watch::Receiver<bool>,
) {
    // Without this, small answers wait for the caller's delayed acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its delay");
    }
    let answer = service_fn(|request| {
        let shell = Arc::clone(&shell);
        async move { Ok::<_, Infallible>(shell.answer(request).await) }
    });
    let mut connection = pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    let ended = select! {
        biased;
        ended = connection.as_mut() => ended,
        _ = stopping.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}
