//! The smallest HTTP/1.1 client that can also be slow, half-hearted and curious.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
};

use serde_json::Value;

use crate::LONG;

/// A request to be sent.
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    /// A request with a method and a path, no body and no headers but `host`.
    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        let (method, target) = (method.to_owned(), target.to_owned());
        Self { method, target, headers: Vec::new(), body: Vec::new() }
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a body of JSON.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// With a body of bytes, whose length is announced.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends it on a connection of its own; the answer can be read later.
    ///
    /// # Panics
    /// When nobody accepts it.
    #[must_use]
    #[track_caller]
    pub fn begin(&self, addr: SocketAddr) -> Connection {
        let mut connection = Connection::open(addr);
        // Whoever answers before it has read the whole request may close its end: the answer counts.
        let _refused_early = connection.send(self);
        connection
    }

    /// Sends it and reads the whole answer.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    #[track_caller]
    pub fn send(&self, addr: SocketAddr) -> Response {
        self.begin(addr).response()
    }

    /// Sends it and reads the whole answer, where somebody may be gone: then there is none.
    #[must_use]
    pub fn try_send(&self, addr: SocketAddr) -> Option<Response> {
        let mut connection = Connection::new(addr, TcpStream::connect(addr).ok()?);
        connection.send(self).ok()?;
        connection.head = Some(connection.read_head().ok()?);
        Some(connection.response())
    }

    fn bytes(&self, addr: SocketAddr) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        let has = |wanted: &str| self.headers.iter().any(|(name, _)| name == wanted);
        if !has("host") {
            head.push_str(&format!("host: {addr}\r\n"));
        }
        if !has("content-length") && !has("transfer-encoding") {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let mut bytes = format!("{head}\r\n").into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// A connection to the platform.
#[derive(Debug)]
pub struct Connection {
    addr: SocketAddr,
    input: BufReader<TcpStream>,
    head: Option<Response>,
}

/// An answer. `is_whole` is false when it was cut short.
#[derive(Debug, Clone, Default)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names in lower case, in order.
    pub headers: Vec<(String, String)>,
    /// What has been read of the body.
    pub body: Vec<u8>,
    /// Whether the body's end was reached.
    pub is_whole: bool,
}

impl Connection {
    /// Connects.
    ///
    /// # Panics
    /// When nobody accepts the connection.
    #[must_use]
    #[track_caller]
    pub fn open(addr: SocketAddr) -> Self {
        Self::new(addr, TcpStream::connect(addr).expect("the platform accepts connections"))
    }

