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
use fal_access::{KeyError, NewKey};
use serde_json::Value;

pub(crate) use self::{
    dead::{dead, webhook},
    why::why,
};
use crate::{
    Failure,
    cli::{self, Found},
    lock, settings,
};

/// The file in a data directory that says where its platform listens.
const ADDRESS: &str = "address";

/// Notes where the platform listens, and with what it is asked where it has keys. Whoever may read the data directory may
/// ask.
pub(crate) fn note(data_dir: &Path, addr: SocketAddr, key: Option<&str>) -> std::io::Result<()> {
    let path = data_dir.join(ADDRESS);
    // One that is there may be open to others.
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path)?;
    write!(file, "{addr}\n{}\n", key.unwrap_or_default())
}

/// The data directory that somebody means.
pub(crate) fn data_dir(found: &Found) -> Result<PathBuf, Failure> {
    let configured = found.config.as_deref().map(settings::check).transpose()?;
    Ok(found.data_dir.clone().or(configured).unwrap_or_else(|| PathBuf::from(".fal")))
}

/// A platform that runs.
struct Platform {
    addr: SocketAddr,
    /// Empty where it asks for none.
    key: String,
}

impl Platform {
    fn find(found: &Found) -> Result<Self, Failure> {
        let dir = data_dir(found)?;
        if lock::platform(&dir)?.is_none() {
            let text = "start it, or name its data_dir with --data-dir or --config";
            return Err(anyhow!("no platform runs on data_dir {}: {text}", dir.display()).into());
        }
        let noted = fs::read_to_string(dir.join(ADDRESS)).unwrap_or_default();
        let mut lines = noted.lines().map(str::trim);
        let addr = lines.next().and_then(|text| text.parse().ok());
        let key = lines.next().unwrap_or_default().to_owned();
        let addr = addr.ok_or_else(|| {
            anyhow!("the platform on data_dir {} has not said where it listens", dir.display())
        })?;
        Ok(Self { addr, key })
    }

    fn get(&self, path: &str) -> anyhow::Result<(u16, Value)> {
        http::ask((self.addr, &self.key), "GET", path)
    }

    fn put(&self, path: &str) -> anyhow::Result<(u16, Value)> {
        http::ask((self.addr, &self.key), "PUT", path)
    }

    fn delete(&self, path: &str) -> anyhow::Result<(u16, Value)> {
        http::ask((self.addr, &self.key), "DELETE", path)
    }
}

/// Makes a key. It is printed and kept nowhere.
pub(crate) fn key(arguments: &cli::NewKey) -> Result<(), Failure> {
    let made = NewKey::generate(&arguments.name).map_err(|error| match error {
        KeyError::NoRandomness => Failure::from(anyhow!(error)),
        KeyError::TooShort | KeyError::Unusable | KeyError::NoHash | KeyError::SameName(_) => {
            settings::bad(&format!(
                "`{}` is no name for a key: 1 to 64 letters, digits, `-`, `_` or `.`",
                arguments.name
            ))
        }
    })?;
    say([
        made.key,
        "# Give this to the caller: it is shown only once. The configuration has its hash:"
            .to_owned(),
        format!("api_keys = [\"{}\"]", made.hashed),
    ])
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
