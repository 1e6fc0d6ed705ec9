//! Asking a platform that runs: `why`, `dead`, `webhook`.
//!
//! It is found through its data directory, where it has noted its address.

mod dead;
mod env;
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
    env::{ANY_KEY, env, reachable},
    why::why,
};
use crate::{
    Failure,
    cli::{self, Found},
    lock, settings,
};

/// The file in a data directory that says where its platform listens.
const ADDRESS: &str = "address";

/// What a platform notes of itself for whoever may read its data directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Noted {
    /// Where it listens.
    pub(crate) addr: SocketAddr,
    /// With what it is asked; empty where it asks for nothing.
    pub(crate) key: String,
    /// Where it serves TLS, if it does.
    pub(crate) secured: Option<SocketAddr>,
    /// Whose certificate it has there.
    pub(crate) signer: Signer,
}

/// Whose certificate a platform serves TLS with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signer {
    /// Its own authority's.
    Own,
    /// Somebody else's.
    Other,
}

impl Signer {
    const fn word(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Other => "other",
        }
    }
}

/// Notes it, readable by the owner of the data directory only.
pub(crate) fn note(data_dir: &Path, noted: &Noted) -> std::io::Result<()> {
    let path = data_dir.join(ADDRESS);
    // One that is there may be open to others.
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path)?;
    let Noted { addr, key, secured, signer } = noted;
    let secured = secured.map(|addr| addr.to_string()).unwrap_or_default();
    write!(file, "{addr}\n{key}\n{secured}\n{}\n", signer.word())
}

impl Noted {
    fn read(data_dir: &Path) -> Option<Self> {
        let text = fs::read_to_string(data_dir.join(ADDRESS)).ok()?;
        let mut lines = text.lines().map(str::trim);
        let addr = lines.next()?.parse().ok()?;
        let key = lines.next().unwrap_or_default().to_owned();
        let secured = lines.next().and_then(|line| line.parse().ok());
        let is_own = lines.next() == Some(Signer::Own.word());
        let signer = if is_own { Signer::Own } else { Signer::Other };
        Some(Self { addr, key, secured, signer })
    }
}

/// The data directory that somebody means.
pub(crate) fn data_dir(found: &Found) -> Result<PathBuf, Failure> {
    let configured = found.config.as_deref().map(settings::check).transpose()?;
    Ok(found.data_dir.clone().or(configured).unwrap_or_else(|| PathBuf::from(".fal")))
}

/// A platform that runs.
struct Platform {
    noted: Noted,
}

impl Platform {
    fn find(found: &Found) -> Result<Self, Failure> {
        Self::on(&data_dir(found)?)
    }

    fn on(dir: &Path) -> Result<Self, Failure> {
        if lock::platform(dir)?.is_none() {
            let text = "start it, or name its data_dir with --data-dir or --config";
            return Err(anyhow!("no platform runs on data_dir {}: {text}", dir.display()).into());
        }
        let noted = Noted::read(dir).ok_or_else(|| {
            anyhow!("the platform on data_dir {} has not said where it listens", dir.display())
        })?;
        Ok(Self { noted })
    }

    fn get(&self, path: &str) -> anyhow::Result<(u16, Value)> {
        http::ask((self.noted.addr, &self.noted.key), "GET", path)
    }

    fn put(&self, path: &str) -> anyhow::Result<(u16, Value)> {
        http::ask((self.noted.addr, &self.noted.key), "PUT", path)
    }

    fn delete(&self, path: &str) -> anyhow::Result<(u16, Value)> {
        http::ask((self.noted.addr, &self.noted.key), "DELETE", path)
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
