//! A caller: plain sockets, one kept connection.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use parking_lot::Mutex;
use serde_json::Value;

use crate::{Failure, audit::Book, nodes::APP};

/// What a request's result is.
#[derive(Debug)]
pub(crate) enum Answer {
    /// There is none yet.
    Pending,
    /// There is no such request.
    Unknown,
    /// It has ended.
    Result {
        status: u16,
        /// What tells its execution from any other.
        execution: String,
    },
}

/// A kept connection.
pub(crate) struct Connection {
    address: String,
    stream: BufReader<TcpStream>,
}

pub(crate) fn open(address: &str) -> Result<Connection, Failure> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.set_nodelay(true)?;
    Ok(Connection { address: address.to_owned(), stream: BufReader::new(stream) })
}

struct Response {
    status: u16,
    execution: String,
    body: Vec<u8>,
}

impl Connection {
    fn send(&mut self, method: &str, path: &str, body: &str) -> Result<Response, Failure> {
        let (host, length) = (&self.address, body.len());
        let kind = "content-type: application/json";
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\n{kind}\r\ncontent-length: {length}\r\n\r\n"
        );
        self.stream.get_mut().write_all(format!("{head}{body}").as_bytes())?;
        self.read()
    }

    fn read(&mut self) -> Result<Response, Failure> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).ok_or("the connection has ended")?.parse()?;
        let (mut length, mut execution) = (0, String::new());
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim().split_once(": ") else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse()?,
                "x-bench-written" | "x-bench-pid" => execution.push_str(value),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Response { status, execution, body })
    }
}

/// Submits, and asks for results in between, until the round is over or the platform is gone.
pub(crate) fn call(address: &str, book: &Mutex<Book>, over: &AtomicBool) {
    let Ok(mut connection) = open(address) else { return };
    let mut number = 0_usize;
    while !over.load(Ordering::Relaxed) {
        number += 1;
        if one(&mut connection, book, number).is_err() {
            // It was killed, as it should be.
            return;
        }
    }
}

fn one(connection: &mut Connection, book: &Mutex<Book>, number: usize) -> Result<(), Failure> {
    let response = connection.send("POST", &format!("/queue/{APP}"), "{}")?;
    if response.status == 200 {
        let said: Value = serde_json::from_slice(&response.body)?;
        let id = said.get("request_id").and_then(Value::as_str).ok_or("no id")?.to_owned();
        book.lock().acknowledge(id);
    }
    if !number.is_multiple_of(4) {
        return Ok(());
    }
    let some = book.lock().some(number * 7);
    if let Some(id) = some
        && let Answer::Result { execution, .. } = result(connection, &id)?
    {
        book.lock().saw(&id, execution);
    }
    Ok(())
}

/// The result of a request, as it is now.
pub(crate) fn result(connection: &mut Connection, id: &str) -> Result<Answer, Failure> {
    let response = connection.send("GET", &format!("/queue/{APP}/requests/{id}"), "")?;
    let is_pending =
        response.status == 400 && String::from_utf8_lossy(&response.body).contains("in progress");
    Ok(match response.status {
        _ if is_pending => Answer::Pending,
        404 => Answer::Unknown,
        status => Answer::Result { status, execution: response.execution },
    })
}
