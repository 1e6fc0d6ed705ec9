//! The one who starts runners and keeps hold of them all.

use std::{
    fmt, fs, io,
    os::fd::OwnedFd,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{
    forward::Link,
    guard::{Guard, GuardError},
    leftovers::{self, Leftovers, Record},
    output::{self, Output, Stream},
    poller::Poller,
    port::Ports,
    reaper::{Leader, Reaper},
    runner::{Runner, Sink},
    spawn::{self, Given, Launch, LaunchError},
    sweep,
};

/// Each runner takes four descriptors and its connections, so the usual soft limit of 1024 is too few.
const WANTED_DESCRIPTORS: u64 = 65_536;

/// How to start a [`Supervisor`].
#[derive(Clone, Debug)]
pub struct Options {
    /// Where runners are recorded; made when it is missing. The caller must hold it for itself: a second
    /// platform on the same directory would end this one's runners as leftovers.
    pub state_dir: PathBuf,
    /// The command line of a process that runs [`guard()`](crate::guard()).
    pub guard: Vec<String>,
}

/// Why a [`Supervisor`] did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The state directory or its record could not be made, read or written.
    #[error("could not keep a record of runners in {}", dir.display())]
    Record {
        /// The state directory.
        dir: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no guard.
    #[error("could not guard runners")]
    Guard(#[source] GuardError),
    /// The system gave no thread, descriptor or random number.
    #[error("could not watch runners")]
    Watch(#[source] io::Error),
}

/// Starts runners. Clones are the same supervisor; needs no runtime itself.
///
/// When the last clone is dropped, runners go on and are still watched. When the process ends, they end.
#[derive(Clone)]
pub struct Supervisor {
    shared: Arc<Shared>,
}

struct Shared {
    token: String,
    launches: AtomicU64,
    ports: Arc<Ports>,
    reaper: Arc<Reaper>,
    outputs: Arc<Poller<Output>>,
}

impl Supervisor {
    /// Ends what an earlier start left, and starts the guard and the watching threads.
    ///
    /// Raises this process's soft limit of open files. Blocks for some milliseconds, longer when leftovers
    /// are slow to die.
    ///
    /// # Errors
    ///
    /// When the state directory cannot be used, the guard does not stand, or the system gives no thread.
    pub fn start(options: &Options) -> Result<(Self, Leftovers), Error> {
        let dir = &options.state_dir;
        let unrecorded = |source| Error::Record { dir: dir.clone(), source };
        raise_descriptor_limit();
        fs::create_dir_all(dir).map_err(unrecorded)?;
        //= docs/contract.md#leftovers
        //# A new start MUST end what an earlier one left behind, before it starts runners of its own.
        let leftovers = leftovers::end_recorded(dir).map_err(unrecorded)?;
        let token = token().map_err(Error::Watch)?;
        let record = Record::create(dir, &token).map_err(unrecorded)?;
        let guard = Guard::start(&options.guard, &token).map_err(Error::Guard)?;
        let leaders = Poller::new().map_err(Error::Watch)?;
        let reaper = Reaper { leaders, guard, record }.start().map_err(Error::Watch)?;
        let shared = Shared {
            ports: Ports::new(roll(&token)),
            token,
            launches: AtomicU64::new(0),
            reaper,
            outputs: output::start().map_err(Error::Watch)?,
        };
        Ok((Self { shared: Arc::new(shared) }, leftovers))
    }

    /// Starts a runner on a free port. Its news go to the sink from now on.
    ///
    /// # Errors
    ///
    /// See [`LaunchError`]; nothing runs then, and the sink hears nothing.
    pub fn launch(&self, launch: &Launch, sink: &Arc<dyn Sink>) -> Result<Runner, LaunchError> {
        let shared = &self.shared;
        let number = shared.launches.fetch_add(1, Ordering::Relaxed);
        let port = shared.ports.reserve().ok_or(LaunchError::NoPort)?;
        let link = Arc::new(Link::new(port.number()));
        let marker = format!("{}.{number}", shared.token);
        let given = Given { port: port.number(), marker: &marker };
        let spawned = spawn::spawn(launch, &given)?;
        shared.reaper.record.started(spawned.pid);
        shared.reaper.guard.started(spawned.pid, number);
        let process = (spawned.pid, spawned.pidfd);
        let leader = Arc::new(Leader::new(process, number, port, Arc::clone(sink)));
        let watch = || {
            let out = self.read(spawned.out, Stream::Out, sink)?;
            let outputs = [out, self.read(spawned.err, Stream::Err, sink)?];
            shared.reaper.leaders.add(Arc::clone(&leader)).map(|()| outputs)
        };
        match watch() {
            Ok(outputs) => Ok(Runner { leader, link, outputs }),
            Err(source) => {
                shared.reaper.give_up(&leader);
                let program = launch.command.first().cloned().unwrap_or_default();
                Err(LaunchError::Watch { program, source })
            }
        }
    }

    /// After the end of a runner: ends what descends from it and is there still, and waits until it is gone, a second
    /// for each round. Blocks; the guard does the same by itself, and nobody can wait for it.
    pub fn end_descendants(&self, runner: &Runner) {
        let (token, number) = (&self.shared.token, runner.leader.number());
        let _count = sweep::end_marked(&|mark| mark.token == token && mark.number == number, 1);
    }

    fn read(&self, pipe: OwnedFd, stream: Stream, sink: &Arc<dyn Sink>) -> io::Result<Arc<Output>> {
        let output = Arc::new(Output::new(pipe, stream, Arc::clone(sink))?);
        self.shared.outputs.add(Arc::clone(&output))?;
        Ok(output)
    }
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor").field("token", &self.shared.token).finish_non_exhaustive()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.reaper.leaders.stop();
        self.outputs.stop();
    }
}

/// A random name for this start.
fn token() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/uuid")?.trim().to_owned())
}

/// The first digits of a token, as a number.
fn roll(token: &str) -> u64 {
    token.get(..8).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or_default()
}

fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(WANTED_DESCRIPTORS, |most| most.min(WANTED_DESCRIPTORS));
    if limit.current.is_some_and(|current| current < wanted) {
        let raised = Rlimit { current: Some(wanted), maximum: limit.maximum };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::debug!(%error, "the limit of open files stays as it is");
        }
    }
}
