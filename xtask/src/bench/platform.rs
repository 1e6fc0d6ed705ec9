//! The platform under load.

use std::{
    fs::{self, File},
    path::PathBuf,
};

use anyhow::Result;

use super::{load::program, server::Server};
use crate::{cmd::Cmd, workspace};

/// The platform with the apps of a bench.
pub(super) struct Platform {
    pub(super) server: Server,
    data: PathBuf,
    /// Where it logs to, if it logs more than warnings.
    log: PathBuf,
}

impl Platform {
    /// With the sections of the configuration that tell of apps.
    pub(super) fn start(apps: &str) -> Result<Self> {
        Self::new(apps, |cmd, _| Ok(cmd.env("FAL_SERVER_LOG", "warn")))
    }

    /// The same, and what becomes of its runners is in the log.
    pub(super) fn start_with_log(apps: &str) -> Result<Self> {
        Self::new(apps, |cmd, log| Ok(cmd.env("FAL_SERVER_LOG", "info").log_to(File::create(log)?)))
    }

    fn new(apps: &str, logs: impl FnOnce(Cmd, &PathBuf) -> Result<Cmd>) -> Result<Self> {
        let home = workspace::made().join("bench");
        let (data, log) = (home.join("data"), home.join("platform.log"));
        // A queue that an earlier run left full would be measured with ours.
        let _absent = fs::remove_dir_all(&data);
        let config = home.join("bench.toml");
        let data_dir = crate::serve::quoted(&data);
        let text = format!("listen = \"127.0.0.1:0\"\ndata_dir = {data_dir}\n\n{apps}");
        workspace::write(&config, &text)?;
        let cmd = Cmd::new(program("fal-server")).args(["serve", "--config"]).arg(&config);
        Ok(Self { server: Server::start(logs(cmd, &log)?)?, data, log })
    }

    pub(super) fn log(&self) -> String {
        self.log.to_string_lossy().into_owned()
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.server.stop();
        let _gone = fs::remove_dir_all(&self.data);
    }
}
