//! All connections to one runner: idle ones to take, and a switch that cuts every one.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, Shutdown, SocketAddr},
    os::fd::AsFd,
    sync::{
        Arc, Weak,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::Duration,
};

use http::HeaderValue;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::{net::TcpStream, runtime::Handle, sync::Notify, task::AbortHandle, time::timeout};

use super::{ForwardError, RequestBody, body::Upload, wire::Wire};

/// A connection on loopback takes longer only when the runner's backlog is full.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Idle connections kept for one runner.
const MAX_IDLE: usize = 128;

/// How long a connection given back may take to become ready. It takes microseconds, unless the runner
/// answered without reading the request to its end.
const SETTLE_LIMIT: Duration = Duration::from_millis(50);

/// How long connections to a runner that exited may deliver what it answered before.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Room for a head over the allowed size, so that it is refused for its size and not as garbage.
const BUFFER: usize = 64 * 1024;

const OPEN: u8 = 0;
const CLOSED: u8 = 1;
const CUT: u8 = 2;

/// A connection with a request in flight or none.
pub(super) struct Connection {
    pub(super) sender: SendRequest<RequestBody>,
    heard: Arc<AtomicU64>,
}

impl Connection {
    /// Bytes that arrived on it so far.
    pub(super) fn heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }
}

/// The way to one runner.
pub(crate) struct Link {
    addr: SocketAddr,
    host: HeaderValue,
    /// Only ever goes up: open, closed to new requests, cut.
    state: AtomicU8,
    /// Wakes those who are connecting when the state changes.
    changed: Notify,
    idle: Mutex<Vec<Connection>>,
    tasks: Mutex<Tasks>,
}

/// What drives each connection.
#[derive(Default)]
struct Tasks {
    next: u64,
    running: BTreeMap<u64, AbortHandle>,
    /// Connections that were switched to another protocol, which no task of ours drives.
    switched: BTreeMap<u64, std::net::TcpStream>,
    runtime: Option<Handle>,
}

impl Tasks {
    const fn key(&mut self) -> u64 {
        let key = self.next;
        self.next += 1;
        key
    }
}