    fn new(addr: SocketAddr, stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(LONG)).expect("a limit can be set");
        stream.set_write_timeout(Some(LONG)).expect("a limit can be set");
        stream.set_nodelay(true).expect("the delay can be switched off");
        Self { addr, input: BufReader::new(stream), head: None }
    }

    /// Sends a request.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn send(&mut self, request: &Request) -> io::Result<()> {
        self.send_bytes(&request.bytes(self.addr))
    }

    /// Sends any bytes.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.head = None;
        self.input.get_mut().write_all(bytes)
    }

    /// Closes this side: nothing more is sent, while what comes can still be read.
    pub fn finish(&mut self) {
        // Where the other side has hung up already, that is what was wanted.
        let _gone = self.input.get_ref().shutdown(Shutdown::Write);
    }

    /// Reads until the other side has closed the connection, whatever it says.
    pub fn drain(mut self) {
        let _cut = io::copy(&mut self.input, &mut io::sink());
    }

    /// Hangs up.
    pub fn hang_up(self) {
        // Where the other side has hung up already, that is what was wanted.
        let _gone = self.input.get_ref().shutdown(Shutdown::Both);
    }

    /// Whether the other side has closed the connection. Waits until it says something or has.
    #[must_use]
    pub fn is_closed(&mut self) -> bool {
        matches!(self.input.fill_buf(), Ok([]) | Err(_))
    }

    /// Reads the head of the answer; the body stays empty.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn head(&mut self) -> Response {
        if let Some(head) = &self.head {
            return head.clone();
        }
        let head = self.read_head().expect("the platform answers");
        self.head = Some(head.clone());
        head
    }

    fn read_head(&mut self) -> io::Result<Response> {
        let line = self.line()?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status in `{line}`")))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
        if status == 100 {
            return self.read_head();
        }
        Ok(Response { status, headers, body: Vec::new(), is_whole: false })
    }

    /// Reads the whole answer, or what there is of it.
    ///
    /// # Panics
    /// When there is no head.
    #[must_use]
    #[track_caller]
    pub fn response(mut self) -> Response {
        self.next_response()
    }

    /// Reads a whole answer and leaves the connection open for another.
    ///
    /// # Panics
    /// When there is no head.
    #[track_caller]
    pub fn next_response(&mut self) -> Response {
        let mut response = self.head();
        self.head = None;
        if response.status == 204 || response.status == 304 {
            response.is_whole = true;
        } else if response.header("transfer-encoding") == Some("chunked") {
            response.is_whole = loop {
                match self.chunk() {
                    Ok(chunk) if chunk.is_empty() => break true,
                    Ok(chunk) => response.body.extend(chunk),
                    Err(_cut) => break false,
                }
            };
        } else if let Some(length) = response.header("content-length") {
            let length = length.parse().expect("a length is a number");
            let read = self.input.by_ref().take(length).read_to_end(&mut response.body);
            response.is_whole = read.is_ok() && response.body.len() as u64 == length;
        } else {
            response.is_whole = self.input.read_to_end(&mut response.body).is_ok();
        }
        response
    }

    /// The next chunk of a chunked body; empty at its end.
    ///
    /// # Errors
    /// When it was cut.
    pub fn chunk(&mut self) -> io::Result<Vec<u8>> {
        let line = self.line()?;
        let size = usize::from_str_radix(&line, 16).map_err(io::Error::other)?;
        let mut data = vec![0; size + 2];
        self.input.read_exact(&mut data)?;
        data.truncate(size);
        Ok(data)
    }

    /// The next event of an event stream, decoded; none at its end. Comments are passed over.
    ///
    /// # Panics
    /// When the stream was cut, or an event is not JSON.
    #[track_caller]
    pub fn event(&mut self) -> Option<Value> {
        loop {
            let chunk = self.chunk().expect("the stream goes on");
            if chunk.is_empty() {
                return None;
            }
            let text = String::from_utf8(chunk).expect("events are text");
            if let Some(data) = text.strip_prefix("data:") {
                return Some(serde_json::from_str(data.trim()).expect("events are JSON"));
            }
        }
    }

    /// Reads the head of an event stream, and the first event of it.
    ///
    /// # Panics
    /// When it is none, or empty.
    #[must_use]
    #[track_caller]
    pub fn event_after_head(&mut self) -> Value {
        let head = self.head().is(200);
        assert_eq!(head.header("content-type"), Some("text/event-stream"));
        self.event().expect("a stream has an event")
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.input.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}

impl Response {
    /// A header, if it is there once.
    ///
    /// # Panics
    /// When it is there more than once.
    #[must_use]
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        let first = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} is there twice");
        first
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is not.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| fail(&format!("{error}: {} {}", self.status, self.text())))
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The id that the platform gave the request.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    #[track_caller]
    pub fn request_id(&self) -> String {
        self.header("x-fal-request-id").expect("every response has an id").to_owned()
    }

    /// The process that answered, according to the usual answer of `unruly`.
    ///
    /// # Panics
    /// When it is not such an answer.
    #[must_use]
    #[track_caller]
    pub fn pid(&self) -> u32 {
        let pid = self.json().get("pid").and_then(Value::as_u64);
        let pid = pid.unwrap_or_else(|| fail(&format!("no pid: {} {}", self.status, self.text())));
        u32::try_from(pid).expect("process numbers are small")
    }

    /// Asserts the status, and shows the body where it is another; returns itself.
    ///
    /// # Panics
    /// When the status is another.
    #[track_caller]
    #[must_use]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?} {}", self.headers, self.text());
        self
    }

    /// Asserts that it is a platform error of this type, in body and header.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn is_problem(&self, status: u16, error_type: &str) {
        assert_eq!(self.status, status, "{:?} {}", self.headers, self.text());
        let body = self.json();
        assert_eq!(body.get("error_type").and_then(Value::as_str), Some(error_type), "{body}");
        assert!(body.get("detail").is_some_and(Value::is_string), "{body}");
        assert_eq!(self.header("x-fal-error-type"), Some(error_type), "{:?}", self.headers);
        assert!(self.header("x-fal-request-id").is_some(), "{:?}", self.headers);
    }
}

#[track_caller]
#[expect(clippy::panic, reason = "a test fails")]
pub(crate) fn fail(text: &str) -> ! {
    panic!("{text}");
}
