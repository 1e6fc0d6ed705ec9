//! A platform of one test's own.

mod reload;

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ExitStatus, Stdio},
    thread,
};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    App, Connection, Lab, Queued, Request, Response, eventually, http::fail, processes, program,
};

/// A platform that runs, or did. When it is dropped it is killed, and no process of its runners may be left.
#[derive(Debug)]
pub struct Platform {
    folder: Folder,
    child: Child,
    addr: SocketAddr,
    output: thread::JoinHandle<String>,
    ended: Option<ExitStatus>,
}

/// What outlives a restart.
#[derive(Debug)]
struct Folder {
    dir: TempDir,
    lab: Lab,
}

/// A runner, as the platform's tools show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runner {
    /// Its app.
    pub app: String,
    /// Its name.
    pub id: String,
    /// Its state, in fal's words.
    pub state: String,
    /// Why it is in that state.
    pub cause: String,
    /// Its process; 0 where there is none.
    pub pid: u32,
    /// Its port; 0 where there is none.
    pub port: u16,
    /// Requests that it works on.
    pub in_flight: u64,
    /// The revision of its app that it was started for.
    pub revision: u64,
    /// How it stands among the others.
    pub standing: String,
    /// Whether another takes its place.
    pub replacement: String,
    /// The GPUs that it holds.
    pub gpus: Vec<String>,
}

/// How a platform that did not start ended.
#[derive(Debug)]
pub struct Refused {
    /// Its exit code.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub output: String,
    /// What it wrote to standard error.
    pub log: String,
    folder: Folder,
}

impl Refused {
    /// Whether any runner was started.
    #[must_use]
    pub fn started_any(&self) -> bool {
        !self.folder.lab.starts().is_empty()
    }
}

impl Platform {
    /// Serves one app.
    #[must_use]
    #[track_caller]
    pub fn serving(app: App) -> Self {
        Self::start("", &[app])
    }

    /// Serves apps, with more lines at the head of the configuration.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    #[track_caller]
    pub fn start(head: &str, apps: &[App]) -> Self {
        Self::prepared(head, apps, |_| {})
    }

    /// The same, with a folder that the test puts something into first.
    #[must_use]
    #[track_caller]
    pub fn prepared(head: &str, apps: &[App], prepare: impl FnOnce(&Path)) -> Self {
        let folder = Folder::new();
        prepare(folder.dir.path());
        folder.configure(head, apps);
        Self::launch(folder, Stdio::null())
    }

    /// Starts with a configuration that has to be refused; the folder is prepared first.
    ///
    /// # Panics
    /// When it starts.
    #[must_use]
    #[track_caller]
    pub fn refused(config: &str, prepare: impl FnOnce(&Path)) -> Refused {
        let folder = Folder::new();
        prepare(folder.dir.path());
        fs::write(folder.config(), config).expect("the folder can be written");
        folder.refused()
    }

    #[track_caller]
    fn launch(folder: Folder, stdin: Stdio) -> Self {
        let command = folder.command();
        Self::launch_as(folder, command, stdin)
    }

    #[track_caller]
    fn launch_as(folder: Folder, command: std::process::Command, stdin: Stdio) -> Self {
        let mut child = folder.spawn(command, stdin);
        let mut lines = BufReader::new(child.stdout.take().expect("it was asked for"));
        let mut line = String::new();
        lines.read_line(&mut line).expect("standard output is text");
        let addr =
            line.strip_prefix("listening on http://").and_then(|addr| addr.trim().parse().ok());
        let log = || fs::read_to_string(folder.log()).unwrap_or_default();
        let addr = addr.unwrap_or_else(|| fail(&format!("it did not start: {line}{}", log())));
        let output = thread::spawn(move || {
            let mut rest = String::new();
            lines.read_to_string(&mut rest).map_or_else(|error| error.to_string(), |_| rest)
        });
        Self { folder, child, addr, output, ended: None }
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its folder, in which `data` is the data directory and `fal.toml` the configuration.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.folder.dir.path()
    }

