//! This test binary as another program: a guard, a platform, a server.

use std::{
    env,
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process, thread,
};

use fal_supervisor::{Launch, Supervisor};

use crate::stage::{News, options, shell};

const ROLE: &str = "FAL_TEST_ROLE";

/// The command line of this binary in a role.
pub(crate) fn command(role: &str) -> Vec<String> {
    let binary = env::current_exe().expect("this binary").display().to_string();
    let role = format!("{ROLE}={role}");
    let test = "program::this_binary_can_be_another_program";
    ["env", &role, &binary, "--exact", test, "--nocapture"].map(str::to_owned).to_vec()
}

#[expect(clippy::disallowed_methods, reason = "the role is told in the environment")]
fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

#[test]
fn this_binary_can_be_another_program() {
    match variable(ROLE).as_deref() {
        Some("guard") => {
            fal_supervisor::guard().expect("the guard keeps watch");
        }
        Some("platform") => platform(),
        Some("server") => serve(),
        _ => {}
    }
}

/// Starts a runner from the script on its command and prints what it prints, for ever.
fn platform() {
    let state = variable("FAL_TEST_STATE").expect("a directory");
    let script = variable("FAL_TEST_SCRIPT").expect("a script");
    let (supervisor, leftovers) = Supervisor::start(&options(state.into())).expect("it starts");
    say(&format!("\nleftovers {}", leftovers.runners));
    let launch = Launch {
        app: "acme/test".to_owned(),
        runner: "runner-1".to_owned(),
        command: shell(&script),
        cwd: "/".into(),
        env: Vec::new(),
    };
    let (mut news, sink) = News::new();
    let _runner = supervisor.launch(&launch, &sink).expect("a shell starts");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime").block_on(async {
        say(&format!("runner {}", news.after("runner ").await));
        say(&format!("stray {}", news.after("stray ").await));
        std::future::pending::<()>().await;
    });
}

/// Begins with a line end where the test harness may have left a line begun.
fn say(text: &str) {
    writeln!(io::stdout(), "{text}").expect("somebody listens");
}

fn serve() {
    let port = variable("PORT").and_then(|port| port.parse().ok()).expect("a port");
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
    for (connection, stream) in (0..).zip(listener.incoming()) {
        let stream = stream.expect("a connection");
        thread::spawn(move || converse(connection, &stream));
    }
}

/// Answers requests on one connection until one of them ends it.
fn converse(connection: u32, stream: &TcpStream) {
    let mut input = BufReader::new(stream);
    for number in 1.. {
        let Some(request) = Request::read(&mut input) else { return };
        let answered = answer(&request, (connection, number), &mut &*stream);
        if !matches!(answered, Ok(true)) {
            return;
        }
    }
}

struct Request {
    path: String,
    head: String,
    body: Vec<u8>,
}

impl Request {
    fn read(input: &mut BufReader<&TcpStream>) -> Option<Self> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if input.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let lower = head.to_lowercase();
        let header =
            |name: &str| lower.lines().find_map(|line| line.strip_prefix(name).map(str::trim));
        let mut body = Vec::new();
        if let Some(length) = header("content-length:") {
            body.resize(length.parse().ok()?, 0);
            input.read_exact(&mut body).ok()?;
        } else if header("transfer-encoding:") == Some("chunked") {
            while !body.ends_with(b"\r\n0\r\n\r\n") {
                input.read_until(b'\n', &mut body).ok().filter(|length| *length > 0)?;
            }
        }
        let path = head.split(' ').nth(1)?.to_owned();
        Some(Self { path, head, body })
    }
}

/// Answers one request; true when the connection goes on.
fn answer(
    request: &Request,
    (connection, number): (u32, u32),
    out: &mut dyn Write,
) -> io::Result<bool> {
    match request.path.as_str() {
        "/drop" => return Ok(false),
        "/drop-if-used" if number > 1 => return Ok(false),
        "/echo" => whole(out, &request.body)?,
        "/head" => whole(out, request.head.as_bytes())?,
        "/refuse" => {
            write!(out, "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n")?
        }
        "/on-demand-only" if request.head.contains("x-fal-runner-health-check: true") => {
            whole(out, b"")?
        }
        "/on-demand-only" => {
            write!(out, "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")?;
        }
        "/hints" => {
            write!(out, "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n")?;
            whole(out, b"after hints")?;
        }
        "/until-close" => {
            write!(out, "HTTP/1.0 200 OK\r\n\r\nto the end")?;
            return Ok(false);
        }
        "/answer-and-die" => {
            whole(out, b"last words")?;
            process::abort();
        }
        "/die" => process::abort(),
        "/hang" => {
            say("\nhanging");
            thread::park();
        }
        "/hang-in-body" => {
            write!(out, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")?;
            thread::park();
        }
        path if path.starts_with("/bad") => return bad(path, out).map(|()| false),
        _ => whole(out, format!("{connection} {number}").as_bytes())?,
    }
    Ok(true)
}

/// Answers that no server should give; the connection ends after each.
fn bad(path: &str, out: &mut dyn Write) -> io::Result<()> {
    match path {
        "/bad-half-head" => write!(out, "HTTP/1.1 200 OK\r\ncontent-le"),
        "/bad-short" => write!(out, "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort"),
        "/bad-short-chunked" => {
            write!(out, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nshort\r\n")
        }
        "/bad-chunk" => {
            write!(
                out,
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nshort\r\nzzz\r\n"
            )
        }
        "/bad-large-head" => headers(out, 17, 1000),
        "/bad-huge-head" => headers(out, 99, 1000),
        "/bad-many-headers" => headers(out, 200, 1),
        "/bad-allowed-head" => headers(out, 15, 1000),
        "/bad-switch" => {
            write!(
                out,
                "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"
            )
        }
        _ => write!(out, "this is not HTTP at all\r\n\r\n"),
    }
}

fn whole(out: &mut dyn Write, body: &[u8]) -> io::Result<()> {
    let mut answer =
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    out.write_all(&answer)
}

fn headers(out: &mut dyn Write, count: usize, length: usize) -> io::Result<()> {
    let mut head = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n".to_owned();
    for number in 0..count {
        head.push_str(&format!("x-{number}: {}\r\n", "v".repeat(length)));
    }
    out.write_all(format!("{head}\r\n").as_bytes())
}
