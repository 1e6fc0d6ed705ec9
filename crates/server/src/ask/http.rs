//! One question over HTTP, to the platform on this machine.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, bail};
use serde_json::Value;

/// How long the platform may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Asks, and gives back the status and the JSON of the answer. HTTP/1.0, so that the answer ends with the connection.
pub(super) fn ask(
    (addr, key): (SocketAddr, &str),
    method: &str,
    path: &str,
) -> anyhow::Result<(u16, Value)> {
    let unreachable = || format!("the platform at {addr} cannot be reached");
    let mut stream = TcpStream::connect_timeout(&addr, LIMIT).with_context(unreachable)?;
    stream.set_read_timeout(Some(LIMIT)).with_context(unreachable)?;
    let key = if key.is_empty() { String::new() } else { format!("authorization: Key {key}\r\n") };
    let request =
        format!("{method} {path} HTTP/1.0\r\nhost: {addr}\r\n{key}content-length: 0\r\n\r\n");
    stream.write_all(request.as_bytes()).with_context(unreachable)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).with_context(unreachable)?;
    parse(&answer)
}

fn parse(answer: &[u8]) -> anyhow::Result<(u16, Value)> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let Some((head, body)) = end.and_then(|end| answer.split_at_checked(end)) else {
        bail!("the platform's answer was cut short");
    };
    let head = String::from_utf8_lossy(head);
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.context("the platform's answer is not HTTP")?;
    let body = serde_json::from_slice(body.get(4..).unwrap_or_default());
    Ok((status, body.context("the platform's answer is not JSON")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_status_and_json() {
        let whole = b"HTTP/1.1 404 Not Found\r\ncontent-length: 7\r\n\r\n{\"a\":1}";
        let (status, body) = parse(whole).unwrap();
        assert_eq!((status, body["a"].as_u64()), (404, Some(1)));
        for bad in [&b""[..], b"HTTP/1.1 200 OK\r\n", b"x\r\n\r\n{}", b"HTTP/1.1 200 OK\r\n\r\n{"] {
            assert!(parse(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }
}
