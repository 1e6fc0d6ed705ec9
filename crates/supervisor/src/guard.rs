//! The guard: a process of its own that outlives the platform by just long enough.
//!
//! The platform holds the writing end of the guard's standard input, and nobody else does. When it closes,
//! the platform is gone, however it went, and the guard ends all that its runners left. While the platform
//! lives, the guard ends what stayed of each runner that ended and had left its process group.
//!
//! The guard is in a process group of its own, so that a Ctrl-C at the terminal passes it by. If it is
//! killed, the platform starts another.
//!
//! Lines to the guard: `token TOKEN` first; `+ PID NUMBER` and `- PID NUMBER` as runners start and end. It
//! answers `ready` once.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read, Write},
};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::sweep::end_marked;

mod lifeline;

pub(crate) use lifeline::Guard;
pub use lifeline::GuardError;

/// What a guard says when it stands.
const READY: &str = "ready";

/// Two sweeps in a row that found nothing: see [`end_marked`].
const QUIET_ROUNDS: u32 = 2;

/// The body of the guard process: returns when the platform is gone and nothing of its runners is left.
///
/// Reads standard input until its end and says one line on standard output. Blocks; wants no runtime, and
/// no other thread. The count is of processes that were found and ended after the platform's end.
///
/// # Errors
///
/// When standard input cannot be read. What was known until then was ended all the same.
//= docs/contract.md#leftovers
//# Every runner MUST be gone when the platform is gone, however the platform ended.
pub fn guard() -> io::Result<usize> {
    // Nobody may be there to hear it, which changes nothing.
    let mut out = io::stdout();
    let said = writeln!(out, "{READY}").and_then(|()| out.flush());
    tracing::debug!(?said, "the guard stands");
    let mut ward = Ward::default();
    let read = ward.follow(&mut io::stdin().lock());
    let ended = ward.end_all();
    read.map(|()| ended)
}

/// What a guard knows of its platform.
#[derive(Debug, Default, PartialEq, Eq)]
struct Ward {
    token: String,
    /// Launches by the number of their process group.
    groups: BTreeMap<i32, u64>,
    /// The start of a line whose end has not come yet.
    begun: String,
    /// Launches that ended and have not been swept up after.
    ended: BTreeSet<u64>,
}

impl Ward {
    fn follow(&mut self, input: &mut dyn Read) -> io::Result<()> {
        let mut chunk = [0; 4096];
        loop {
            let length = match input.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.hear(&String::from_utf8_lossy(chunk.get(..length).unwrap_or_default()));
            self.sweep_ended();
        }
    }

    fn hear(&mut self, text: &str) {
        for piece in text.split_inclusive('\n') {
            self.begun.push_str(piece);
            if self.begun.ends_with('\n') {
                let line = std::mem::take(&mut self.begun);
                self.take(line.trim_end());
            }
        }
    }

    fn take(&mut self, line: &str) -> Option<()> {
        let (kind, rest) = line.split_once(' ')?;
        if kind == "token" {
            rest.clone_into(&mut self.token);
            return Some(());
        }
        let (pid, number) = rest.split_once(' ')?;
        let (pid, number) = (pid.parse().ok()?, number.parse().ok()?);
        if kind == "+" {
            self.groups.insert(pid, number);
        } else if kind == "-" {
            self.groups.remove(&pid);
            self.ended.insert(number);
        }
        Some(())
    }

    fn sweep_ended(&mut self) {
        let ended = std::mem::take(&mut self.ended);
        if !ended.is_empty() {
            end_marked(&|mark| mark.token == self.token && ended.contains(&mark.number), 1);
        }
    }

    fn end_all(&self) -> usize {
        let groups =
            self.groups.keys().filter(|pid| **pid > 0).filter_map(|pid| Pid::from_raw(*pid));
        let killed = groups.filter(|pid| kill_process_group(*pid, Signal::KILL).is_ok()).count();
        killed + end_marked(&|mark| mark.token == self.token, QUIET_ROUNDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guard_knows_who_is_alive_however_the_lines_arrive() {
        let text = "token t\n+ 10 1\n+ 11 2\n- 10 1\nnonsense\n+ x 3\n";
        let want = Ward {
            token: "t".to_owned(),
            groups: BTreeMap::from([(11, 2)]),
            begun: String::new(),
            ended: BTreeSet::from([1]),
        };
        for cut in 0..text.len() {
            let mut ward = Ward::default();
            ward.hear(&text[..cut]);
            ward.hear(&text[cut..]);
            assert_eq!(ward, want);
        }
    }
}