    /// The folder of its runners.
    #[must_use]
    pub const fn lab(&self) -> &Lab {
        &self.folder.lab
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.log()).unwrap_or_default()
    }

    /// Sends a request and reads the whole answer.
    #[must_use]
    #[track_caller]
    pub fn send(&self, request: &Request) -> Response {
        request.send(self.addr)
    }

    /// A GET of a path.
    #[must_use]
    #[track_caller]
    pub fn get(&self, path: &str) -> Response {
        self.send(&Request::new("GET", path))
    }

    /// A direct call of `demo/lab`.
    #[must_use]
    #[track_caller]
    pub fn call(&self, body: &Value) -> Response {
        self.begin(body).response()
    }

    /// A direct call of `demo/lab` whose answer can be read later.
    #[must_use]
    #[track_caller]
    pub fn begin(&self, body: &Value) -> Connection {
        Request::new("POST", "/run/demo/lab").json(body).begin(self.addr)
    }

    /// Submits to `demo/lab`.
    #[must_use]
    #[track_caller]
    pub fn submit(&self, body: &Value) -> Queued<'_> {
        self.submit_as(&Request::new("POST", "/queue/demo/lab").json(body))
    }

    /// Submits to `demo/lab` with one header.
    #[must_use]
    #[track_caller]
    pub fn submit_with(&self, name: &str, value: &str, body: &Value) -> Queued<'_> {
        self.submit_as(&Request::new("POST", "/queue/demo/lab").json(body).header(name, value))
    }

    /// Submits to `demo/lab` in any way.
    ///
    /// # Panics
    /// When it is not accepted.
    #[must_use]
    #[track_caller]
    pub fn submit_as(&self, request: &Request) -> Queued<'_> {
        let submitted = self.send(request).is(200).json();
        let id =
            submitted.get("request_id").and_then(Value::as_str).expect("it has an id").to_owned();
        Queued { platform: self, app: "demo/lab".to_owned(), id, submitted }
    }

    /// A request that was submitted before, as of `demo/lab`.
    #[must_use]
    pub fn queued(&self, id: &str) -> Queued<'_> {
        let (app, id) = ("demo/lab".to_owned(), id.to_owned());
        Queued { platform: self, app, id, submitted: Value::Null }
    }

    /// All runners as they are now.
    ///
    /// # Panics
    /// When the platform does not say.
    #[must_use]
    #[track_caller]
    pub fn runners(&self) -> Vec<Runner> {
        let body = self.get("/api/runners").is(200).json();
        let runners = body.get("runners").and_then(Value::as_array).expect("a list of runners");
        runners.iter().map(Runner::read).collect()
    }

    /// Waits until exactly one runner is ready and nothing else is there; returns its process.
    ///
    /// # Panics
    /// When it does not come to that.
    #[track_caller]
    #[expect(clippy::must_use_candidate, reason = "most tests only wait")]
    pub fn only_runner(&self) -> u32 {
        eventually("one runner, ready", || match self.runners().as_slice() {
            [runner] if runner.is_ready() => Some(runner.pid),
            _ => None,
        })
    }

    /// Waits until a runner other than `old` is ready and `old` is gone; returns its process.
    ///
    /// # Panics
    /// When it does not come to that.
    #[track_caller]
    #[expect(clippy::must_use_candidate, reason = "most tests only wait")]
    pub fn replaced(&self, old: u32) -> u32 {
        eventually(&format!("runner {old} is replaced"), || {
            let ready = self.runners().into_iter().find(|runner| runner.is_ready())?;
            (ready.pid != old && !processes::is_alive(old)).then_some(ready.pid)
        })
    }

    /// Kills it as nothing else can be killed, and waits for its end.
    ///
    /// # Panics
    /// When it was not running.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.ended = Some(self.child.wait().expect("it ends"));
    }

    /// Asks it to stop, and waits for its end.
    ///
    /// # Panics
    /// When it does not end.
    #[track_caller]
    pub fn stop(&mut self) -> ExitStatus {
        processes::signal(self.pid(), Signal::TERM);
        self.exit()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end.
    #[track_caller]
    pub fn exit(&mut self) -> ExitStatus {
        let ended =
            eventually("the platform ends", || self.child.try_wait().expect("it is a child"));
        self.ended = Some(ended);
        ended
    }

    /// After its end: starts another on the same folder. Answers what the first wrote to standard output after its
    /// first line.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    #[track_caller]
    pub fn restart(self) -> Self {
        Self::launch(self.take_folder(), Stdio::null())
    }

    /// After its end: what it wrote to standard output after its first line.
    ///
    /// # Panics
    /// When it has not ended.
    #[must_use]
    pub fn rest_of_output(&mut self) -> String {
        assert!(self.ended.is_some(), "it has ended");
        let output = std::mem::replace(&mut self.output, thread::spawn(String::new));
        output.join().expect("reading does not fail")
    }

    /// Starts a second platform with the same configuration, which has to fail.
    ///
    /// # Panics
    /// When it starts.
    #[must_use]
    #[track_caller]
    pub fn second(&self) -> (Option<i32>, String) {
        let mut second = self.folder.command();
        let output = second.stdin(Stdio::null()).output().expect("it can be started");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Every process that descends from a runner.
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        self.folder.processes()
    }

    fn take_folder(mut self) -> Folder {
        assert!(self.ended.is_some(), "it has ended");
        std::mem::replace(&mut self.folder, Folder::new())
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        if self.ended.is_none() {
            self.kill();
        }
        if thread::panicking() {
            show(&self.log());
            for left in self.folder.processes() {
                processes::signal(left, Signal::KILL);
            }
        } else {
            let none = || self.folder.processes().is_empty().then_some(());
            eventually("no process of a runner is left", none);
        }
    }
}

