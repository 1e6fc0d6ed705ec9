//! Nothing outlives the platform.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use fal_supervisor::{Error, Leftovers, Options, Supervisor};
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    program,
    stage::{Stage, guard_tag, is_alive, options, wait_gone},
};

/// A runner with a child in its group and a daemon that left it; the shell itself ignores being asked.
const SCRIPT: &str = "trap '' TERM INT HUP; sleep 1000 & echo runner $$; \
     setsid sh -c 'echo stray $$; exec sleep 1000' & wait";

/// A platform in a process of its own, whose runner and stray are up.
struct Platform {
    process: Child,
    leftovers: i32,
    runner: i32,
    stray: i32,
}

impl Platform {
    #[expect(
        clippy::disallowed_methods,
        reason = "the platform itself is what this test starts and kills"
    )]
    fn start(state: &Path) -> Self {
        let command = program::command("platform");
        let (program, arguments) = command.split_first().expect("a program");
        let mut process = Command::new(program)
            .args(arguments)
            .env("FAL_TEST_STATE", state)
            .env("FAL_TEST_SCRIPT", SCRIPT)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a platform starts");
        let mut said = BufReader::new(process.stdout.take().expect("it was asked for"));
        let leftovers = number(&mut said, "leftovers ");
        let runner = number(&mut said, "runner ");
        let stray = number(&mut said, "stray ");
        assert!(is_alive(runner) && is_alive(stray));
        Self { process, leftovers, runner, stray }
    }

    fn kill(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it is ours");
    }
}

fn number(said: &mut BufReader<ChildStdout>, start: &str) -> i32 {
    let mut lines = said.lines().map(|line| line.expect("text"));
    lines
        .find_map(|line| line.strip_prefix(start)?.trim().parse().ok())
        .expect("the platform says so")
}

fn state() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

//= docs/contract.md#leftovers
//= type=test
//# Every runner MUST be gone when the platform is gone, however the platform ended.
#[test]
fn a_platform_that_is_killed_takes_runners_children_and_daemons_with_it() {
    let dir = state();
    let mut platform = Platform::start(dir.path());
    platform.kill();
    wait_gone(platform.runner);
    wait_gone(platform.stray);
}

//= docs/contract.md#leftovers
//= type=test
//# A new start MUST end what an earlier one left behind, before it starts runners of its own.
#[test]
fn a_new_start_ends_what_a_platform_and_a_guard_killed_together_left() {
    let dir = state();
    let mut platform = Platform::start(dir.path());
    // Stopped, so that it cannot start another guard while its first one dies.
    let pid = Pid::from_child(&platform.process);
    kill_process(pid, Signal::STOP).expect("it runs");
    let guard = guard_of(dir.path()).expect("it has a guard");
    kill_process(Pid::from_raw(guard).expect("not zero"), Signal::KILL).expect("it runs");
    wait_gone(guard);
    platform.kill();
    assert!(is_alive(platform.runner) && is_alive(platform.stray));

    let mut next = Platform::start(dir.path());
    assert_eq!(next.leftovers, 1);
    wait_gone(platform.runner);
    wait_gone(platform.stray);
    next.kill();
    wait_gone(next.runner);
}

#[test]
fn a_guard_that_is_killed_is_replaced() {
    let dir = state();
    let mut platform = Platform::start(dir.path());
    let first = guard_of(dir.path()).expect("it has a guard");
    kill_process(Pid::from_raw(first).expect("not zero"), Signal::KILL).expect("it runs");
    wait_gone(first);
    let second = loop {
        match guard_of(dir.path()).filter(|guard| *guard != first && is_alive(*guard)) {
            Some(guard) => break guard,
            None => std::thread::yield_now(),
        }
    };
    platform.kill();
    wait_gone(platform.runner);
    wait_gone(platform.stray);
    wait_gone(second);
}

/// The guard of the platform that keeps its state there.
fn guard_of(state: &Path) -> Option<i32> {
    let tag = guard_tag(state);
    let processes = std::fs::read_dir("/proc").expect("processes");
    processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).find(|pid| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == tag.as_bytes())
    })
}

#[test]
fn a_first_start_finds_nothing_left() {
    let dir = state();
    let (_supervisor, leftovers) =
        Supervisor::start(&options(dir.path().join("new"))).expect("it starts");
    assert_eq!(leftovers, Leftovers { runners: 0, strays: 0 });
}

#[test]
fn a_guard_that_does_not_stand_is_an_error() {
    let dir = state();
    let start = |guard: &[&str]| {
        let guard = guard.iter().map(|&word| word.to_owned()).collect();
        Supervisor::start(&Options { state_dir: dir.path().to_owned(), guard }).err()
    };
    for guard in [&["no-such-guard"][..], &["true"], &[]] {
        assert!(matches!(start(guard), Some(Error::Guard(_))), "{guard:?}");
    }
}

#[test]
fn a_state_directory_that_is_a_file_is_an_error() {
    let dir = state();
    let file = dir.path().join("file");
    std::fs::write(&file, "").expect("a file");
    assert!(matches!(Supervisor::start(&options(file)).err(), Some(Error::Record { .. })));
}

#[tokio::test]
async fn a_guard_goes_when_the_last_runner_of_a_dropped_supervisor_ended() {
    let stage = Stage::new();
    let (runner, mut news) = stage.shell("exec sleep 1000");
    let guard = guard_of(&stage.dir.path().join("state")).expect("it has a guard");
    drop(stage);
    assert!(is_alive(guard));
    runner.kill();
    news.exit().await;
    wait_gone(guard);
}
