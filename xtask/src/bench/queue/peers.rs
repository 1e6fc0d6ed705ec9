//! Two queues that others use, put through the same three phases by programs of ours.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{Size, started};
use crate::{
    cmd::{self, Cmd},
    workspace,
};

const PACKAGE: &str = include_str!("peers/package.json");
const PHASES: &str = include_str!("peers/phases.mjs");
const BULLMQ: &str = include_str!("peers/bullmq.mjs");
const PG_BOSS: &str = include_str!("peers/pg-boss.mjs");

/// The programs, with what they need.
#[derive(Debug)]
pub(super) struct Peers {
    dir: PathBuf,
}

/// Installs the peers, unless an earlier run has.
pub(super) fn install() -> Result<Peers> {
    if !cmd::exists("node") || !cmd::exists("npm") {
        bail!("node or npm is not here (to get them: apt-get install nodejs npm; 20 or newer)");
    }
    let dir = workspace::made().join("bench-queue-peers");
    let (package, installed) = (dir.join("package.json"), dir.join("installed.json"));
    for (name, text) in [("phases", PHASES), ("bullmq", BULLMQ), ("pg-boss", PG_BOSS)] {
        workspace::write(&dir.join(format!("{name}.mjs")), text)?;
    }
    if fs::read_to_string(&installed).is_ok_and(|text| text == PACKAGE) {
        return Ok(Peers { dir });
    }
    workspace::write(&package, PACKAGE)?;
    let npm = Cmd::new("npm").args(["install", "--ignore-scripts", "--no-audit", "--no-fund"]);
    npm.arg("--prefix").arg(&dir).run().context("npm cannot install the peers")?;
    workspace::write(&installed, PACKAGE)?;
    Ok(Peers { dir })
}

impl Peers {
    /// What a program tells in its only line.
    pub(super) fn run(&self, name: &str, server: &str, size: Size) -> Result<Value> {
        let program = self.dir.join(format!("{name}.mjs"));
        let node = started::held("node", "TERM").arg(program).arg(server);
        let text = node.arg(size.count.to_string()).arg(size.closed.to_string()).output()?;
        serde_json::from_str(text.trim()).with_context(|| format!("{name} tells no figures"))
    }
}
