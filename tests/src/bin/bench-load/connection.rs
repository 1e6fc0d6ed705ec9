//! One kept connection, and as little work per response as can be.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::Failure;

pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    to: String,
}

/// A response's status, head and body.
pub(crate) struct Response<'a> {
    pub(crate) status: u16,
    pub(crate) head: &'a str,
    pub(crate) body: &'a [u8],
}

impl Response<'_> {
    pub(crate) fn header(&self, name: &str) -> Result<&str, Failure> {
        let field = |line: &'_ str| {
            line.split_once(':').is_some_and(|(key, _)| key.eq_ignore_ascii_case(name))
        };
        let line = self.head.lines().find(|line| field(line));
        let value = line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim());
        value.ok_or_else(|| format!("status {} without `{name}`", self.status).into())
    }
}

impl Connection {
    pub(crate) async fn open(to: &str) -> Result<Self, Failure> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 * 1024), to: to.to_owned() })
    }

    /// The bytes of a request, to be sent over and over.
    pub(crate) fn request(&self, method: &str, path: &str, body: &str) -> Vec<u8> {
        let (to, length) = (&self.to, body.len());
        format!(
            "{method} {path} HTTP/1.1\r\nhost: {to}\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }

    /// Sends a request and reads its whole response.
    pub(crate) async fn call(&mut self, request: &[u8]) -> Result<Response<'_>, Failure> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the connection was closed within a response".into());
            }
            if let Some(start) = whole(&self.buffer) {
                let status =
                    self.buffer.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok());
                let status =
                    status.and_then(|digits| digits.parse().ok()).ok_or("no status line")?;
                let (head, body) = self.buffer.split_at(start);
                return Ok(Response { status, head: std::str::from_utf8(head)?, body });
            }
        }
    }
}

/// Where the body begins, once all of it is there.
fn whole(bytes: &[u8]) -> Option<usize> {
    let start = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(bytes.get(..start)?).ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let is_whole = match length {
        Some(length) => bytes.len() >= start + length,
        None => bytes.ends_with(b"0\r\n\r\n"),
    };
    is_whole.then_some(start)
}
