//! One call: what it asks for is done to whoever asked.

use std::{
    env,
    io::{self, BufReader, Write},
    net::TcpStream,
    process,
    sync::atomic::Ordering,
    time::Duration,
};

use rustix::process::{Signal, getpid, kill_process};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{Lab, journal::pause, message::Request, session};

/// What a call may ask for; see the program's text.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Orders {
    status: Option<u16>,
    headers: Map<String, Value>,
    body: Option<String>,
    body_bytes: Option<usize>,
    truncate_at: Option<usize>,
    chunked: Option<bool>,
    until_close: Option<bool>,
    garbage: Option<String>,
    events: Option<usize>,
    hold: Option<String>,
    hold_stream: Option<String>,
    hold_cancel: Option<bool>,
    sleep_ms: u64,
    crash: Option<String>,
    crash_after: Option<usize>,
    crash_after_answer: Option<String>,
    drop: Option<bool>,
    close: Option<bool>,
    close_port: Option<bool>,
    print: Option<String>,
    print_error: Option<String>,
    print_late: Option<String>,
    print_after: Option<String>,
    spawn: Option<String>,
    delete: Option<String>,
    drop_reused: Option<bool>,
    /// The process that answers 500, whatever else is asked for.
    fail_pid: Option<u32>,
    script: Vec<Self>,
}

/// Answers the requests of one connection until one of them ends it.
pub(crate) fn serve(stream: &TcpStream, lab: &Lab) {
    let connection = lab.connections.fetch_add(1, Ordering::SeqCst);
    drop(stream.set_nodelay(true));
    let mut input = BufReader::new(stream);
    for served in 0.. {
        let Some(request) = Request::read(&mut input) else { return };
        if request.headers.get("upgrade").is_some_and(|name| name == "websocket") {
            // Whatever ends a session badly is what its test wanted.
            drop(session::serve(&request, input, lab));
            return;
        }
        if !matches!(answer(&request, (connection, served), &mut &*stream, lab), Ok(true)) {
            return;
        }
    }
}

/// Does what one request asks for; true when the connection goes on.
fn answer(
    request: &Request,
    (connection, served): (u32, u32),
    out: &mut dyn Write,
    lab: &Lab,
) -> io::Result<bool> {
    let id = request.id();
    let command: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    lab.journal.call(&json!({
        "pid": process::id(), "request_id": id, "method": request.method, "path": request.path,
        "tag": command.get("tag"), "headers": request.headers,
    }))?;
    if request.path == "/health" {
        return health(out, lab);
    }
    if request.path.ends_with("/cancel") {
        lab.journal.create(&format!("cancel-{id}"))?;
        let status = crate::variable("UNRULY_CANCEL_STATUS").unwrap_or_else(|| "200".to_owned());
        return write!(out, "HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n").map(|()| true);
    }
    let attempt = if id.is_empty() { 1 } else { lab.journal.attempt(id)? };
    let mut orders: Orders = serde_json::from_value(command).unwrap_or_default();
    if attempt <= orders.script.len() {
        orders = orders.script.swap_remove(attempt - 1);
    }
    if orders.fail_pid == Some(process::id()) {
        orders.status = Some(500);
    }
    let spawned = orders.spawn.as_deref().map_or(Ok(lab.spawned), spawn)?;
    obey(&orders, id, lab)?;
    if orders.drop == Some(true) || orders.drop_reused == Some(true) && served > 0 {
        return Ok(false);
    }
    let body = body(&orders).unwrap_or_else(|| {
        let env: Map<_, _> = env::vars()
            .filter(|(name, _)| {
                let begins = |with: &str| name.starts_with(with);
                ["PORT", "PROBE"].contains(&name.as_str()) || begins("FAL_") || begins("CUDA_")
            })
            .map(|(name, value)| (name, value.into()))
            .collect();
        let usual = json!({
            "served": served,
            "pid": process::id(), "port": lab.port, "request_id": id, "method": request.method,
            "path": request.path, "attempt": attempt, "connection": connection,
            "headers": request.headers, "received": request.body.len(), "spawned": spawned,
            "text": String::from_utf8_lossy(request.body.get(..200).unwrap_or(&request.body)), "env": env,
        });
        usual.to_string().into_bytes()
    });
    let goes_on = send(&orders, &body, out, lab)?;
    if let Some(line) = &orders.print_after {
        writeln!(io::stdout(), "{line}")?;
        lab.journal.create(&format!("printed-{id}"))?;
    }
    Ok(goes_on)
}