impl Link {
    pub(crate) fn new(port: u16) -> Self {
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            host: HeaderValue::from_str(&addr.to_string()).expect("an address is plain ASCII"),
            addr,
            state: AtomicU8::new(OPEN),
            changed: Notify::new(),
            idle: Mutex::new(Vec::new()),
            tasks: Mutex::new(Tasks::default()),
        }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.addr.port()
    }

    pub(super) const fn host(&self) -> &HeaderValue {
        &self.host
    }

    pub(super) fn is_open(&self) -> bool {
        self.state.load(Ordering::Acquire) == OPEN
    }

    pub(super) fn is_cut(&self) -> bool {
        self.state.load(Ordering::Acquire) == CUT
    }

    /// Refuses new requests, drops idle connections and aborts the others, which ends what is in flight.
    pub(crate) fn cut(&self) {
        self.shut(CUT);
        let mut tasks = self.tasks.lock();
        for (_, task) in std::mem::take(&mut tasks.running) {
            task.abort();
        }
        for (_, stream) in std::mem::take(&mut tasks.switched) {
            // One that is closed already is as good as cut.
            let _closed = stream.shutdown(Shutdown::Both);
        }
    }

    /// For a runner that exited: refuses new requests, and lets the others read what the kernel still
    /// holds, after which they find the end by themselves. A limit is there for a stray that kept one open.
    pub(crate) fn close(self: &Arc<Self>) {
        self.shut(CLOSED);
        let runtime = {
            let tasks = self.tasks.lock();
            let is_idle = tasks.running.is_empty() && tasks.switched.is_empty();
            tasks.runtime.clone().filter(|_| !is_idle)
        };
        if let Some(runtime) = runtime {
            let link = Arc::clone(self);
            runtime.spawn(async move {
                tokio::time::sleep(LAST_WORDS).await;
                link.cut();
            });
        }
    }

    fn shut(&self, state: u8) {
        self.state.fetch_max(state, Ordering::AcqRel);
        self.changed.notify_waiters();
        let idle = std::mem::take(&mut *self.idle.lock());
        drop(idle);
    }

    /// The connection used last that still stands.
    pub(super) async fn idle(&self) -> Option<Connection> {
        loop {
            let mut connection = self.idle.lock().pop()?;
            if connection.sender.is_ready() {
                return Some(connection);
            }
            if connection.sender.is_closed() {
                continue;
            }
            if let Ok(Ok(())) = timeout(SETTLE_LIMIT, connection.sender.ready()).await {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection for the next request. After a streamed one, only a connection that is free already,
    /// and only as the sole idle one: streams always open new ones, and would fill the runner with them.
    pub(super) fn give_back(&self, connection: Connection, upload: Upload) {
        let (is_free, most) = match upload {
            Upload::Whole => (!connection.sender.is_closed(), MAX_IDLE),
            Upload::Stream => (connection.sender.is_ready(), 1),
        };
        let mut idle = self.idle.lock();
        if is_free && idle.len() < most && self.is_open() {
            idle.push(connection);
        }
    }

    pub(super) async fn connect(self: &Arc<Self>) -> Result<Connection, ForwardError> {
        let stream = self.dial_open().await?;
        self.speak(stream).await
    }

    /// A connection that stays listed after it has been switched to another protocol.
    pub(super) async fn connect_switchable(
        self: &Arc<Self>,
    ) -> Result<(Connection, Listed), ForwardError> {
        let stream = self.dial_open().await?;
        let same = stream.as_fd().try_clone_to_owned().map_err(ForwardError::ConnectFailed)?;
        let listed = {
            let mut tasks = self.tasks.lock();
            if !self.is_open() {
                return Err(ForwardError::Cut);
            }
            let key = tasks.key();
            tasks.switched.insert(key, same.into());
            Listed { link: Arc::downgrade(self), key }
        };
        Ok((self.speak(stream).await?, listed))
    }

    async fn speak(self: &Arc<Self>, stream: TcpStream) -> Result<Connection, ForwardError> {
        let heard = Arc::new(AtomicU64::new(0));
        let wire = TokioIo::new(Wire::new(stream, Arc::clone(&heard)));
        let handshake = http1::Builder::new().max_buf_size(BUFFER).handshake(wire);
        let (sender, connection) = handshake.await.map_err(ForwardError::Disconnected)?;
        self.drive(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::trace!(%error, "a connection to a runner ended");
            }
        })?;
        Ok(Connection { sender, heard })
    }

    async fn dial_open(&self) -> Result<TcpStream, ForwardError> {
        let changed = self.changed.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        if !self.is_open() {
            return Err(ForwardError::Cut);
        }
        tokio::select! {
            () = changed => Err(ForwardError::Cut),
            stream = dial(self.addr, CONNECT_LIMIT) => stream,
        }
    }

    /// Spawned under the lock, so that the task is listed before it can take itself off, and so that no
    /// connection slips past a cut.
    fn drive(
        self: &Arc<Self>,
        connection: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ForwardError> {
        let mut tasks = self.tasks.lock();
        if !self.is_open() {
            return Err(ForwardError::Cut);
        }
        let key = tasks.key();
        let listed = Listed { link: Arc::downgrade(self), key };
        let task = tokio::spawn(async move {
            connection.await;
            drop(listed);
        });
        tasks.running.insert(key, task.abort_handle());
        tasks.runtime.get_or_insert_with(Handle::current);
        Ok(())
    }
}

/// Takes a task or a connection off the list when it ends. It must not keep the link alive: the link's idle senders
/// keep the task alive.
pub(super) struct Listed {
    link: Weak<Link>,
    key: u64,
}

impl Drop for Listed {
    fn drop(&mut self) {
        if let Some(link) = self.link.upgrade() {
            let mut tasks = link.tasks.lock();
            tasks.running.remove(&self.key);
            tasks.switched.remove(&self.key);
        }
    }
}

/// One connection attempt.
pub(crate) async fn dial(addr: SocketAddr, limit: Duration) -> Result<TcpStream, ForwardError> {
    let attempt = async {
        let stream = TcpStream::connect(addr).await?;
        // A port within the ephemeral range, with nobody listening, can be given to the caller itself.
        if stream.local_addr()? == addr {
            return Err(io::Error::from(io::ErrorKind::ConnectionRefused));
        }
        stream.set_nodelay(true)?;
        Ok(stream)
    };
    match timeout(limit, attempt).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
            Err(ForwardError::Refused)
        }
        Ok(Err(error)) if error.kind() == io::ErrorKind::TimedOut => {
            Err(ForwardError::ConnectTimedOut)
        }
        Ok(Err(error)) => Err(ForwardError::ConnectFailed(error)),
        Err(_elapsed) => Err(ForwardError::ConnectTimedOut),
    }
}
