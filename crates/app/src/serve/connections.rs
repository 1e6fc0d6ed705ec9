//! Connections: accepted until the runner stops, then finished.

use std::{
    convert::Infallible,
    io,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    select,
    sync::watch,
    time,
};

use super::progress::{Leaving, Progress, Sent};
use crate::{app::Wired, shell::Shell};

/// How long to wait after an accept failed for want of file descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long a caller may take for the head of a request.
const HEAD_LIMIT: Duration = Duration::from_secs(60);

/// How long a stopping runner waits for a caller who has not sent its whole request.
const UNFINISHED: Duration = Duration::from_secs(1);

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
    let progress = Progress::default();
    let answer = service_fn(|request: Request<Incoming>| {
        let (shell, busy) = (Arc::clone(&shell), progress.begin());
        let request = request.map(|body| Sent::new(body, progress.clone()));
        async move {
            let response = shell.answer(request).await;
            Ok::<_, Infallible>(response.map(|body| Leaving { body, _busy: busy }))
        }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_LIMIT);
    let connection = http.serve_connection(TokioIo::new(stream), answer);
    // It ends here also where it becomes a WebSocket, whose session goes on by itself.
    let mut connection = pin!(connection.with_upgrades());
    let ended = select! {
        biased;
        ended = connection.as_mut() => ended,
        _ = stopping.changed() => {
            connection.as_mut().graceful_shutdown();
            end(connection, &progress).await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}

/// Waits for the request that is being served, and not for one that its caller does not finish.
async fn end(
    mut connection: Pin<&mut impl Future<Output = hyper::Result<()>>>,
    progress: &Progress,
) -> hyper::Result<()> {
    while !progress.is_working() {
        match time::timeout(UNFINISHED, connection.as_mut()).await {
            Ok(ended) => return ended,
            Err(_) if progress.is_working() => {}
            Err(_) => return Ok(()),
        }
    }
    connection.await
}
