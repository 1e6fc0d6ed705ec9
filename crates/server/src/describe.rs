//! Asking an app what it is, and finding programs.

mod run;

use std::{
    ffi::OsString,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde::Deserialize;

use crate::settings::RetryConfig;

/// What an app says of itself. Everything is optional, and the configuration wins over it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Described {
    pub(crate) limits: Limits,
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
    pub(crate) num_gpus: Option<u32>,
    pub(crate) request_timeout: Option<f64>,
    pub(crate) startup_timeout: Option<f64>,
    pub(crate) termination_grace_period_seconds: Option<f64>,
    pub(crate) skip_retry_conditions: Vec<String>,
    pub(crate) retry_config: Option<RetryConfig>,
}

/// How its health check is to be asked.
#[derive(Debug, Deserialize)]
pub(crate) struct HealthCheck {
    pub(crate) path: String,
    pub(crate) start_period_seconds: Option<f64>,
    pub(crate) timeout_seconds: Option<f64>,
    pub(crate) failure_threshold: Option<u32>,
    pub(crate) call_regularly: Option<bool>,
    pub(crate) interval_seconds: Option<f64>,
}

/// How long a program may take to describe itself.
const LIMIT: Duration = Duration::from_secs(10);

/// The platform's own settings begin with this, and are no program's but its own.
const OWN_SETTINGS: &str = "FAL_SERVER_";

/// A program to ask, as a runner of it would be started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) program: &'a Path,
    pub(crate) arguments: &'a [String],
    pub(crate) cwd: &'a Path,
    pub(crate) env: &'a [(String, String)],
}

/// Runs the program with `--describe`, which an app of `fal-app` answers without starting anything.
#[expect(clippy::disallowed_methods, reason = "no runner: the program prints what it is and ends")]
pub(crate) fn ask(asked: Asked<'_>) -> Result<Described, String> {
    let Asked { program, arguments, cwd, env } = asked;
    let mut command = Command::new(program);
    command.args(arguments).arg("--describe").current_dir(cwd);
    set_environment(&mut command, std::env::vars_os().map(|(name, _)| name), env);
    let output = run::run(&mut command, LIMIT)
        .map_err(|error| format!("{} --describe {error}", program.display()))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{} --describe failed: {}", program.display(), text.trim()));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| {
        format!("{} --describe printed no description: {error}", program.display())
    })
}

/// The variables that a runner gets, but for those of its start.
fn set_environment(
    command: &mut Command,
    own: impl Iterator<Item = OsString>,
    env: &[(String, String)],
) {
    for name in own.filter(|name| name.as_encoded_bytes().starts_with(OWN_SETTINGS.as_bytes())) {
        command.env_remove(name);
    }
    command.envs(env.iter().map(|(name, value)| (name, value)));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "it is never started")]
    fn the_platforms_own_settings_are_kept_from_the_program() {
        let mut command = Command::new("sh");
        let own = ["FAL_SERVER_CONFIG", "PATH"].map(OsString::from);
        set_environment(&mut command, own.into_iter(), &[("KEY".to_owned(), "value".to_owned())]);
        let set: Vec<_> = command.get_envs().collect();
        let value = OsString::from("value");
        assert_eq!(
            set,
            [("FAL_SERVER_CONFIG".as_ref(), None), ("KEY".as_ref(), Some(value.as_os_str()))]
        );
    }
}
