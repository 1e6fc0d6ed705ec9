//! A PostgreSQL server of a test's own, from the distribution's package.
//!
//! It listens on a free port of loopback and on a socket in its own folder, trusts everybody, and flushes like a real one
//! unless a test sets otherwise. Dropped, it ends and its folder goes; where the test's process dies first, a shell that
//! holds the other end of a pipe does the same.

use std::{
    cell::Cell,
    fs,
    io::Write as _,
    net::TcpListener,
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
};

use rustix::process::{Signal, getuid};
use tempfile::TempDir;

use crate::{eventually, processes, program};

/// Said where the programs are not found.
const MISSING: &str =
    "PostgreSQL's server is missing; these tests start their own: apt-get install postgresql";

/// What is set for every server: small, because a test has one to itself.
const SETTINGS: [(&str, &str); 5] = [
    ("listen_addresses", "'127.0.0.1'"),
    ("shared_buffers", "32MB"),
    ("max_connections", "60"),
    ("wal_level", "replica"),
    ("log_min_messages", "warning"),
];

/// Ends the server and removes its folder, once whoever holds the other end of its input is gone.
const WATCH: &str = r#"
while read -r _; do :; done
if pid=$(head -n 1 "$0/data/postmaster.pid" 2>/dev/null); then
    kill -QUIT "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
fi
rm -rf "$0"
"#;

/// A server, running or not.
#[derive(Debug)]
pub struct Postgres {
    dir: TempDir,
    programs: PathBuf,
    owner: Option<Owner>,
    port: u16,
    server: Option<Child>,
    watch: Child,
    databases: Cell<u32>,
}

/// Whom the server runs as where the test is root, which it refuses to be.
#[derive(Debug, Clone, Copy)]
struct Owner {
    user: u32,
    group: u32,
}

/// A connection that does what it is told and is otherwise idle: for locks and snapshots that are held.
#[derive(Debug)]
pub struct Session {
    program: Child,
    input: ChildStdin,
}

impl Postgres {
    /// A new server, which accepts connections.
    ///
    /// # Panics
    /// When the package is not installed, or the server does not start.
    #[must_use]
    #[track_caller]
    pub fn start() -> Self {
        let mut server = Self::prepared();
        let data = server.data();
        let options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"];
        server.finish(server.program("initdb").arg("-D").arg(data).args(options));
        for (name, value) in SETTINGS {
            server.set(name, value);
        }
        server.launch();
        server
    }

    /// A copy of this server that follows it, asynchronously until this one is told to wait for it. It connects as
    /// `name`.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    #[track_caller]
    pub fn standby(&self, name: &str) -> Self {
        let mut standby = Self::prepared();
        let data = standby.data();
        let from =
            format!("host=127.0.0.1 port={} user=postgres application_name={name}", self.port);
        let options = ["--write-recovery-conf", "--checkpoint=fast", "--no-sync", "-d", &from];
        standby.finish(standby.program("pg_basebackup").arg("-D").arg(data).args(options));
        standby.launch();
        let follow = "SELECT count(*) FROM pg_stat_replication";
        eventually("it follows", || (self.run("postgres", follow) != "0").then_some(()));
        standby
    }

    #[track_caller]
    fn prepared() -> Self {
        let programs = programs();
        let dir = tempfile::Builder::new().prefix("fal-postgres-").tempdir();
        let dir = dir.expect("a folder for the server");
        let owner = getuid().is_root().then(|| owner("/etc/passwd"));
        if let Some(owner) = owner {
            chown(dir.path(), Some(owner.user), Some(owner.group)).expect("root may do so");
        }
        let mut watch = program::command("sh");
        let watch = watch.args(["-c", WATCH]).arg(dir.path()).stdin(Stdio::piped());
        // A signal to the test's group must not end it before it has done its work.
        let watch = watch.process_group(0).spawn().expect("a shell");
        Self { dir, programs, owner, port: 0, server: None, watch, databases: Cell::new(0) }
    }

