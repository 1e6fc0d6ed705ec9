//! Starting a runner.

use std::{
    io,
    os::{fd::OwnedFd, unix::process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// The variable whose value tells descendants of a platform's runners from everybody else:
/// `TOKEN.NUMBER`, the platform's start and the launch.
pub(crate) const MARKER: &str = "FAL_PLATFORM";

/// The platform's own settings, which may hold secrets, begin with this and are kept from runners.
const OWN_SETTINGS: &str = "FAL_SERVER_";

/// A runner to start.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The app's name, for `FAL_APP_NAME`.
    pub app: String,
    /// The runner's id, for `FAL_RUNNER_ID`.
    pub runner: String,
    /// The program and its arguments. A program with a slash is looked up from `cwd`, any other in `PATH`.
    pub command: Vec<String>,
    /// The directory it runs in.
    pub cwd: PathBuf,
    /// Variables added to the platform's own environment. `PORT`, `FAL_APP_NAME`, `FAL_RUNNER_ID` and
    /// `FAL_RUNNER_STATE` are set in any case, and not to be had here.
    pub env: Vec<(String, String)>,
}

/// Why a runner could not be started. Nothing of it runs then.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The command line is empty.
    #[error("the command is empty")]
    NoCommand,
    /// There is no such program.
    #[error("command not found: {program}")]
    NotFound {
        /// As it was written.
        program: String,
    },
    /// The directory to run in does not exist or is not one.
    #[error("not a directory: {}", cwd.display())]
    NoDirectory {
        /// As it was written.
        cwd: PathBuf,
    },
    /// Every port for runners is in use.
    #[error("no port is free")]
    NoPort,
    /// The program could not be started for another reason.
    #[error("could not start {program}")]
    Spawn {
        /// As it was written.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It was started, could not be watched, and was ended again.
    #[error("could not watch {program}")]
    Watch {
        /// As it was written.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// What the platform gives every runner.
pub(crate) struct Given<'a> {
    pub(crate) port: u16,
    pub(crate) marker: &'a str,
}

/// A process that was just started.
pub(crate) struct Spawned {
    pub(crate) pid: Pid,
    pub(crate) pidfd: OwnedFd,
    pub(crate) out: OwnedFd,
    pub(crate) err: OwnedFd,
}

/// Starts the program in a process group of its own.
///
/// There is no parent-death signal: it is tied to the thread that forks, and would end a runner before the
/// rest of its group can be found.
pub(crate) fn spawn(launch: &Launch, given: &Given<'_>) -> Result<Spawned, LaunchError> {
    let (program, arguments) = launch.command.split_first().ok_or(LaunchError::NoCommand)?;
    if !launch.cwd.is_dir() {
        return Err(LaunchError::NoDirectory { cwd: launch.cwd.clone() });
    }
    let mut command = new_command(&located(program, &launch.cwd));
    command.args(arguments).current_dir(&launch.cwd);
    set_environment(&mut command, launch, given);
    //= docs/contract.md#runner-environment
    //# It runs in a process group of its own.
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let child = command.spawn().map_err(|source| refused(program, source))?;
    watched(child).map_err(|source| LaunchError::Watch { program: program.clone(), source })
}

#[expect(clippy::disallowed_methods, reason = "the one place that starts runners and their guard")]
pub(crate) fn new_command(program: &Path) -> Command {
    Command::new(program)
}

/// A relative path with a slash means "from `cwd`" here; the system would leave open which directory counts.
/// It is made absolute, since a relative `cwd` is gone once the child is in it.
fn located(program: &str, cwd: &Path) -> PathBuf {
    let program = Path::new(program);
    if program.components().count() < 2 {
        return program.to_owned();
    }
    let from_cwd = cwd.join(program);
    std::path::absolute(&from_cwd).unwrap_or(from_cwd)
}

fn set_environment(command: &mut Command, launch: &Launch, given: &Given<'_>) {
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(OWN_SETTINGS.as_bytes()) {
            command.env_remove(name);
        }
    }
    command
        .envs(launch.env.iter().map(|(name, value)| (name, value)))
        //= docs/contract.md#runner-environment
        //# A runner MUST find its loopback port in `PORT`.
        //= docs/contract.md#runner-environment
        //# It MUST also find `FAL_APP_NAME`, `FAL_RUNNER_ID` and `FAL_RUNNER_STATE`.
        .env("PORT", given.port.to_string())
        .env("FAL_APP_NAME", &launch.app)
        .env("FAL_RUNNER_ID", &launch.runner)
        .env("FAL_RUNNER_STATE", "SETUP")
        .env(MARKER, given.marker);
}

fn refused(program: &str, source: io::Error) -> LaunchError {
    let program = program.to_owned();
    if source.kind() == io::ErrorKind::NotFound {
        LaunchError::NotFound { program }
    } else {
        LaunchError::Spawn { program, source }
    }
}

/// Takes what is needed of the child; from here on only the pidfd speaks for it.
fn watched(mut child: Child) -> io::Result<Spawned> {
    match take(&mut child) {
        Ok(spawned) => Ok(spawned),
        Err(error) => {
            child.kill()?;
            child.wait()?;
            Err(error)
        }
    }
}

fn take(child: &mut Child) -> io::Result<Spawned> {
    let pid = Pid::from_child(child);
    let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
    let out = child.stdout.take().expect("its standard output was asked for");
    let err = child.stderr.take().expect("its standard error was asked for");
    Ok(Spawned { pid, pidfd, out: out.into(), err: err.into() })
}
