//! Which runners an earlier start left behind, and ending them.
//!
//! One small file in the state directory, written as runners start and end. A runner is known by its number
//! *and* its start time, so that a number which the kernel gave to somebody else is never hit, and what left
//! its group by the platform's marker; never by name.
//!
//! ```text
//! fal-runners 1                     format
//! world 14661cd6-... pid:[40265]    boot and process namespace that the numbers belong to
//! token 0b9dba7a-...                marker of that start
//! + 4711 1234567                    a runner started: number, start time in clock ticks since boot
//! - 4711                            it ended, its group with it
//! ```

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use parking_lot::Mutex;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use crate::sweep::{end_marked, wait_gone};

const FILE: &str = "runners";
const FORMAT: &str = "fal-runners 1";

/// The file is written anew when it has this many more lines than runners.
const SLACK: usize = 2_000;

/// What an earlier start left behind and this one ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// Runners that were still alive.
    pub runners: usize,
    /// Other processes that descended from runners.
    pub strays: usize,
}

/// Ends all that the file of an earlier start names. No file means nothing was left.
pub(crate) fn end_recorded(dir: &Path) -> io::Result<Leftovers> {
    let text = match fs::read(dir.join(FILE)) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Leftovers::default()),
        Err(error) => return Err(error),
    };
    let recorded = Recorded::parse(&text);
    let leaders: Vec<_> = if recorded.world == Some(world()) {
        recorded
            .live
            .iter()
            .filter_map(|(pid, start)| end_group(Pid::from_raw(*pid)?, *start))
            .collect()
    } else {
        Vec::new()
    };
    wait_gone(leaders.iter());
    let token = recorded.token.unwrap_or_default();
    let strays = end_marked(&|mark| mark.token == token, 2);
    Ok(Leftovers { runners: leaders.len(), strays })
}

fn end_group(pid: Pid, start: u64) -> Option<rustix::fd::OwnedFd> {
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).ok()?;
    if start_time(pid)? != start {
        return None;
    }
    kill_process_group(pid, Signal::KILL).ok()?;
    Some(pidfd)
}

/// What the file says. A line that does not parse was cut short by the platform's death, and says nothing.
#[derive(Debug, Default, PartialEq, Eq)]
struct Recorded<'a> {
    world: Option<String>,
    token: Option<&'a str>,
    /// Start times by process number.
    live: BTreeMap<i32, u64>,
}

impl<'a> Recorded<'a> {
    fn parse(text: &'a str) -> Self {
        let mut recorded = Self::default();
        for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            recorded.take(line);
        }
        recorded
    }

    fn take(&mut self, line: &'a str) -> Option<()> {
        let (kind, rest) = line.split_once(' ')?;
        match kind {
            "world" => self.world = Some(rest.to_owned()),
            "token" => self.token = Some(rest),
            "+" => {
                let (pid, start) = rest.split_once(' ')?;
                self.live.insert(process_number(pid)?, start.parse().ok()?);
            }
            "-" => {
                self.live.remove(&process_number(rest)?);
            }
            _ => {}
        }
        Some(())
    }
}

fn process_number(text: &str) -> Option<i32> {
    text.parse().ok().filter(|number| *number > 0)
}

/// The record of this start.
pub(crate) struct Record {
    path: PathBuf,
    head: String,
    state: Mutex<State>,
}

struct State {
    file: File,
    /// Start times by process number.
    live: BTreeMap<i32, u64>,
    lines: usize,
}

impl Record {
    /// Takes the place of an earlier start's file.
    pub(crate) fn create(dir: &Path, token: &str) -> io::Result<Self> {
        let path = dir.join(FILE);
        let head = format!("{FORMAT}\nworld {}\ntoken {token}\n", world());
        let file = replace(&path, &head)?;
        let state = State { file, live: BTreeMap::new(), lines: 0 };
        Ok(Self { path, head, state: Mutex::new(state) })
    }

