//! The platform under load.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;

use super::server::Server;
use crate::{cmd::Cmd, workspace};

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
        self.server.stop();
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
