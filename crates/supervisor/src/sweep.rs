//! Finding and ending processes by the marker that they inherited in their environment.

use std::{
    collections::BTreeSet,
    fs,
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, PidfdFlags, Signal, getpid, pidfd_open, pidfd_send_signal},
};

use crate::spawn::MARKER;

/// A process that will not die within this many rounds is left to the kernel.
const MAX_ROUNDS: u32 = 30;

/// How long one round waits for those it killed, in seconds.
const PATIENCE: i64 = 1;

/// A marker's value: which start of which platform, and which launch of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark<'a> {
    pub(crate) token: &'a str,
    pub(crate) number: u64,
}

impl<'a> Mark<'a> {
    fn parse(value: &'a str) -> Option<Self> {
        let (token, number) = value.rsplit_once('.')?;
        Some(Self { token, number: number.parse().ok()? })
    }
}

/// Kills every marked process that is wanted, again and again until so many rounds in a row found none, and
/// says how many there were. One quiet round is not proof: a process can fork while it is read.
pub(crate) fn end_marked(wanted: &dyn Fn(Mark<'_>) -> bool, quiet_rounds: u32) -> usize {
    let mut ended = BTreeSet::new();
    let mut quiet = 0;
    for _ in 0..MAX_ROUNDS {
        let killed: Vec<_> =
            marked(wanted).into_iter().filter_map(|pid| kill(pid, wanted)).collect();
        quiet = if killed.is_empty() { quiet + 1 } else { 0 };
        if quiet >= quiet_rounds {
            break;
        }
        ended.extend(killed.iter().map(|(pid, _)| pid.as_raw_pid()));
        wait_gone(killed.iter().map(|(_, pidfd)| pidfd));
    }
    ended.len()
}

/// Waits for processes to be gone, a bounded time for each.
pub(crate) fn wait_gone<'a>(pidfds: impl Iterator<Item = &'a OwnedFd>) {
    let limit = Timespec { tv_sec: PATIENCE, tv_nsec: 0 };
    for pidfd in pidfds {
        let mut waiting = [PollFd::from_borrowed_fd(pidfd.as_fd(), PollFlags::IN)];
        while poll(&mut waiting, Some(&limit)) == Err(Errno::INTR) {}
    }
}

fn marked(wanted: &dyn Fn(Mark<'_>) -> bool) -> Vec<Pid> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    processes
        .filter_map(|entry| Pid::from_raw(entry.ok()?.file_name().to_str()?.parse().ok()?))
        .filter(|pid| *pid != getpid() && is_wanted(*pid, wanted))
        .collect()
}

/// The descriptor is had first and the marker read again after it, so that a number which changed hands in
/// between is not hit.
fn kill(pid: Pid, wanted: &dyn Fn(Mark<'_>) -> bool) -> Option<(Pid, OwnedFd)> {
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).ok()?;
    if !is_wanted(pid, wanted) {
        return None;
    }
    pidfd_send_signal(&pidfd, Signal::KILL).ok()?;
    Some((pid, pidfd))
}

/// Unreadable means somebody else's, and empty means a zombie or the kernel's own.
fn is_wanted(pid: Pid, wanted: &dyn Fn(Mark<'_>) -> bool) -> bool {
    let Ok(environment) = fs::read(format!("/proc/{}/environ", pid.as_raw_pid())) else {
        return false;
    };
    let value = environment
        .split(|byte| *byte == 0)
        .find_map(|entry| entry.strip_prefix(MARKER.as_bytes())?.strip_prefix(b"="));
    value.and_then(|value| Mark::parse(str::from_utf8(value).ok()?)).is_some_and(wanted)
}
