//! Somebody who receives webhooks, and is not always willing.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use parking_lot::Mutex;
use ring::{
    digest::{SHA256, digest},
    signature::{ED25519, UnparsedPublicKey},
};
use serde_json::Value;

use crate::{LONG, Timer, eventually};

/// How one delivery is answered.
#[derive(Debug, Clone)]
pub enum Say {
    /// With this status.
    Status(u16),
    /// With a redirect to this URL.
    Elsewhere(String),
    /// Not at all: the connection is closed.
    Nothing,
    /// Not yet: the connection stays open for as long as the receiver is there.
    Silence,
}

/// What one delivery brought.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// When it had come whole, counted from the start of the receiver.
    pub at: Duration,
    /// Method, path and version.
    pub line: String,
    /// Names as they came, in order.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte.
    pub body: Vec<u8>,
}

/// An HTTP server on a port of its own. Each delivery gets the next of its answers, and 200 when there is none left.
#[derive(Debug)]
pub struct Receiver {
    addr: SocketAddr,
    desk: Arc<Desk>,
}

#[derive(Debug)]
struct Desk {
    since: Timer,
    answers: Mutex<VecDeque<Say>>,
    came: Mutex<Vec<Delivered>>,
    kept: Mutex<Vec<TcpStream>>,
    is_over: AtomicBool,
}

impl Receiver {
    /// One that answers 200.
    #[must_use]
    #[track_caller]
    pub fn start() -> Self {
        Self::saying([])
    }

    /// One that answers so first.
    ///
    /// # Panics
    /// When no port is free.
    #[must_use]
    #[track_caller]
    pub fn saying(answers: impl IntoIterator<Item = Say>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let addr = listener.local_addr().expect("it has an address");
        let answers = Mutex::new(answers.into_iter().collect());
        let (since, is_over) = (Timer::start(), AtomicBool::new(false));
        let (came, kept) = (Mutex::default(), Mutex::default());
        let desk = Arc::new(Desk { since, answers, came, kept, is_over });
        let sitting = Arc::clone(&desk);
        thread::spawn(move || accept(&listener, &sitting));
        Self { addr, desk }
    }

    /// Its port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.addr.port()
    }

    /// The URL of a path there.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// What has come so far, in order.
    #[must_use]
    pub fn came(&self) -> Vec<Delivered> {
        self.desk.came.lock().clone()
    }

    /// Waits until so many deliveries have come, and gives back the last of them.
    ///
    /// # Panics
    /// When they do not come, or more of them.
    #[track_caller]
    #[expect(clippy::must_use_candidate, reason = "some tests only wait")]
    pub fn gets(&self, count: usize) -> Delivered {
        let come = || self.came().get(count.checked_sub(1)?).cloned();
        let last = eventually(&format!("{count} deliveries have come"), come);
        assert_eq!(self.came().len(), count, "no more than that have come");
        last
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.desk.is_over.store(true, Ordering::SeqCst);
        self.desk.kept.lock().clear();
        // Whoever accepts looks up.
        drop(TcpStream::connect(self.addr));
    }
}

fn accept(listener: &TcpListener, desk: &Arc<Desk>) {
    for stream in listener.incoming() {
        if desk.is_over.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let desk = Arc::clone(desk);
        thread::spawn(move || desk.serve(&stream));
    }
}

impl Desk {
    /// One delivery; a connection that breaks off is none.
    fn serve(&self, stream: &TcpStream) -> Option<()> {
        stream.set_read_timeout(Some(LONG)).ok()?;
        let delivered = self.read(&mut BufReader::new(stream))?;
        let answer = self.answers.lock().pop_front().unwrap_or(Say::Status(200));
        self.came.lock().push(delivered);
        let (status, more) = match answer {
            Say::Status(status) => (status, String::new()),
            Say::Elsewhere(url) => (307, format!("location: {url}\r\n")),
            Say::Nothing => return None,
            Say::Silence => {
                self.kept.lock().push(stream.try_clone().ok()?);
                return None;
            }
        };
        let text = format!("HTTP/1.1 {status} Said\r\n{more}content-length: 2\r\n\r\n{{}}");
        let mut stream = stream;
        stream.write_all(text.as_bytes()).ok()
    }

    fn read(&self, input: &mut impl BufRead) -> Option<Delivered> {
        let mut line = String::new();
        input.read_line(&mut line).ok()?;
        let mut headers = Vec::new();
        loop {
            let mut header = String::new();
            input.read_line(&mut header).ok()?;
            let Some((name, value)) = header.split_once(':') else { break };
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let line = line.trim_end().to_owned();
        let mut delivered = Delivered { at: Duration::ZERO, line, headers, body: Vec::new() };
        let length = delivered.header("content-length")?.parse().ok()?;
        delivered.body = vec![0; length];
        input.read_exact(&mut delivered.body).ok()?;
        delivered.at = self.since.elapsed();
        Some(delivered)
    }
}

impl Delivered {
    /// A header, whatever the case of its name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let is_it = |(known, _): &&(String, String)| known.eq_ignore_ascii_case(name);
        self.headers.iter().find(is_it).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a webhook is JSON")
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether one of these keys, a JWKS, has signed it, as fal's documents say how to find out.
    #[must_use]
    pub fn is_signed_by(&self, jwks: &Value) -> bool {
        let signed = ["request-id", "user-id", "timestamp"].map(|name| self.signed(name));
        let signed: Option<Vec<_>> = signed.into_iter().collect();
        let (Some(mut parts), Some(signature)) = (signed, self.signed("signature")) else {
            return false;
        };
        let body = hex(digest(&SHA256, &self.body).as_ref());
        parts.push(&body);
        let (message, signature) = (parts.join("\n"), unhex(signature));
        let keys = jwks.get("keys").and_then(Value::as_array).into_iter().flatten();
        let is_ed25519 = |key: &&Value| {
            key.get("kty") == Some(&"OKP".into()) && key.get("crv") == Some(&"Ed25519".into())
        };
        keys.filter(is_ed25519).filter_map(|key| key.get("x")?.as_str()).any(|x| {
            let key = UnparsedPublicKey::new(&ED25519, unbase64url(x));
            key.verify(message.as_bytes(), &signature).is_ok()
        })
    }

    fn signed(&self, name: &str) -> Option<&str> {
        self.header(&format!("x-fal-webhook-{name}"))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Stops at the first that is no digit.
fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().map_while(|digit| digit.to_digit(16)).collect();
    let byte = |pair: &[u32]| pair.iter().fold(0, |sum, digit| sum * 16 + digit).to_le_bytes()[0];
    digits.chunks(2).map(byte).collect()
}

/// Stops at the first that is no digit.
fn unbase64url(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let digit = |byte| DIGITS.iter().position(|known| *known == byte);
    let digits: Vec<_> = text.bytes().map_while(digit).collect();
    let bytes = |group: &[usize]| {
        let bits = group.iter().fold(0, |bits, digit| bits << 6 | digit) << (6 * (4 - group.len()));
        let bytes = [bits >> 16, bits >> 8, bits].map(|byte| byte.to_le_bytes()[0]);
        bytes.into_iter().take(group.len() * 6 / 8).collect::<Vec<_>>()
    };
    digits.chunks(4).flat_map(bytes).collect()
}
