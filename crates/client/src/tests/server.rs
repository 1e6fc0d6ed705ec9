//! A server that says what it is told to, byte by byte, and remembers what it was asked.

use std::{collections::VecDeque, fmt::Write as _, net::SocketAddr, sync::Arc};

use parking_lot::Mutex;
use tokio::{
    io::{
        AsyncBufReadExt, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
    },
    net::TcpListener,
    sync::{Notify, watch},
    task::JoinSet,
};

/// What one request is answered.
#[derive(Debug, Clone)]
pub(super) enum Say {
    /// These bytes; the connection stays.
    Bytes(Vec<u8>),
    /// These bytes, and then the connection is closed.
    Last(Vec<u8>),
    /// Nothing, for ever.
    Nothing,
}

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) method: String,
    pub(super) target: String,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// A server on a port of its own. Requests beyond those that it has words for get 418.
pub(super) struct Server {
    addr: SocketAddr,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

struct Shared {
    script: Mutex<VecDeque<Say>>,
    seen: Mutex<Vec<Seen>>,
    came: Notify,
    /// How many connections have been closed by the other side.
    closed: watch::Sender<usize>,
}

impl Shared {
    fn new(script: impl IntoIterator<Item = Say>) -> Arc<Self> {
        Arc::new(Self {
            script: Mutex::new(script.into_iter().collect()),
            seen: Mutex::default(),
            came: Notify::new(),
            closed: watch::Sender::new(0),
        })
    }
}

/// How long anything may take that a test waits for.
const LONG: std::time::Duration = std::time::Duration::from_secs(30);

impl Server {
    /// One that answers its requests with these, one after another.
    pub(super) async fn start(script: impl IntoIterator<Item = Say>) -> Self {
        Self::wrapped(script, |stream| async move { Some(stream) }).await
    }

    /// The same, with something around each connection.
    pub(super) async fn wrapped<S, F>(
        script: impl IntoIterator<Item = Say>,
        wrap: impl Fn(tokio::net::TcpStream) -> F + Send + Sync + 'static,
    ) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        F: Future<Output = Option<S>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let shared = Shared::new(script);
        let mut tasks = JoinSet::new();
        let all = Arc::clone(&shared);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(serve(wrap(stream), Arc::clone(&all)));
            }
        });
        Self { addr, shared, _tasks: tasks }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub(super) const fn port(&self) -> u16 {
        self.addr.port()
    }

    /// Says these as well.
    pub(super) fn say(&self, more: impl IntoIterator<Item = Say>) {
        self.shared.script.lock().extend(more);
    }

    /// What it was asked so far.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().clone()
    }

    /// Method and path of what it was asked so far.
    pub(super) fn asked(&self) -> Vec<String> {
        self.seen().iter().map(|seen| format!("{} {}", seen.method, seen.target)).collect()
    }

    /// Waits until it was asked so often.
    pub(super) async fn was_asked(&self, times: usize) -> Vec<Seen> {
        let wait = async {
            loop {
                let came = self.shared.came.notified();
                if self.shared.seen.lock().len() >= times {
                    return self.seen();
                }
                came.await;
            }
        };
        tokio::time::timeout(LONG, wait).await.expect("it is asked")
    }

    /// Waits until so many connections were closed by the other side.
    pub(super) async fn was_left(&self, times: usize) {
        let mut closed = self.shared.closed.subscribe();
        let left = closed.wait_for(|closed| *closed >= times);
        drop(tokio::time::timeout(LONG, left).await.expect("it is left"));
    }
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    wrapped: impl Future<Output = Option<S>>,
    shared: Arc<Shared>,
) {
    let Some(stream) = wrapped.await else { return };
    let mut stream = BufReader::new(stream);
    while let Some(seen) = read(&mut stream).await {
        let say = shared.script.lock().pop_front();
        shared.seen.lock().push(seen);
        shared.came.notify_waiters();
        match say.unwrap_or_else(|| json(418, r#"{"detail":"nothing is left to say"}"#)) {
            Say::Bytes(bytes) => {
                if stream.write_all(&bytes).await.is_err() || stream.flush().await.is_err() {
                    break;
                }
            }
            Say::Last(bytes) => {
                drop(stream.write_all(&bytes).await);
                drop(stream.shutdown().await);
                return;
            }
            Say::Nothing => {
                // Until the other side has had enough.
                drop(stream.read(&mut [0]).await);
                break;
            }
        }
    }
    shared.closed.send_modify(|closed| *closed += 1);
}

async fn read(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Option<Seen> {
    let mut line = String::new();
    if stream.read_line(&mut line).await.ok()? == 0 {
        return None;
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let mut seen = Seen { method, target, ..Seen::default() };
    loop {
        line.clear();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        seen.headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length = seen.header("content-length").map_or(0, |length| length.parse().unwrap());
    seen.body.resize(length, 0);
    stream.read_exact(&mut seen.body).await.ok()?;
    Some(seen)
}

/// A whole answer of JSON, with a request id.
pub(super) fn json(status: u16, body: &str) -> Say {
    with(status, &[], body)
}

/// The same with more headers.
pub(super) fn with(status: u16, headers: &[(&str, &str)], body: &str) -> Say {
    let headers = [("content-type", "application/json"), ("x-fal-request-id", "r-1")]
        .iter()
        .filter(|(name, _)| headers.iter().all(|(known, _)| known != name))
        .chain(headers)
        .fold(String::new(), |mut all, (name, value)| {
            if !value.is_empty() {
                let _infallible = write!(all, "{name}: {value}\r\n");
            }
            all
        });
    let length = body.len();
    raw(&format!("HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\n\r\n{body}"))
}

/// These bytes.
pub(super) fn raw(text: &str) -> Say {
    Say::Bytes(text.as_bytes().to_vec())
}

/// These bytes, and the end of the connection.
pub(super) fn last(text: &str) -> Say {
    Say::Last(text.as_bytes().to_vec())
}

/// A stream of this text, in chunks; whole.
pub(super) fn events(text: &str) -> Say {
    let Say::Bytes(mut bytes) = begun(text) else { unreachable!() };
    bytes.extend_from_slice(b"0\r\n\r\n");
    Say::Bytes(bytes)
}

/// A stream of this text, in chunks, whose end does not come.
pub(super) fn begun(text: &str) -> Say {
    let mut all =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n".to_owned();
    all.push_str("x-fal-request-id: r-1\r\ntransfer-encoding: chunked\r\n\r\n");
    for part in text.as_bytes().chunks(7) {
        let _infallible = write!(all, "{:x}\r\n{}\r\n", part.len(), String::from_utf8_lossy(part));
    }
    raw(&all)
}
