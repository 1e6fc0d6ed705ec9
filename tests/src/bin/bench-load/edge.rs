//! What the platform adds on the way: to a message of a session and to the first event of a stream, beside the same runner
//! asked directly, in turns; and bodies that are far larger than memory should be.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
};

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket, client::IntoClientRequest};

use crate::{Failure, Words, now};

/// What goes to and fro in a session.
const MESSAGE: usize = 1024;
/// Not measured: connections are made, caches fill.
const WARM: u32 = 200;
/// How much is written at once.
const PIECE: usize = 256 * 1024;

/// One way to the runner.
struct Way {
    to: String,
    prefix: String,
    session: WebSocket<TcpStream>,
    calls: BufReader<TcpStream>,
    messages: Vec<f64>,
    events: Vec<f64>,
}

pub(crate) fn run(words: &Words) -> Result<Value, Failure> {
    let (to, app) = (words.text("to")?, words.text("app")?);
    let runner = format!("127.0.0.1:{}", words.text("runner")?);
    let mut ways = [Way::new(to, &format!("/run/{app}"))?, Way::new(&runner, "")?];
    for number in 0..WARM + words.number("count")? {
        for way in &mut ways {
            let (message, event) = (way.message()?, way.event()?);
            if number >= WARM {
                way.messages.push(message);
                way.events.push(event);
            }
        }
    }
    let [platform, runner] = &mut ways;
    Ok(json!({
        "message": { "platform": p50(&mut platform.messages), "runner": p50(&mut runner.messages) },
        "event": { "platform": p50(&mut platform.events), "runner": p50(&mut runner.events) },
    }))
}

fn p50(micros: &mut [f64]) -> f64 {
    micros.sort_unstable_by(f64::total_cmp);
    micros.get(micros.len() / 2).copied().unwrap_or(f64::NAN)
}

impl Way {
    fn new(to: &str, prefix: &str) -> Result<Self, Failure> {
        let open = || -> Result<TcpStream, Failure> {
            let stream = TcpStream::connect(to)?;
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        let request = format!("ws://{to}{prefix}/live").into_client_request()?;
        let opened = tungstenite::client(request, open()?);
        let (mut session, _) = opened.map_err(|error| error.to_string())?;
        // What the runner says first.
        session.read()?;
        Ok(Self {
            to: to.to_owned(),
            prefix: prefix.to_owned(),
            session,
            calls: BufReader::new(open()?),
            messages: Vec::new(),
            events: Vec::new(),
        })
    }

    /// A message there and back, in microseconds.
    fn message(&mut self) -> Result<f64, Failure> {
        let message = Message::Binary(vec![7; MESSAGE].into());
        let begin = now();
        self.session.send(message)?;
        let back = self.session.read()?;
        let took = begin.elapsed();
        match back.len() {
            MESSAGE => Ok(took.as_secs_f64() * 1e6),
            other => Err(format!("{other} bytes came back").into()),
        }
    }

    /// From a request to the first event of its stream, in microseconds.
    fn event(&mut self) -> Result<f64, Failure> {
        let body = r#"{"events":2}"#;
        let request = format!(
            "POST {}/stream HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.prefix,
            self.to,
            body.len()
        );
        let begin = now();
        self.calls.get_mut().write_all(request.as_bytes())?;
        let (mut took, mut line) = (None, String::new());
        loop {
            line.clear();
            if self.calls.read_line(&mut line)? == 0 {
                return Err("the stream was cut".into());
            }
            if took.is_none() && line.starts_with("data:") {
                took = Some(begin.elapsed().as_secs_f64() * 1e6);
            }
            if line.trim_end() == "0" {
                self.calls.read_line(&mut line)?;
                return took.ok_or_else(|| "the stream had no event".into());
            }
        }
    }
}

/// Sends so many bytes, or has so many sent.
pub(crate) fn bulk(words: &Words) -> Result<Value, Failure> {
    let bytes: u64 = words.text("bytes")?.parse()?;
    let (to, path) = (words.text("to")?, words.text("path")?);
    let token = words.text("token").unwrap_or_default();
    let mut stream = BufReader::with_capacity(PIECE, TcpStream::connect(to)?);
    let begin = now();
    let order = format!(r#"{{"body_bytes":{bytes}}}"#);
    let head = |method: &str, kind: &str, length: u64| {
        format!(
            "{method} {path} HTTP/1.1\r\nhost: {to}\r\nauthorization: Bearer {token}\r\ncontent-type: {kind}\r\n\
             content-length: {length}\r\nconnection: close\r\n\r\n"
        )
    };
    let out = stream.get_mut();
    match words.text("way")? {
        "up" => {
            out.write_all(head("POST", "application/octet-stream", bytes).as_bytes())?;
            let piece = vec![7; PIECE];
            let mut left = bytes;
            while left > 0 {
                let now = left.min(PIECE as u64);
                out.write_all(piece.get(..usize::try_from(now)?).unwrap_or_default())?;
                left -= now;
            }
        }
        "down" => {
            let head = head("POST", "application/json", order.len() as u64);
            out.write_all(format!("{head}{order}").as_bytes())?;
        }
        _ => out.write_all(head("GET", "text/plain", 0).as_bytes())?,
    }
    let (mut status, mut line) = (String::new(), String::new());
    while line.trim_end() != "" || status.is_empty() {
        line.clear();
        stream.read_line(&mut line)?;
        if status.is_empty() {
            line.clone_into(&mut status);
        }
    }
    let (mut kept, mut all, mut buffer) = (Vec::new(), 0_u64, vec![0; PIECE]);
    loop {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        all += read as u64;
        if kept.len() < 4096 {
            kept.extend_from_slice(buffer.get(..read.min(4096)).unwrap_or_default());
        }
    }
    let status: u16 = status.split(' ').nth(1).unwrap_or_default().parse()?;
    let text = String::from_utf8_lossy(&kept).into_owned();
    Ok(json!({
        "status": status, "received": all, "seconds": begin.elapsed().as_secs_f64(), "text": text
    }))
}
