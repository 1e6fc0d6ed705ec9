//! Asking an example app what it is, and finding programs.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde::{Deserialize, Deserializer};
use toml::Spanned;

use crate::settings::{HealthCheck, RetryConfig};

/// What an app says of itself. Everything is optional, and the configuration wins over it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Described {
    pub(crate) limits: Limits,
    #[serde(deserialize_with = "declared")]
    pub(crate) health_check: Option<HealthCheck>,
}

/// The limits it declares.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Limits {
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
    pub(crate) retry_config: Option<RetryConfig>,
}

/// How its health check is to be asked.
#[derive(Debug, Deserialize)]
struct Declared {
    path: String,
    start_period_seconds: Option<f64>,
    timeout_seconds: Option<f64>,
    failure_threshold: Option<u32>,
    call_regularly: Option<bool>,
    interval_seconds: Option<f64>,
}

/// Reads it in the shape that it has in the configuration, where every value knows its line; these
/// have none.
fn declared<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<HealthCheck>, D::Error> {
    fn nowhere<T>(value: T) -> Spanned<T> {
        Spanned::new(0..0, value)
    }
    let declared = Option::<Declared>::deserialize(deserializer)?;
    Ok(declared.map(|declared| HealthCheck {
        path: nowhere(declared.path),
        method: None,
        start_period_seconds: declared.start_period_seconds.map(nowhere),
        timeout_seconds: declared.timeout_seconds.map(nowhere),
        failure_threshold: declared.failure_threshold.map(nowhere),
        call_regularly: declared.call_regularly,
        interval_seconds: declared.interval_seconds.map(nowhere),
    }))
}

/// Runs the program with `--describe`, which an app of `fal-app` answers without starting anything.
#[expect(clippy::disallowed_methods, reason = "no runner: the program prints what it is and ends")]
pub(crate) fn ask(program: &Path, arguments: &[String], cwd: &Path) -> Result<Described, String> {
    let output = Command::new(program)
        .args(arguments)
        .arg("--describe")
        .current_dir(cwd)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{} cannot be run: {error}", program.display()))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{} --describe failed: {}", program.display(), text.trim()));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| {
        format!("{} --describe printed no description: {error}", program.display())
    })
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
