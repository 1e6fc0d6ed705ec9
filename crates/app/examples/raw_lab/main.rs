//! A runner without the shell: it can do what no app of `fal_app` can.
//!
//! Any method on any path takes, as a JSON object and all optional:
//!
//! | field | effect |
//! |---|---|
//! | `status` | this status, any from 200 to 999, also an unearned 503 |
//! | `headers` | an object of headers to answer |
//! | `body` | this text instead of the usual answer |
//! | `body_bytes` | a body of this size instead |
//! | `truncate_at` | cuts the connection after so many bytes of the body |
//! | `chunked` | `true`: the body's length is not announced |
//! | `sleep_ms` | waits before it answers |
//! | `drop` | `true`: closes the connection without an answer |
//! | `crash` | ends the process: `"abort"`, `"kill"` or `{"exit": 7}` |
//! | `close_port` | `true`: accepts no connection any more; those that are open stay |
//! | `first_n` | does all this only in the first n calls of its request at its path |
//!
//! The usual answer is a JSON object: `pid`, `request_id`, `call`, `method`, `path`, `query`,
//! `headers`, `received` (bytes of the body).
//!
//! Environment: `PORT`; `LAB_LOG`, a file that gets one JSON line per call (and
//! `LAB_LOG.starts`, one per start); `LAB_SETUP_MS` delays
//! the opening of the port; `LAB_IGNORE_SIGTERM` makes it ignore SIGTERM.

use std::{env, error::Error, net::Ipv4Addr, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    select,
    signal::unix::{SignalKind, signal},
    sync::Notify,
    time,
};

use crate::journal::Journal;

mod answer;
#[path = "../lab/end.rs"]
mod end;
#[path = "../lab/journal.rs"]
mod journal;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let vars: Vec<(String, String)> = env::vars().collect();
    let var = |name: &str| vars.iter().find(|(key, _)| key == name).map(|(_, value)| &**value);
    let mut terminate = signal(SignalKind::terminate())?;
    if let Some(wait) = var("LAB_SETUP_MS") {
        time::sleep(Duration::from_millis(wait.parse()?)).await;
    }
    let port: u16 = var("PORT").unwrap_or("8080").parse()?;
    let journal = Journal::new(var("LAB_LOG"));
    journal.start()?;
    let lab = Lab { journal, close_port: Arc::new(Notify::new()) };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let serving = async {
        accept(listener, &lab).await;
        std::future::pending::<()>().await;
    };
    let ignores = var("LAB_IGNORE_SIGTERM").is_some();
    let terminated = async { while terminate.recv().await.is_some() && ignores {} };
    select! {
        () = serving => {}
        () = terminated => {}
    }
    Ok(())
}

/// What all connections share.
#[derive(Debug, Clone)]
struct Lab {
    journal: Journal,
    close_port: Arc<Notify>,
}

/// Accepts until a call closes the port.
async fn accept(listener: TcpListener, lab: &Lab) {
    loop {
        select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(tokio::spawn(serve(stream, lab.clone()))),
                Err(error) => tracing::error!(%error, "cannot accept"),
            },
            () = lab.close_port.notified() => return,
        }
    }
}

async fn serve(stream: TcpStream, lab: Lab) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its delay");
    }
    let service = service_fn(|request| answer::answer(request, &lab));
    let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}
