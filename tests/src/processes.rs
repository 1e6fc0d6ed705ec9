//! Looking at processes, and signalling them.

use std::{fs, path::Path};

use rustix::process::{Pid, Signal, kill_process};

/// Whether the process runs. One that has ended and was not reaped yet does not.
#[must_use]
pub fn is_alive(pid: u32) -> bool {
    stat(pid).is_some_and(|fields| fields.first().is_some_and(|state| state != "Z"))
}

/// The process group of a process that runs.
#[must_use]
pub fn group_of(pid: u32) -> Option<u32> {
    stat(pid)?.get(2)?.parse().ok()
}

/// The fields of `/proc/PID/stat` behind the name, which may hold anything.
fn stat(pid: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

/// Every process that was started with this text in its environment.
#[must_use]
pub fn environment_holds(text: &str) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let holds = |pid: &u32| {
        let environment = fs::read(Path::new("/proc").join(pid.to_string()).join("environ"));
        environment.is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(text))
    };
    pids.filter(holds).filter(|pid| is_alive(*pid)).collect()
}

/// Sends a signal; one that is gone already does not mind.
///
/// # Panics
/// When the number is not one of a process.
pub fn signal(pid: u32, signal: Signal) {
    let raw = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a process number");
    let _gone = kill_process(raw, signal);
}