/// What comes before the answer.
fn obey(orders: &Orders, id: &str, lab: &Lab) -> io::Result<()> {
    if let Some(line) = &orders.print {
        writeln!(io::stdout(), "{line}")?;
    }
    if let Some(line) = &orders.print_error {
        writeln!(io::stderr(), "{line}")?;
    }
    if let Some(name) = &orders.delete {
        lab.journal.delete(name)?;
    }
    if let Some(name) = &orders.hold {
        lab.journal.hold(name);
    }
    if orders.hold_cancel == Some(true) {
        lab.journal.hold(&format!("cancel-{id}"));
    }
    pause(Duration::from_millis(orders.sleep_ms));
    if let Some(line) = &orders.print_late {
        writeln!(io::stdout(), "{line}")?;
    }
    if orders.close_port == Some(true) {
        lab.close_port();
    }
    if let (Some(how), None, None) = (&orders.crash, orders.crash_after, orders.events) {
        end(how);
    }
    Ok(())
}

fn body(orders: &Orders) -> Option<Vec<u8>> {
    match (&orders.body, orders.body_bytes) {
        (Some(text), _) => Some(text.clone().into_bytes()),
        (None, Some(size)) => Some(vec![b'x'; size]),
        (None, None) => None,
    }
}

/// Writes the answer, or as much of it as is asked for.
fn send(orders: &Orders, body: &[u8], out: &mut dyn Write, lab: &Lab) -> io::Result<bool> {
    if let Some(text) = &orders.garbage {
        return out.write_all(text.as_bytes()).map(|()| false);
    }
    let until_close = orders.until_close == Some(true);
    let chunked = orders.chunked == Some(true) || orders.events.is_some();
    let mut head = format!("HTTP/1.1 {} As Asked\r\n", orders.status.unwrap_or(200));
    for (name, value) in &orders.headers {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        head.push_str(&format!("{name}: {text}\r\n"));
    }
    if chunked {
        head.push_str("transfer-encoding: chunked\r\n");
    } else if !until_close {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    out.write_all(format!("{head}\r\n").as_bytes())?;
    if let Some(events) = orders.events {
        return stream(orders, events, out, lab);
    }
    let cut = orders.truncate_at.or(orders.crash_after);
    let sent = cut.and_then(|at| body.get(..at)).unwrap_or(body);
    if chunked && !sent.is_empty() {
        out.write_all(format!("{:x}\r\n", sent.len()).as_bytes())?;
        out.write_all(sent)?;
        out.write_all(b"\r\n")?;
    } else {
        out.write_all(sent)?;
    }
    if let (Some(how), Some(_)) = (&orders.crash, orders.crash_after) {
        end(how);
    }
    if chunked && cut.is_none() {
        out.write_all(b"0\r\n\r\n")?;
    }
    if let Some(how) = &orders.crash_after_answer {
        end(how);
    }
    Ok(cut.is_none() && !until_close && orders.close != Some(true))
}

fn stream(orders: &Orders, events: usize, out: &mut dyn Write, lab: &Lab) -> io::Result<bool> {
    for number in 0..events {
        if let (1.., Some(name)) = (number, &orders.hold_stream) {
            lab.journal.hold(name);
        }
        let event = format!("data: {number}\n\n");
        write!(out, "{:x}\r\n{event}\r\n", event.len())?;
    }
    if let Some(how) = &orders.crash {
        end(how);
    }
    if orders.truncate_at.is_some() {
        return Ok(false);
    }
    out.write_all(b"0\r\n\r\n").map(|()| true)
}

fn health(out: &mut dyn Write, lab: &Lab) -> io::Result<bool> {
    if lab.journal.is_there("hanging") {
        lab.journal.hold("hanging-is-over");
    }
    let status = if lab.journal.is_there("unhealthy") { 500 } else { 200 };
    write!(out, "HTTP/1.1 {status} Health\r\ncontent-length: 0\r\n\r\n").map(|()| true)
}

pub(crate) fn end(how: &str) {
    if how == "abort" {
        process::abort();
    }
    kill_process(getpid(), Signal::KILL).expect("a process may end itself");
}

/// Leaves a process behind: in this process group, or in a session of its own.
#[expect(
    clippy::disallowed_methods,
    reason = "a process left behind is what the platform must find"
)]
pub(crate) fn spawn(how: &str) -> io::Result<u32> {
    let mut command = if how == "setsid" {
        let mut command = process::Command::new("setsid");
        command.arg("sleep");
        command
    } else {
        process::Command::new("sleep")
    };
    Ok(command.arg("86400").spawn()?.id())
}
