//! A PostgreSQL that flushes each commit before it answers, for our queue and for a peer.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use super::started;
use crate::cmd::{self, Cmd, Running};

/// The same for all that use it. What makes it durable is on by default; it is said once more, so that it is seen here.
const SETTINGS: [&str; 8] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=on",
    "full_page_writes=on",
    "synchronous_commit=on",
    "shared_buffers=512MB",
    "max_wal_size=4GB",
    // What was written once is written again, and not made anew.
    "min_wal_size=2GB",
];

/// More than a gigabyte of log, and then the word that it may be written over.
const WARM: [&str; 3] = [
    "CREATE TABLE warm AS SELECT repeat('x', 1000) FROM generate_series(1, 1000000)",
    "DROP TABLE warm",
    "CHECKPOINT",
];

const HOW: &str = "PostgreSQL is not here (to get it: apt-get install postgresql)";

/// A server of our own.
pub(super) struct Postgres {
    running: Running,
    programs: PathBuf,
    port: u16,
}

impl Postgres {
    pub(super) fn start(home: &Path) -> Result<Self> {
        let (programs, port) = (programs()?, started::free_port()?);
        let user = user()?;
        let dir = started::emptied(home.join("postgres"))?;
        if let Some(user) = user {
            Cmd::new("chown").arg(user).arg(&dir).output()?;
        }
        let data = dir.join("data");
        let init = as_user(user, &programs.join("initdb"), "TERM").arg("-D").arg(&data);
        let init = init.args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale", "C"]);
        init.output().with_context(|| reach(user, home))?;
        let log = home.join("postgres.log");
        // A fast shutdown. TERM would wait for whoever is connected.
        let server = as_user(user, &programs.join("postgres"), "INT").arg("-D").arg(&data);
        let server = server.arg("-p").arg(port.to_string());
        let server = SETTINGS.iter().fold(server, |server, setting| server.args(["-c", setting]));
        let mut running = server.log_to(File::create(&log)?).start()?;
        let ready = programs.join("pg_isready");
        let asks = || {
            let ask = Cmd::new(&ready).args(["-q", "-h", "127.0.0.1", "-p"]);
            ask.arg(port.to_string()).succeeds()
        };
        started::wait(&mut running, asks, &log)?;
        let server = Self { running, programs, port };
        server.warm()?;
        Ok(server)
    }

    /// A server that has run for a while has the files of its log. A new one makes each as it comes to it, and all
    /// commits wait meanwhile: that is no figure of anybody's.
    fn warm(&self) -> Result<()> {
        let psql = self.client("psql").args(["-X", "-q", "-v", "ON_ERROR_STOP=1"]);
        let psql = WARM.iter().fold(psql, |psql, words| psql.args(["-c", words]));
        psql.arg("postgres").output().map(drop)
    }

    /// A program that asks this server.
    fn client(&self, name: &str) -> Cmd {
        let cmd = Cmd::new(self.programs.join(name)).args(["-h", "127.0.0.1", "-p"]);
        cmd.arg(self.port.to_string()).args(["-U", "postgres"])
    }

    /// The URL of an empty database of this name.
    pub(super) fn database(&self, name: &str) -> Result<String> {
        for word in ["dropdb", "createdb"] {
            let cmd = self.client(word);
            let more: &[&str] = if word == "dropdb" { &["--if-exists", "--force"] } else { &[] };
            let cmd = cmd.args(more).env("PGOPTIONS", "-c client_min_messages=warning");
            cmd.arg(name).output()?;
        }
        Ok(format!("postgres://postgres@127.0.0.1:{}/{name}", self.port))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let pid = self.running.child.id().to_string();
        let _asked = Cmd::new("kill").args(["-INT", &pid]).succeeds();
        let _ended = self.running.child.wait();
    }
}

/// The programs of the newest version that is here.
fn programs() -> Result<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let versions = versions.map(|entry| entry.path().join("bin"));
    let number = |bin: &PathBuf| {
        let version = bin.parent().and_then(Path::file_name);
        version.and_then(|name| name.to_str()?.parse::<u32>().ok())
    };
    let newest = versions.filter(|bin| bin.join("postgres").is_file()).max_by_key(number);
    match newest {
        Some(bin) => Ok(bin),
        // Found on the path, then.
        None if cmd::exists("initdb") && cmd::exists("postgres") => Ok(PathBuf::new()),
        None => bail!("{HOW}"),
    }
}

/// Whom the server runs as, where that must not be ourselves: it refuses to run as root.
fn user() -> Result<Option<&'static str>> {
    if fs::metadata("/proc/self").map_or(0, |own| own.uid()) != 0 {
        return Ok(None);
    }
    let known = fs::read_to_string("/etc/passwd").unwrap_or_default();
    if !known.lines().any(|line| line.starts_with("postgres:")) || !cmd::exists("setpriv") {
        bail!("PostgreSQL does not run as root, and there is no user postgres or no setpriv");
    }
    Ok(Some("postgres"))
}

fn as_user(user: Option<&str>, program: &Path, signal: &str) -> Cmd {
    match user {
        Some(user) => {
            let who = ["--reuid", user, "--regid", user, "--init-groups", "--pdeathsig", signal];
            Cmd::new("setpriv").args(who).arg(program)
        }
        None => started::held(program, signal),
    }
}

fn reach(user: Option<&str>, home: &Path) -> String {
    match user {
        Some(user) => format!(
            "no database can be made; if the user {user} cannot reach {}, give --dir a folder that it can",
            home.display()
        ),
        None => format!("no database can be made in {}", home.display()),
    }
}
