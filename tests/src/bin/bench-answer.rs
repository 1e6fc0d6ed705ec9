//! A runner for `cargo xtask bench queue`: it answers every call at once with 1 KiB, and does nothing else.
//!
//! Environment: `PORT`, and `WAIT_FOR`, which names a file: until it is there the runner does not open its port, so
//! that a queue can be filled that is then emptied.

use std::{env, io, path::Path, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time,
};

/// Between two looks for the file.
const PAUSE: Duration = Duration::from_millis(5);
const RESULT: usize = 1024;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    if let Some(file) = variable("WAIT_FOR") {
        while !Path::new(&file).exists() {
            time::sleep(PAUSE).await;
        }
    }
    let port = variable("PORT").and_then(|port| port.parse().ok()).unwrap_or(0);
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let body = format!("{{\"output\":\"{}\"}}", "y".repeat(RESULT - 13));
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer: &'static [u8] = answer.leak().as_bytes();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            // A connection that breaks ends with it; the platform makes another.
            let _ended = serve(stream, answer).await;
        });
    }
}

async fn serve(mut stream: TcpStream, answer: &[u8]) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(8 * 1024);
    while stream.read_buf(&mut buffer).await? > 0 {
        while let Some(length) = whole(&buffer) {
            buffer.drain(..length);
            stream.write_all(answer).await?;
        }
    }
    Ok(())
}

/// How long the first request is, once all of it is there.
fn whole(bytes: &[u8]) -> Option<usize> {
    let start = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(bytes.get(..start)?).ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let end = start + length.unwrap_or_default();
    (bytes.len() >= end).then_some(end)
}

#[expect(clippy::disallowed_methods, reason = "a runner is told everything in its environment")]
fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}
