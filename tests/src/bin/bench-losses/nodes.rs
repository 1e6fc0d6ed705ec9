//! Platforms that are killed.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{Failure, Wanted};

/// The app that is called.
pub(crate) const APP: &str = "bench/losses";

/// One platform, with its data directory.
pub(crate) struct Node {
    server: PathBuf,
    config: PathBuf,
    log: PathBuf,
    child: Child,
    pub(crate) address: String,
}

impl Node {
    pub(crate) fn start(wanted: &Wanted, number: usize, data: &Path) -> Result<Self, Failure> {
        let config = wanted.home.join(format!("node{number}.toml"));
        let (runner, data) = (wanted.runner.display(), data.display());
        let text = format!(
            "listen = \"127.0.0.1:0\"\ndata_dir = \"{data}\"\n[apps.\"{APP}\"]\ncommand = [\"{runner}\"]\n\
             min_concurrency = 2\nmax_concurrency = 2\nmax_multiplexing = 8\n\
             termination_grace_period_seconds = 0\n"
        );
        fs::write(&config, text)?;
        let log = wanted.home.join(format!("node{number}.log"));
        let server = wanted.server.clone();
        let (child, address) = launch(&server, &config, &log)?;
        Ok(Self { server, config, log, child, address })
    }

    /// As nothing else can be killed.
    pub(crate) fn kill(&mut self) -> Result<(), Failure> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    pub(crate) fn again(&mut self) -> Result<(), Failure> {
        (self.child, self.address) = launch(&self.server, &self.config, &self.log)?;
        Ok(())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _gone = self.kill().is_err();
    }
}

#[expect(clippy::disallowed_methods, reason = "starting platforms is what this program does")]
fn launch(server: &Path, config: &Path, log: &Path) -> Result<(Child, String), Failure> {
    let mut command = Command::new(server);
    let command = command.arg("serve").arg("--config").arg(config).env("FAL_SERVER_LOG", "warn");
    let log = File::options().create(true).append(true).open(log)?;
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or("no standard output")?).read_line(&mut line)?;
    let address = line.trim().strip_prefix("listening on http://");
    let address = address.ok_or("the platform did not start: its log says why")?.to_owned();
    Ok((child, address))
}
