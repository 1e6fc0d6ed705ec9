//! The platform's side of the guard: starting it, telling it, starting another when it dies.

use std::{
    collections::BTreeMap,
    io::{self, PipeWriter, Read, Write},
    os::{fd::AsFd, unix::process::CommandExt},
    path::Path,
    process::{Child, Stdio},
    sync::Arc,
    thread,
};

use parking_lot::Mutex;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    process::Pid,
};

use super::READY;
use crate::spawn::{MARKER, new_command};

/// How long a guard may take to stand, in seconds.
const START_LIMIT: i64 = 10;

/// How often a guard that died is replaced.
const MAX_REPLACEMENTS: u32 = 16;

/// Why there is no guard.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// The command line is empty.
    #[error("the guard's command is empty")]
    NoCommand,
    /// It did not start.
    #[error("could not start the guard {program}")]
    Spawn {
        /// As it was written.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It started and did not say that it stands.
    #[error("the guard {program} did not say that it is ready")]
    NotReady {
        /// As it was written.
        program: String,
    },
}

/// A guard process that stands, or the next one. Clones stand for the same.
#[derive(Clone)]
pub(crate) struct Guard {
    shared: Arc<Mutex<State>>,
}

struct State {
    token: String,
    /// The one writing end; closed on exec by the standard library, so no runner inherits it.
    lifeline: Option<PipeWriter>,
    live: BTreeMap<i32, u64>,
}

impl Guard {
    /// Starts the guard and the thread that replaces it, and returns when it stands.
    pub(crate) fn start(command: &[String], token: &str) -> Result<Self, GuardError> {
        let state = State { token: token.to_owned(), lifeline: None, live: BTreeMap::new() };
        let guard = Self { shared: Arc::new(Mutex::new(state)) };
        let mut child = guard.spawn(command, Stdio::piped())?;
        let program = || command.first().cloned().unwrap_or_default();
        if !is_ready(&mut child) {
            guard.dismiss();
            end(&mut child);
            return Err(GuardError::NotReady { program: program() });
        }
        let (watching, line) = (guard.clone(), command.to_vec());
        thread::Builder::new()
            .name("fal-guard".to_owned())
            .spawn(move || watching.keep(child, &line))
            .map_err(|source| GuardError::Spawn { program: program(), source })?;
        Ok(guard)
    }

    pub(crate) fn started(&self, pid: Pid, number: u64) {
        let mut state = self.shared.lock();
        state.live.insert(pid.as_raw_pid(), number);
        state.tell(&format!("+ {} {number}\n", pid.as_raw_pid()));
    }

    pub(crate) fn ended(&self, pid: Pid, number: u64) {
        let mut state = self.shared.lock();
        state.live.remove(&pid.as_raw_pid());
        state.tell(&format!("- {} {number}\n", pid.as_raw_pid()));
    }

    /// Lets the guard go, which first makes sure that nothing of the runners is left.
    pub(crate) fn dismiss(&self) {
        self.shared.lock().lifeline = None;
    }

    fn spawn(&self, command: &[String], output: Stdio) -> Result<Child, GuardError> {
        let (program, arguments) = command.split_first().ok_or(GuardError::NoCommand)?;
        let failed = |source| GuardError::Spawn { program: program.clone(), source };
        let (input, lifeline) = io::pipe().map_err(failed)?;
        set_nonblocking(&lifeline).map_err(failed)?;
        // The lock is held throughout, so no runner starts or ends unheard; and a guard is told all before
        // it is born, so that it knows what to do however soon the platform dies.
        let mut state = self.shared.lock();
        state.lifeline = Some(lifeline);
        state.tell_all();
        new_command(Path::new(program))
            .args(arguments)
            // Within a runner of another platform, that one's guard must leave ours to do its work.
            .env_remove(MARKER)
            .stdin(input)
            .stdout(output)
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(failed)
    }

    /// Waits for the guard's end, which is the end of the thread when the platform wanted it.
    fn keep(&self, mut child: Child, command: &[String]) {
        for _ in 0..MAX_REPLACEMENTS {
            let status = child.wait();
            if self.shared.lock().lifeline.is_none() {
                return;
            }
            tracing::warn!(?status, "the guard ended; starting another");
            // Nobody waits for it to be ready, and it must not trip over a reader that is gone.
            child = match self.spawn(command, Stdio::null()) {
                Ok(child) => child,
                Err(error) => {
                    tracing::error!(%error, "no guard: a kill -9 now leaves runners to the next start");
                    return;
                }
            };
        }
        tracing::error!(
            "the guard ended too often: a kill -9 now leaves runners to the next start"
        );
    }
}

impl State {
    /// Never blocks. A guard that is told nothing still finds everything by its marker.
    fn tell(&mut self, text: &str) {
        if let Some(lifeline) = &mut self.lifeline
            && let Err(error) = lifeline.write_all(text.as_bytes())
        {
            tracing::debug!(%error, "the guard was not told");
        }
    }

    fn tell_all(&mut self) {
        let mut text = format!("token {}\n", self.token);
        for (pid, number) in &self.live {
            text.push_str(&format!("+ {pid} {number}\n"));
        }
        self.tell(&text);
    }
}

/// Only our end: a guard that does not read must not hold up the platform.
fn set_nonblocking(pipe: &PipeWriter) -> io::Result<()> {
    let flags = fcntl_getfl(pipe)?;
    Ok(fcntl_setfl(pipe, flags | OFlags::NONBLOCK)?)
}

/// A guard that does not stand is no guard.
fn end(child: &mut Child) {
    let ended = child.kill().and_then(|()| child.wait());
    tracing::debug!(?ended, "the guard that did not stand was ended");
}

/// Reads what the guard says until it says that it stands. What else it prints before is passed over.
fn is_ready(child: &mut Child) -> bool {
    let Some(mut out) = child.stdout.take() else { return false };
    let (mut said, mut chunk) = (Vec::new(), [0; 256]);
    let limit = Timespec { tv_sec: START_LIMIT, tv_nsec: 0 };
    loop {
        let mut waiting = [PollFd::from_borrowed_fd(out.as_fd(), PollFlags::IN)];
        if poll(&mut waiting, Some(&limit)) != Ok(1) {
            return false;
        }
        let Ok(length @ 1..) = out.read(&mut chunk) else { return false };
        said.extend_from_slice(chunk.get(..length).unwrap_or_default());
        if said.split(|byte| *byte == b'\n').any(|line| line == READY.as_bytes()) {
            return true;
        }
    }
}
