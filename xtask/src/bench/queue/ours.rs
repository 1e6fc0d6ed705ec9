//! The platform as it is served, with nothing in its queue or with what an earlier one has left there.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::started;
use crate::{
    bench::{load::program, server::Server},
    cmd::Cmd,
    serve::quoted,
    workspace,
};

/// Where a platform is kept.
pub(super) struct Place {
    config: PathBuf,
    data: PathBuf,
    log: PathBuf,
    /// The URL of the queue, where it is not embedded.
    queue: Option<String>,
}

impl Place {
    /// An empty one, with the sections of the configuration that tell of apps.
    pub(super) fn new(home: &Path, queue: Option<String>, apps: &str) -> Result<Self> {
        let data = started::emptied(home.join("data"))?;
        let (config, log) = (home.join("platform.toml"), home.join("platform.log"));
        let data_dir = quoted(&data);
        let text = format!("listen = \"127.0.0.1:0\"\ndata_dir = {data_dir}\n\n{apps}");
        workspace::write(&config, &text)?;
        Ok(Self { config, data, log, queue })
    }

    pub(super) fn start(&self) -> Result<Server> {
        let cmd = started::held(program("fal-server"), "TERM").args(["serve", "--config"]);
        let cmd = cmd.arg(&self.config).env("FAL_SERVER_LOG", "warn");
        let cmd = match &self.queue {
            Some(url) => cmd.args(["--queue", url]),
            None => cmd,
        };
        let cmd = cmd.log_to(File::create(&self.log)?);
        Server::start(cmd).with_context(|| started::last_line(&self.log))
    }

    /// Ends a platform as a loss of power would, and waits for its end.
    pub(super) fn kill(&self, mut server: Server) -> Result<()> {
        let lock = self.data.join("lock");
        let pid = fs::read_to_string(&lock)
            .with_context(|| format!("{} does not name the platform's process", lock.display()))?;
        Cmd::new("kill").args(["-9", pid.trim()]).output()?;
        server.stop();
        Ok(())
    }
}
