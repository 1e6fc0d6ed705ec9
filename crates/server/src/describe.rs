//! Asking an example app what it is, and finding programs.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde::Deserialize;

/// What an app says of itself. Everything is optional, and the configuration wins over it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Described {
    pub(crate) keep_alive: Option<f64>,
    pub(crate) min_concurrency: Option<u32>,
    pub(crate) max_concurrency: Option<u32>,
    pub(crate) concurrency_buffer: Option<u32>,
    pub(crate) scaling_delay: Option<f64>,
    pub(crate) max_multiplexing: Option<u32>,
    pub(crate) request_timeout: Option<f64>,
    pub(crate) startup_timeout: Option<f64>,
    pub(crate) termination_grace_period_seconds: Option<f64>,
    pub(crate) skip_retry_conditions: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Whole {
    limits: Described,
}

/// Runs `PROGRAM --describe`, which an app of `fal-app` answers without starting anything.
#[expect(clippy::disallowed_methods, reason = "no runner: the program prints what it is and ends")]
pub(crate) fn ask(program: &Path) -> Result<Described, String> {
    let output = Command::new(program)
        .arg("--describe")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{} cannot be run: {error}", program.display()))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{} --describe failed: {}", program.display(), text.trim()));
    }
    let whole: Whole = serde_json::from_slice(&output.stdout).map_err(|error| {
        format!("{} --describe printed no description: {error}", program.display())
    })?;
    Ok(whole.limits)
}

/// The program that a command's first word names: from `cwd` if it has a slash, else in `PATH`.
#[expect(clippy::disallowed_methods, reason = "the server reads the environment")]
pub(crate) fn find(program: &str, cwd: &Path) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(cwd.join(program)).filter(|path| is_program(path));
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