    pub(crate) fn started(&self, pid: Pid) {
        // Without a start time it is dead and waiting to be reaped by us: nothing to record.
        let Some(start) = start_time(pid) else { return };
        let mut state = self.state.lock();
        state.live.insert(pid.as_raw_pid(), start);
        self.append(&mut state, &format!("+ {} {start}\n", pid.as_raw_pid()));
    }

    pub(crate) fn ended(&self, pid: Pid) {
        let mut state = self.state.lock();
        if state.live.remove(&pid.as_raw_pid()).is_some() {
            self.append(&mut state, &format!("- {}\n", pid.as_raw_pid()));
        }
    }

    /// A record that cannot be written costs safety after a kill -9, not service.
    fn append(&self, state: &mut State, line: &str) {
        let written = if state.lines > state.live.len() + SLACK {
            self.rewrite(state)
        } else {
            state.lines += 1;
            state.file.write_all(line.as_bytes())
        };
        if let Err(error) = written {
            tracing::warn!(%error, path = %self.path.display(), "runners could not be recorded");
        }
    }

    fn rewrite(&self, state: &mut State) -> io::Result<()> {
        let mut text = self.head.clone();
        for (pid, start) in &state.live {
            text.push_str(&format!("+ {pid} {start}\n"));
        }
        state.lines = state.live.len();
        state.file = replace(&self.path, &text)?;
        Ok(())
    }
}

/// Puts a whole new file in place, so that there is always one to read. Nothing is synced: after a power
/// cut there is no process left either.
fn replace(path: &Path, text: &str) -> io::Result<File> {
    let new = path.with_extension("new");
    let mut file =
        OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&new)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())?;
    fs::rename(&new, path)?;
    Ok(file)
}

/// Field 22 of `/proc/PID/stat`. The second field is the program's name in brackets and may hold anything,
/// so counting starts behind the last bracket.
fn start_time(pid: Pid) -> Option<u64> {
    let stat = fs::read(format!("/proc/{}/stat", pid.as_raw_pid())).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(19)?.parse().ok()
}

/// Numbers and start times mean something only within one boot and one process namespace.
fn world() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!("{} {}", boot.trim(), namespace.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_cut_short_anywhere_still_says_the_rest() {
        let text = "fal-runners 1\nworld b n\ntoken t\n+ 10 100\n+ 11 110\n- 10\n+ 12 12";
        let want = Recorded {
            world: Some("b n".to_owned()),
            token: Some("t"),
            live: BTreeMap::from([(11, 110)]),
        };
        assert_eq!(Recorded::parse(text), want);
        for end in 0..text.len() {
            Recorded::parse(&text[..end]);
        }
    }

    #[test]
    fn the_file_holds_the_living_and_only_its_owner_reads_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let record = Record::create(dir.path(), "t").expect("a record");
        let own = rustix::process::getpid();
        record.started(own);
        let path = dir.path().join(FILE);
        let recorded = |text: &str| Recorded::parse(text).live.len();
        assert_eq!(recorded(&fs::read_to_string(&path).expect("a file")), 1);
        record.ended(own);
        assert_eq!(recorded(&fs::read_to_string(&path).expect("a file")), 0);
        assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn the_file_does_not_grow_without_end() {
        let dir = tempfile::tempdir().expect("a directory");
        let record = Record::create(dir.path(), "t").expect("a record");
        let own = rustix::process::getpid();
        for _ in 0..2 * SLACK {
            record.started(own);
            record.ended(own);
        }
        let text = fs::read_to_string(dir.path().join(FILE)).expect("a file");
        assert!(text.lines().count() < SLACK + 10);
        assert!(Recorded::parse(&text).live.is_empty());
        assert_eq!(Recorded::parse(&text).token, Some("t"));
    }

    #[test]
    fn another_process_with_the_same_number_is_left_alone() {
        let own = rustix::process::getpid();
        let start = start_time(own).expect("this process runs");
        assert!(end_group(own, start + 1).is_none());
    }
}
