//! The routes on a port of their own, with a clock that the test holds.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::Router;
use fal_access::Tokens;
use fal_objects::Store;
use fal_rest::{Clock, Options};
use fal_types::Moment;
use tempfile::TempDir;
use tokio::net::TcpListener;

/// When every test begins, in seconds since the Unix epoch.
pub(crate) const BEGIN: u64 = 1_790_000_000;

pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    pub(crate) store: Store,
    pub(crate) tokens: Arc<Tokens>,
    micros: Arc<AtomicU64>,
    _folder: TempDir,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}, |_| {}).await
    }

    pub(crate) async fn start_with(
        set_store: impl FnOnce(&mut fal_objects::Options),
        set: impl FnOnce(&mut Options),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = fal_objects::Options::new(folder.path().join("objects"));
        set_store(&mut options);
        let store = Store::open(options).unwrap();
        let tokens = Arc::new(Tokens::new(b"a secret of the test"));
        let micros = Arc::new(AtomicU64::new(BEGIN * 1_000_000));
        let mut options = Options::new(store.clone(), Arc::clone(&tokens), clock(&micros));
        set(&mut options);
        let addr = serve(fal_rest::router(options)).await;
        Self { addr, store, tokens, micros, _folder: folder }
    }

    /// The routes as somebody else mounts them.
    pub(crate) async fn start_as(mount: impl FnOnce(Router) -> Router) -> Self {
        let server = Self::start().await;
        let (store, tokens) = (server.store.clone(), Arc::clone(&server.tokens));
        let router = fal_rest::router(Options::new(store, tokens, server.clock()));
        Self { addr: serve(mount(router)).await, ..server }
    }

    pub(crate) fn clock(&self) -> Clock {
        clock(&self.micros)
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.micros.fetch_add(u64::try_from(time.as_micros()).unwrap(), Ordering::Relaxed);
    }
}

fn clock(micros: &Arc<AtomicU64>) -> Clock {
    let micros = Arc::clone(micros);
    Arc::new(move || Moment::from_micros(micros.load(Ordering::Relaxed)))
}

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let serve = axum::serve(listener, router).into_future();
    tokio::spawn(async move { serve.await.unwrap() });
    addr
}
