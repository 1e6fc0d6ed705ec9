//! Asking a platform that runs: `why`, `dead`, `webhook`.
//!
//! It is found through its data directory, where it has noted its address.

mod dead;
mod http;
mod why;

use std::{
    fs,
    io::Write,
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::anyhow;
use serde_json::Value;

pub(crate) use self::{
    dead::{dead, webhook},
    why::why,
};
use crate::{Failure, cli::Found, lock, settings};

/// The file in a data directory that says where its platform listens.
const ADDRESS: &str = "address";

/// Notes where the platform listens.
pub(crate) fn note(data_dir: &Path, addr: SocketAddr) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(0o600);
    writeln!(options.open(data_dir.join(ADDRESS))?, "{addr}")
}

/// The data directory that somebody means.
pub(crate) fn data_dir(found: &Found) -> Result<PathBuf, Failure> {
    let configured = found.config.as_deref().map(settings::check).transpose()?;
    Ok(found.data_dir.clone().or(configured).unwrap_or_else(|| PathBuf::from(".fal")))
}

/// A platform that runs.
struct Platform {
    addr: SocketAddr,
}

impl Platform {
    fn find(found: &Found) -> Result<Self, Failure> {
        let dir = data_dir(found)?;
        if lock::platform(&dir)?.is_none() {
            let text = "start it, or name its data_dir with --data-dir or --config";
            return Err(anyhow!("no platform runs on data_dir {}: {text}", dir.display()).into());
        }
        let noted = fs::read_to_string(dir.join(ADDRESS)).ok();
        let addr = noted.and_then(|text| text.trim().parse().ok());
        let addr = addr.ok_or_else(|| {
            anyhow!("the platform on data_dir {} has not said where it listens", dir.display())
        })?;
        Ok(Self { addr })
    }

    fn get(&self, path: &str) -> anyhow::Result<(u16, Value)> {
        http::ask(self.addr, "GET", path)
    }

    fn put(&self, path: &str) -> anyhow::Result<(u16, Value)> {
        http::ask(self.addr, "PUT", path)
    }

    fn delete(&self, path: &str) -> anyhow::Result<(u16, Value)> {
        http::ask(self.addr, "DELETE", path)
    }
}

/// What the platform says where it does not do what it was asked.
fn refusal(body: &Value) -> Failure {
    let detail = body.get("detail").and_then(Value::as_str);
    anyhow!("{}", detail.unwrap_or("the platform did not say why")).into()
}

fn say(lines: impl IntoIterator<Item = impl AsRef<str>>) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    for line in lines {
        // Whoever reads may have read enough.
        if writeln!(out, "{}", line.as_ref()).is_err() {
            break;
        }
    }
    Ok(())
}