    /// Where `database` is, over TCP.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgresql://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Where `database` is, over the socket.
    #[must_use]
    pub fn socket_url(&self, database: &str) -> String {
        let dir = self.dir.path().display();
        format!("postgresql://postgres@/{database}?host={dir}&port={}", self.port)
    }

    /// Creates an empty database and answers its name.
    #[must_use]
    #[track_caller]
    pub fn database(&self) -> String {
        let number = self.databases.get() + 1;
        self.databases.set(number);
        let name = format!("test_{number}");
        self.run("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// Runs statements as the superuser, and answers the rows as text, their columns between bars.
    ///
    /// # Panics
    /// When one fails.
    #[track_caller]
    pub fn run(&self, database: &str, statements: &str) -> String {
        let mut psql = self.psql(database);
        self.finish(psql.args(["-v", "ON_ERROR_STOP=1", "-c", statements]))
    }

    /// A connection that stays.
    ///
    /// # Panics
    /// When the program does not start.
    #[must_use]
    #[track_caller]
    pub fn session(&self, database: &str) -> Session {
        let mut psql = self.psql(database);
        let psql = psql.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut program = psql.spawn().expect("psql starts");
        let input = program.stdin.take().expect("it was asked for");
        Session { program, input }
    }

    fn psql(&self, database: &str) -> Command {
        let mut psql = self.program("psql");
        psql.arg("-XAtq").arg(self.url(database));
        psql
    }

    /// Sets one of the server's settings, as it stands in its file; the last one counts, from the next start or reload on.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn set(&self, name: &str, value: &str) {
        let file = fs::OpenOptions::new().append(true).open(self.data().join("postgresql.conf"));
        let written = file.and_then(|mut file| writeln!(file, "{name} = {value}"));
        written.expect("the server's settings can be written");
    }

    /// Has the running server read its settings again, and waits until it has.
    #[track_caller]
    pub fn reload(&self) {
        let loaded = || self.run("postgres", "SELECT pg_conf_load_time()");
        let before = loaded();
        processes::signal(self.pid(), Signal::HUP);
        eventually("the settings are read", || (loaded() != before).then_some(()));
    }

    /// Starts the server after it has ended in whatever way.
    ///
    /// # Panics
    /// When it does not start.
    #[track_caller]
    pub fn launch(&mut self) {
        assert!(self.server.is_none(), "it runs already");
        // Another program may take a free port first.
        let started = (0..5).any(|_| self.launch_once());
        assert!(started, "no port was free");
    }

    /// False where its port was taken.
    #[track_caller]
    fn launch_once(&mut self) -> bool {
        if self.port == 0 {
            let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
            self.port = free.expect("a free port").port();
        }
        let mut server = self.program("postgres");
        server.arg("-D").arg(self.data()).arg("-p").arg(self.port.to_string());
        server.arg("-k").arg(self.dir.path());
        let log = fs::File::create(self.log()).expect("the folder can be written");
        let output = log.try_clone().expect("a file can be shared");
        let mut child = server.stdout(output).stderr(log).spawn().expect("postgres starts");
        let started = eventually("postgres accepts connections", || self.state(&mut child));
        if started {
            self.server = Some(child);
        } else {
            self.port = 0;
        }
        started
    }

    /// Whether it accepts connections; none while that is open, and false where its port was taken.
    fn state(&self, child: &mut Child) -> Option<bool> {
        if child.try_wait().expect("it is a child").is_some() {
            let log = fs::read_to_string(self.log()).unwrap_or_default();
            assert!(log.contains("Address already in use"), "postgres did not start: {log}");
            return Some(false);
        }
        // The server says in this file how far it is; one that was killed leaves an old one.
        let file = fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        let lines: Vec<_> = file.lines().map(str::trim).collect();
        let own = lines.first() == Some(&child.id().to_string().as_str());
        (own && lines.get(7) == Some(&"ready")).then_some(true)
    }

    /// Its first process.
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.server.as_ref().expect("it runs").id()
    }

