//! The programs under load.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::{
    cmd::{Cmd, Running},
    workspace,
};

/// The kernel counts processor time in these, 100 to the second on every Linux that cargo runs on.
const TICK_MS: f64 = 10.0;

/// A program that said where it listens.
pub(super) struct Server {
    running: Running,
    /// Host and port.
    pub(super) address: String,
}

impl Server {
    pub(super) fn start(cmd: Cmd) -> Result<Self> {
        let name = cmd.to_string();
        let mut running = cmd.start()?;
        let Some(out) = running.child.stdout.take() else {
            bail!("`{name}` has no standard output")
        };
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on http://");
        let address =
            address.with_context(|| format!("`{name}` did not say where it listens"))?.to_owned();
        Ok(Self { running, address })
    }

    /// Processor time of the process itself so far, its runners not counted.
    pub(super) fn cpu_ms(&self) -> f64 {
        let stat = self.proc("stat");
        // The name in parentheses may hold spaces; after it come the state and numbers.
        let after = stat.rsplit(')').next().unwrap_or_default();
        let ticks = after.split_whitespace().skip(11).take(2);
        ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() * TICK_MS
    }

    pub(super) fn memory_mib(&self) -> u64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kib.unwrap_or_default() / 1024
    }

    fn proc(&self, name: &str) -> String {
        // A process that is gone has used nothing more.
        fs::read_to_string(format!("/proc/{}/{name}", self.running.child.id())).unwrap_or_default()
    }
}

/// The platform with one app that runs and one whose requests only wait.
pub(super) struct Platform {
    pub(super) server: Server,
    data: PathBuf,
}

impl Platform {
    pub(super) fn start(program: &Path) -> Result<Self> {
        let home = workspace::made().join("bench");
        let data = home.join("data");
        // A queue that an earlier run left full would be measured with ours.
        let _absent = fs::remove_dir_all(&data);
        let config = home.join("bench.toml");
        workspace::write(&config, &text(&data))?;
        let cmd = Cmd::new(program).args(["serve", "--config"]).arg(&config);
        Ok(Self { server: Server::start(cmd.env("FAL_SERVER_LOG", "warn"))?, data })
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.server.running.stop();
        let _gone = fs::remove_dir_all(&self.data);
    }
}

fn text(data: &Path) -> String {
    format!(
        "listen = \"127.0.0.1:0\"
data_dir = {}

[apps.\"bench/hello\"]
example = \"hello\"
min_concurrency = 1
max_concurrency = 1
max_multiplexing = 256
crash_backoff = {{ step = 0, max = 0 }}

[apps.\"bench/parked\"]
example = \"hello\"
scaling_delay = 3600
",
        crate::serve::quoted(data)
    )
}
