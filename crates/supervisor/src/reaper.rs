//! One thread that sees every runner end, within microseconds, by pidfd.
//!
//! The order matters. The exit is first looked at without reaping, so that the leader stays a zombie and its
//! number stays its own; while it does, the rest of its group is killed; only then is it reaped.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
    thread,
};

use parking_lot::Mutex;
use rustix::{
    io::Errno,
    process::{Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus, kill_process_group, waitid},
};
use tokio::sync::watch;

use crate::{
    guard::Guard,
    leftovers::Record,
    poller::Poller,
    port::Port,
    runner::{Exit, Life, Sink},
};

/// The leading process of a runner: our child, and the one its process group is named for.
pub(crate) struct Leader {
    pid: Pid,
    pidfd: OwnedFd,
    /// Counts the launches of one platform; part of the marker of its descendants.
    number: u64,
    /// The port is free for others only when the runner is gone.
    port: Mutex<Option<Port>>,
    /// Signals are sent only under this lock and while it says false.
    reaped: Mutex<bool>,
    life: watch::Sender<Life>,
    sink: Arc<dyn Sink>,
}

impl Leader {
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn new(
        (pid, pidfd): (Pid, OwnedFd),
        number: u64,
        port: Port,
        sink: Arc<dyn Sink>,
    ) -> Self {
        Self {
            pid,
            pidfd,
            number,
            port: Mutex::new(Some(port)),
            reaped: Mutex::new(false),
            life: watch::Sender::new(Life::Running),
            sink,
        }
    }

    pub(crate) const fn pid(&self) -> Pid {
        self.pid
    }

    pub(crate) const fn life(&self) -> &watch::Sender<Life> {
        &self.life
    }

    /// Signals the group unless the leader was reaped.
    pub(crate) fn signal(&self, signal: Signal) {
        let reaped = self.reaped.lock();
        if *reaped {
            return;
        }
        if let Err(error) = kill_process_group(self.pid, signal)
            && error != Errno::SRCH
        {
            tracing::warn!(%error, pid = self.pid.as_raw_pid(), ?signal, "a group was not signalled");
        }
    }

    /// Looks at how it ended: `None` while it runs.
    fn wait(&self, options: WaitIdOptions) -> Option<Exit> {
        loop {
            match waitid(WaitId::PidFd(self.pidfd.as_fd()), WaitIdOptions::EXITED | options) {
                Ok(status) => return status.as_ref().map(exit),
                Err(Errno::INTR) => {}
                Err(error) => {
                    tracing::warn!(%error, pid = self.pid.as_raw_pid(), "a runner's end was not told");
                    return Some(Exit::Unknown);
                }
            }
        }
    }

    fn reap(&self, options: WaitIdOptions) {
        let mut reaped = self.reaped.lock();
        self.wait(options);
        *reaped = true;
    }
}

impl AsFd for Leader {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

/// What the thread tells of each end.
pub(crate) struct Reaper {
    pub(crate) leaders: Poller<Leader>,
    pub(crate) guard: Guard,
    pub(crate) record: Record,
}

impl Reaper {
    /// Starts the thread. It ends when it was stopped and every runner has ended, and lets the guard go.
    pub(crate) fn start(self) -> io::Result<Arc<Self>> {
        let reaper = Arc::new(self);
        let waiting = Arc::clone(&reaper);
        thread::Builder::new().name("fal-reaper".to_owned()).spawn(move || waiting.run())?;
        Ok(reaper)
    }

    /// Ends a leader that cannot be watched on the spot. Its sink hears nothing.
    pub(crate) fn give_up(&self, leader: &Leader) {
        leader.signal(Signal::KILL);
        leader.reap(WaitIdOptions::empty());
        self.guard.ended(leader.pid, leader.number);
        self.record.ended(leader.pid);
    }

    fn run(&self) {
        while !(self.leaders.is_stopped() && self.leaders.is_empty()) {
            match self.leaders.wait() {
                Ok(ready) => {
                    for (key, leader) in ready {
                        self.ended(key, &leader);
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "runners' ends are not seen any more");
                    return;
                }
            }
        }
        self.guard.dismiss();
    }

    fn ended(&self, key: u64, leader: &Leader) {
        let looking = WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        let Some(exit) = leader.wait(looking) else { return };
        leader.signal(Signal::KILL);
        self.guard.ended(leader.pid, leader.number);
        self.record.ended(leader.pid);
        leader.reap(WaitIdOptions::NOHANG);
        self.leaders.remove(key);
        leader.port.lock().take();
        leader.life.send_replace(Life::Exited);
        leader.sink.exited(exit);
    }
}

/// The kernel reports either a code or a signal; nothing else ends a process.
fn exit(status: &WaitIdStatus) -> Exit {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, signal) => Exit::Signal(signal.unwrap_or_default()),
    }
}