    /// Kills all of its processes at once, as nothing else can be killed.
    ///
    /// # Panics
    /// When it does not run.
    #[track_caller]
    pub fn kill(&mut self) {
        let mut server = self.server.take().expect("it runs");
        let children = children_of(server.id());
        server.kill().expect("it runs");
        for child in &children {
            processes::signal(*child, Signal::KILL);
        }
        server.wait().expect("it ends");
        eventually("its processes end", || {
            children.iter().all(|child| !processes::is_alive(*child)).then_some(())
        });
    }

    /// Has it disconnect everybody and stop in good order.
    ///
    /// # Panics
    /// When it does not run, or does not stop.
    #[track_caller]
    pub fn stop(&mut self) {
        let mut server = self.server.take().expect("it runs");
        processes::signal(server.id(), Signal::INT);
        eventually("postgres stops", || server.try_wait().expect("it is a child"));
    }

    /// Stops it in good order and starts it again, with the settings that it has by now.
    #[track_caller]
    pub fn restart(&mut self) {
        self.stop();
        self.launch();
    }

    /// Makes a standby the server that is written to.
    #[track_caller]
    pub fn promote(&self) {
        self.run("postgres", "SELECT pg_promote()");
    }

    /// What the server has written since it was last launched.
    ///
    /// # Panics
    /// When that cannot be read.
    #[must_use]
    pub fn output(&self) -> String {
        fs::read_to_string(self.log()).expect("the folder can be read")
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// One of the package's programs, to be run as the server's owner and with none of the caller's settings.
    fn program(&self, name: &str) -> Command {
        let mut program = program::command(&self.programs.join(name).to_string_lossy());
        program.env_clear().env("LC_ALL", "C").current_dir(self.dir.path()).stdin(Stdio::null());
        if let Some(owner) = self.owner {
            program.uid(owner.user).gid(owner.group);
        }
        program
    }

    #[track_caller]
    fn finish(&self, program: &mut Command) -> String {
        let output = program.output().expect("the package's programs start");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program:?}: {said}");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            processes::signal(server.id(), Signal::QUIT);
            let _gone = server.wait();
        }
        let _gone = self.watch.kill();
        let _gone = self.watch.wait();
    }
}

impl Session {
    /// Has it run statements, and does not wait for them.
    ///
    /// # Panics
    /// When the session has ended.
    pub fn run(&mut self, statements: &str) {
        writeln!(self.input, "{statements};").expect("the session goes on");
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _gone = self.program.kill();
        let _gone = self.program.wait();
    }
}

/// The folder of the newest server that is installed.
#[track_caller]
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path())))
        .map(|(version, path)| (version, path.join("bin")))
        .filter(|(_, path)| path.join("initdb").is_file())
        .collect();
    found.sort_unstable();
    let packaged = found.pop().map(|(_, path)| path);
    packaged.or_else(in_path).expect(MISSING)
}

fn in_path() -> Option<PathBuf> {
    let mut which = program::command("sh");
    let output = which.args(["-c", "command -v initdb"]).output().ok()?;
    let path = String::from_utf8(output.stdout).ok()?;
    Path::new(path.trim())
        .parent()
        .filter(|path| path.join("postgres").is_file())
        .map(Path::to_owned)
}

#[track_caller]
fn owner(file: &str) -> Owner {
    let users = fs::read_to_string(file).unwrap_or_default();
    let line = users.lines().find_map(|line| line.strip_prefix("postgres:")).expect(MISSING);
    let numbers: Vec<_> = line.split(':').skip(1).flat_map(str::parse).take(2).collect();
    let [user, group] = numbers.try_into().expect("a user has two numbers");
    Owner { user, group }
}

fn children_of(pid: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    children.unwrap_or_default().split_whitespace().flat_map(str::parse).collect()
}
