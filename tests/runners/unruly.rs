//! A runner that misbehaves on command: plain sockets and threads, so that nothing keeps it from lying.
//!
//! Each call's body is a JSON object, all of it optional:
//!
//! | field | effect |
//! |---|---|
//! | `status` | this status, any three digits |
//! | `headers` | an object of headers to answer |
//! | `body`, `body_bytes` | this text, or so many bytes, instead of the usual answer |
//! | `truncate_at` | announces the whole body and closes the connection after so many bytes of it |
//! | `chunked` | the body's length is not announced; with `truncate_at`, the last chunk never comes |
//! | `until_close` | neither length nor chunks: the end of the connection ends the body |
//! | `garbage` | this text instead of an answer, and the connection is closed |
//! | `events` | a stream of so many events, the second and later ones held by `hold_stream` |
//! | `hold`, `hold_stream` | waits until the file of this name is in `UNRULY_DIR` |
//! | `hold_cancel` | waits until the cancel signal for this request has come |
//! | `sleep_ms` | waits before it answers |
//! | `crash` | `abort` or `kill`: ends the process; with `events`, after them |
//! | `crash_after` | the same, after so many bytes of the body |
//! | `crash_after_answer` | the same, after the whole answer |
//! | `drop` | closes the connection without an answer |
//! | `close` | closes the connection after the answer, as some servers do after an error |
//! | `close_port` | accepts no connection any more; those that are open stay |
//! | `print`, `print_error` | prints this line |
//! | `print_late` | prints this line after all waiting |
//! | `print_after` | prints this line after the answer, and makes the file `printed-ID` then |
//! | `spawn` | `child` or `setsid`: leaves a process behind, whose number is `spawned` in the answer |
//! | `delete` | removes a file of this name in `UNRULY_DIR` |
//! | `drop_reused` | the same as `drop`, on a connection that has served a request before |
//! | `script` | an object like this one for each of the first attempts; the rest is for later ones |
//!
//! The usual answer is an object: `pid`, `port`, `request_id`, `method`, `path`, `attempt`, `connection`,
//! `served` (requests that its connection has seen before), `headers` (lower case), `received` (bytes), `text`,
//! `spawned`, `env`.
//!
//! A WebSocket handshake is answered as its path says: `/refuse/STATUS` with this status, `/hold/NAME` when that file is
//! there, `/deaf` never, any other with 101 and the first subprotocol that is offered. The first message of a session is
//! the usual object. Then text is an object that says what to do, and binary messages come back as they are:
//!
//! | field | effect |
//! |---|---|
//! | `say` | this text |
//! | `flood` | so many binary messages of 64 KiB |
//! | `close` | closes with this code |
//! | `silent` | answers nothing any more, not even a close, until the file of this name is there |
//! | `part` | sends half of a frame and no more |
//! | `drop` | closes the connection without a close |
//! | `crash` | as above |
//!
//! Environment: `UNRULY_DIR`, where `starts` and `calls` get one JSON line each, and `requests/ID` one per attempt;
//! `UNRULY_FAIL_STARTS` fails that many starts; `UNRULY_HOLD_SETUP` waits for that file before the port opens;
//! `UNRULY_FAIL_WHILE` fails every start while that file is there; `UNRULY_NO_PORT` never opens the port;
//! `UNRULY_SPAWN` is `spawn` at the start; `UNRULY_CANCEL_STATUS` answers the cancel signal. `GET /health` fails while the file `unhealthy` is there, and hangs while
//! `hanging` is.

#[path = "unruly/answer.rs"]
mod answer;
#[path = "unruly/journal.rs"]
mod journal;
#[path = "unruly/message.rs"]
mod message;
#[path = "unruly/session.rs"]
mod session;

use std::{
    env, io,
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
};

use crate::journal::Journal;

/// What all connections share.
#[derive(Debug)]
struct Lab {
    journal: Journal,
    port: u16,
    is_closed: AtomicBool,
    connections: AtomicU32,
    spawned: u32,
}

#[expect(clippy::disallowed_methods, reason = "a runner is told everything in its environment")]
fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

fn main() -> io::Result<ExitCode> {
    let journal = Journal::new(variable("UNRULY_DIR"));
    let port = variable("PORT").and_then(|port| port.parse().ok()).unwrap_or(8080);
    let start = journal.start(port)?;
    let fails = variable("UNRULY_FAIL_STARTS").and_then(|number| number.parse::<usize>().ok());
    if fails.is_some_and(|fails| start <= fails) {
        return Ok(ExitCode::from(3));
    }
    if let Some(name) = variable("UNRULY_HOLD_SETUP") {
        journal.hold(&name);
    }
    if variable("UNRULY_FAIL_WHILE").is_some_and(|name| journal.is_there(&name)) {
        return Ok(ExitCode::from(3));
    }
    let spawned = variable("UNRULY_SPAWN").map_or(Ok(0), |how| answer::spawn(&how))?;
    while variable("UNRULY_NO_PORT").is_some() {
        thread::park();
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    journal.ready(port)?;
    let (is_closed, connections) = (AtomicBool::new(false), AtomicU32::new(0));
    accept(listener, Arc::new(Lab { journal, port, is_closed, connections, spawned }));
    // The connections live on.
    loop {
        thread::park();
    }
}

/// Accepts until a call closes the port.
#[expect(clippy::needless_pass_by_value, reason = "the port closes when the listener is dropped")]
fn accept(listener: TcpListener, lab: Arc<Lab>) {
    for stream in listener.incoming() {
        if lab.is_closed.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let lab = Arc::clone(&lab);
        thread::spawn(move || answer::serve(&stream, &lab));
    }
}

impl Lab {
    /// Returns when nobody listens on the port any more.
    fn close_port(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {}
    }
}