impl Folder {
    fn new() -> Self {
        let dir = TempDir::with_prefix("fal-").expect("there is room for a folder");
        let lab = Lab { dir: dir.path().join("lab") };
        fs::create_dir_all(lab.dir.join("requests")).expect("the folder can be written");
        Self { dir, lab }
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("fal.toml")
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    fn configure(&self, head: &str, apps: &[App]) {
        let lab = self.lab.dir.to_string_lossy();
        let sections: String = apps.iter().map(|app| app.section(&lab)).collect();
        let text = format!("listen = \"127.0.0.1:0\"\ndata_dir = \"data\"\n{head}\n{sections}");
        fs::write(self.config(), text).expect("the folder can be written");
    }

    fn command(&self) -> std::process::Command {
        let mut command = program::command(&program::server().to_string_lossy());
        command.args(["serve", "--config"]).arg(self.config()).stdin(Stdio::null());
        command
    }

    fn spawn(&self, mut command: std::process::Command, stdin: Stdio) -> Child {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log());
        let log = log.expect("the folder can be written");
        command.stdin(stdin).stdout(Stdio::piped()).stderr(log).spawn().expect("it can be started")
    }

    fn refused(self) -> Refused {
        let output = self.command().output().expect("it can be started");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, log) = (text(&output.stdout), text(&output.stderr));
        Refused { code: output.status.code(), output: out, log, folder: self }
    }

    fn processes(&self) -> Vec<u32> {
        processes::environment_holds(&format!("UNRULY_DIR={}", self.lab.dir.display()))
    }
}

impl Runner {
    fn read(value: &Value) -> Self {
        let text = |key| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let number = |key| value.get(key).and_then(Value::as_u64).unwrap_or_default();
        Self {
            app: text("app"),
            id: text("runner_id"),
            state: text("state"),
            cause: text("cause"),
            pid: u32::try_from(number("pid")).expect("process numbers are small"),
            port: u16::try_from(number("port")).expect("ports are small"),
            in_flight: number("in_flight_requests"),
            revision: number("revision"),
            standing: text("standing"),
            replacement: text("replacement"),
            gpus: value.get("gpus").and_then(Value::as_array).map_or_else(Vec::new, |gpus| {
                gpus.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }),
        }
    }

    /// Whether it takes requests.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        ["IDLE", "RUNNING"].contains(&self.state.as_str())
    }
}

#[expect(clippy::print_stderr, reason = "a failed test shows the platform's log")]
fn show(log: &str) {
    eprintln!("--- the platform's log ---\n{log}--- end of the log ---");
}
