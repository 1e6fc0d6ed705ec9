//! Starts example programs, and speaks plain HTTP to them.

use std::{
    env,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

/// How long anything may take before a test gives up.
const BOUND: Duration = Duration::from_secs(20);

/// A started example program; killed when dropped.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
    port: u16,
}

/// An example program, built by cargo beside the tests.
pub(crate) fn example(name: &str) -> Command {
    let test = env::current_exe().unwrap();
    let target: PathBuf = test.ancestors().nth(2).unwrap().to_owned();
    #[expect(clippy::disallowed_methods, reason = "the test is about the process")]
    Command::new(target.join("examples").join(name))
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

impl Program {
    /// Starts an example on a free port with these variables.
    pub(crate) fn start(name: &str, vars: &[(&str, &str)]) -> Self {
        let port = free_port();
        let mut command = example(name);
        command.env("PORT", port.to_string()).envs(vars.iter().copied());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stderr, port }
    }

    /// The same, and waits for its port.
    pub(crate) fn ready(name: &str, vars: &[(&str, &str)]) -> Self {
        let mut program = Self::start(name, vars);
        program.line_with(" ready ");
        program
    }

    /// Reads its log up to a line that has this text.
    pub(crate) fn line_with(&mut self, text: &str) -> String {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert_ne!(
                self.stderr.read_line(&mut line).unwrap(),
                0,
                "the log ends before {text:?}"
            );
        }
        line
    }

    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    pub(crate) fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(self.address())?;
        stream.set_read_timeout(Some(BOUND))?;
        Ok(stream)
    }

    /// Sends a call and leaves its answer to be read.
    pub(crate) fn send(&self, path: &str, body: &str) -> TcpStream {
        let mut stream = self.connect().unwrap();
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: app\r\ncontent-type: application/json\r\n\
             x-fal-request-id: r-7\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all((head + body).as_bytes()).unwrap();
        stream
    }

    /// Starts a stream that is certainly in flight: its status has been read.
    pub(crate) fn stream(&self, body: &str) -> TcpStream {
        let mut stream = self.send("/stream", body);
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        assert_eq!(&status, b"HTTP/1.1 200");
        stream
    }

    /// Makes a call and returns its whole answer.
    pub(crate) fn call(&self, path: &str, body: &str) -> String {
        rest(&mut self.send(path, body))
    }

    pub(crate) fn signal(&self, signal: &str) {
        #[expect(clippy::disallowed_methods, reason = "std cannot send signals")]
        let status =
            Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for its end; the log that was not read, too.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let mut log = String::new();
        self.stderr.read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap(), log)
    }
}

/// What is left to read of an answer.
pub(crate) fn rest(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
