//! A Python of our own: a virtual environment under `target/xtask/venv`.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::{
    cmd::{self, Cmd},
    workspace,
};

/// fal's own client and app framework, which the end-to-end tests drive the platform with.
const PACKAGES: [(&str, &str); 2] = [("fal-client", "1.0.3"), ("fal", "1.83.0")];

/// The environment's interpreter, which may not exist yet.
pub(crate) fn interpreter() -> PathBuf {
    workspace::made().join("venv/bin/python")
}

/// The interpreter of an environment with pip in it, made if it is not there.
pub(crate) fn environment() -> Result<PathBuf> {
    let python = interpreter();
    if Cmd::new(&python).args(["-m", "pip", "--version"]).succeeds() {
        return Ok(python);
    }
    if !cmd::exists("python3") {
        bail!("python3 is missing: install it with the system's packages `python3 python3-venv`");
    }
    let dir = workspace::made().join("venv");
    if let Err(error) = Cmd::new("python3").args(["-m", "venv", "--clear"]).arg(dir).run() {
        bail!(
            "python's venv is missing: install it with the system's package `python3-venv` ({error})"
        );
    }
    Ok(python)
}

/// The interpreter of an environment with fal's client and app framework in it.
pub(crate) fn with_client() -> Result<PathBuf> {
    let python = environment()?;
    let asserts: String = PACKAGES
        .iter()
        .map(|(name, version)| format!("assert m.version('{name}') == '{version}';"))
        .collect();
    let check = format!("import importlib.metadata as m; {asserts}");
    if !Cmd::new(&python).args(["-c", &check]).succeeds() {
        let wanted: Vec<_> =
            PACKAGES.iter().map(|(name, version)| format!("{name}=={version}")).collect();
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        if let Err(error) = Cmd::new(&python).args(pip).args(&wanted).run() {
            let wanted = wanted.join(" ");
            bail!("{wanted} is missing: `{} -m pip install {wanted}` ({error})", python.display());
        }
    }
    Ok(python)
}
