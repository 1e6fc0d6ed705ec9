//! Running a program that is to print something and end, and ending it where it does not.

use std::{
    io::Read,
    os::unix::process::CommandExt as _,
    process::{Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// The most that is read of either output, in bytes: a program that prints without end must not fill
/// the memory.
const LONGEST: u64 = 16 << 20;

/// What the program prints until it ends, or why nothing is known of it.
///
/// Nothing of its process group is left when this returns.
pub(super) fn run(command: &mut Command, limit: Duration) -> Result<Output, String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().map_err(|error| format!("cannot be run: {error}"))?;
    let pid = Pid::from_child(&child);
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (tx, rx) = mpsc::channel();
    thread::spawn(move || {
        let err = thread::spawn(move || whole(err));
        let (out, err) = (whole(out), err.join().unwrap_or_default());
        // It is seen and not reaped, so that its number stays its own until its group has been ended.
        let _gone =
            waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).is_err();
        // Nobody listens any more where it took too long.
        let _late = tx.send((out, err)).is_err();
    });
    let printed = rx.recv_timeout(limit);
    // Where nothing is left to end, that is what this is for.
    let _gone = kill_process_group(pid, Signal::KILL).is_err();
    let status = child.wait().map_err(|error| format!("cannot be waited for: {error}"))?;
    match printed {
        Ok((stdout, stderr)) => Ok(Output { status, stdout, stderr }),
        Err(_) => Err(format!("did not end within {limit:?}, and was ended")),
    }
}

/// All that comes; where reading fails, what came before.
fn whole(printed: Option<impl Read>) -> Vec<u8> {
    let mut text = Vec::new();
    if let Some(printed) = printed {
        let _cut = printed.take(LONGEST).read_to_end(&mut text).is_err();
    }
    text
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "programs that print and end, or do not")]
mod tests {
    use rustix::{
        event::{PollFd, PollFlags, Timespec, poll},
        fs::{CWD, FileType, Mode, OFlags, mknodat, open},
        io::read,
    };

    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn both_outputs_and_the_status_are_told() {
        let output = run(&mut sh("echo out; echo err >&2; exit 3"), Duration::from_secs(60));
        let Output { status, stdout, stderr } = output.unwrap();
        assert_eq!((status.code(), &*stdout, &*stderr), (Some(3), &b"out\n"[..], &b"err\n"[..]));
    }

    #[test]
    fn a_program_that_does_not_end_is_ended_with_all_that_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let held = dir.path().join("held");
        mknodat(CWD, &held, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let holders = open(&held, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()).unwrap();
        let mut command = sh("exec 3>held; sleep 600 & wait");
        let refused = run(command.current_dir(dir.path()), Duration::from_millis(500));
        assert_eq!(refused.unwrap_err(), "did not end within 500ms, and was ended");
        let patience = Timespec { tv_sec: 5, tv_nsec: 0 };
        poll(&mut [PollFd::new(&holders, PollFlags::IN)], Some(&patience)).unwrap();
        assert_eq!(read(&holders, &mut [0; 1]), Ok(0), "somebody still holds it open");
    }

    #[test]
    fn what_a_program_leaves_behind_is_ended_too() {
        let output = run(&mut sh("sleep 600 >&- 2>&- & echo $!"), Duration::from_secs(60)).unwrap();
        let left = String::from_utf8_lossy(&output.stdout).trim().parse().ok();
        let left = left.and_then(Pid::from_raw).unwrap();
        let pidfd = rustix::process::pidfd_open(left, rustix::process::PidfdFlags::empty());
        let patience = Timespec { tv_sec: 5, tv_nsec: 0 };
        let Ok(pidfd) = pidfd else { return };
        let ended = poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&patience));
        assert_eq!(ended, Ok(1), "it still runs");
    }
}
