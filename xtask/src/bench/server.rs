//! A program under load.

use std::{
    fs,
    io::{BufRead, BufReader},
};

use anyhow::{Context, Result, bail};

use super::clock;
use crate::cmd::{Cmd, Running};

/// A program that said where it listens.
pub(super) struct Server {
    running: Running,
    /// Host and port.
    pub(super) address: String,
}

impl Server {
    /// Starts a program whose first line of output is its URL.
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

    /// Starts an app of `fal-app`, which logs its address when it is ready.
    pub(super) fn start_app(cmd: Cmd) -> Result<Self> {
        let name = cmd.to_string();
        let mut running = cmd.with_log().start()?;
        // The pipe stays with the process: an app whose log nobody holds could not write it.
        let log = running.child.stderr.as_mut().map(BufReader::new);
        let log = log.with_context(|| format!("`{name}` has no log"))?;
        for line in log.lines() {
            let line = line?;
            let address = line.split_whitespace().find_map(|word| word.strip_prefix("address="));
            if let Some(address) = address.map(str::to_owned) {
                return Ok(Self { running, address });
            }
        }
        bail!("`{name}` did not say where it listens")
    }

    pub(super) fn stop(&mut self) {
        self.running.stop();
    }

    /// Processor time of the process itself so far, its runners not counted.
    pub(super) fn cpu_ms(&self) -> f64 {
        clock::cpu_ms(&self.proc("stat"), clock::Of::Itself)
    }

    pub(super) fn memory_mib(&self) -> u64 {
        self.memory_kib() / 1024
    }

    pub(super) fn memory_kib(&self) -> u64 {
        self.kib("VmRSS:")
    }

    /// The most memory since [`Server::forget_peak`].
    pub(super) fn peak_kib(&self) -> u64 {
        self.kib("VmHWM:")
    }

    pub(super) fn forget_peak(&self) {
        // Where it may not be forgotten, the peak of before counts too.
        let _kept = fs::write(format!("/proc/{}/clear_refs", self.running.child.id()), "5");
    }

    fn kib(&self, name: &str) -> u64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kib.unwrap_or_default()
    }

    fn proc(&self, name: &str) -> String {
        // A process that is gone has used nothing more.
        fs::read_to_string(format!("/proc/{}/{name}", self.running.child.id())).unwrap_or_default()
    }
}
