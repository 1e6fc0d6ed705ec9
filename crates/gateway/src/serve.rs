//! Accepting connections.

use std::{future::Future, time::Duration};

use http::uri::Scheme;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::{Gateway, service::Arrival};

/// How long the listener rests when the system has no room for another connection.
const NO_ROOM: Duration = Duration::from_millis(50);

/// Serves until `stop` resolves; then accepts nothing more, tells kept connections to close, and returns when the
/// last request has been answered or `grace` is over.
pub async fn serve(
    listener: TcpListener,
    gateway: Gateway,
    stop: impl Future<Output = ()>,
    grace: Duration,
) {
    let (closing, closed) = watch::channel(false);
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = connection(stream, gateway.clone(), closed.clone());
                tokio::spawn(connection);
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(NO_ROOM).await;
            }
        }
    }
    drop(listener);
    drop(closed);
    let _nobody_left = closing.send(true).is_err();
    let _late = tokio::time::timeout(grace, closing.closed()).await;
}

async fn connection(stream: TcpStream, gateway: Gateway, mut closing: watch::Receiver<bool>) {
    // Small answers must not wait for an acknowledgement; where it cannot be set, they just do.
    let _slow = stream.set_nodelay(true);
    let limits = gateway.limits();
    let arrival = Arrival { scheme: Scheme::HTTP, closing: closing.clone() };
    let service = service_fn(move |request| gateway.clone().handle(request, arrival.clone()));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(limits.head.max(8192))
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    tokio::select! {
        ended = &mut connection => quiet(ended),
        () = closed(&mut closing) => {
            connection.as_mut().graceful_shutdown();
            quiet(connection.await);
        }
    }
}

/// Resolves when the gateway closes.
async fn closed(closing: &mut watch::Receiver<bool>) {
    // A sender that is gone means the same as its word.
    let _word = closing.wait_for(|closing| *closing).await.is_ok();
}

/// A connection that ends badly is its caller's affair; what it held was settled on the way.
fn quiet(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended early");
    }
}
