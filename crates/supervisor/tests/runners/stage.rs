//! What the tests share: a supervisor in a directory of its own, runners, and waiting with a bound.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use fal_supervisor::{Exit, Launch, LaunchError, Options, Runner, Sink, Stream, Supervisor};
use parking_lot::Mutex;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, pidfd_open},
};
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::program;

/// Nothing that works takes this long, and nothing that waits this long works.
pub(crate) const BOUND: Duration = Duration::from_secs(20);

pub(crate) struct Stage {
    pub(crate) supervisor: Supervisor,
    pub(crate) dir: TempDir,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let (supervisor, _) =
            Supervisor::start(&options(dir.path().join("state"))).expect("it starts");
        Self { supervisor, dir }
    }

    pub(crate) fn launch(&self, command: Vec<String>) -> Result<(Runner, News), LaunchError> {
        let launch = Launch {
            app: "acme/test".to_owned(),
            runner: "runner-1".to_owned(),
            command,
            cwd: self.dir.path().to_owned(),
            env: vec![("EXTRA".to_owned(), "more".to_owned())],
        };
        let (news, sink) = News::new();
        Ok((self.supervisor.launch(&launch, &sink)?, news))
    }

    /// A runner that is a line of shell.
    pub(crate) fn shell(&self, script: &str) -> (Runner, News) {
        self.launch(shell(script)).expect("a shell starts")
    }

    /// A runner that serves HTTP as `program` says, and does so already.
    pub(crate) async fn server(&self) -> (Runner, News) {
        let (runner, news) = self.launch(program::command("server")).expect("a server starts");
        within(runner.port_open()).await.expect("its port opens");
        (runner, news)
    }
}

/// The guard's command names the directory, so that a test can tell its guard from others.
pub(crate) fn options(state_dir: PathBuf) -> Options {
    let mut guard = program::command("guard");
    guard.insert(1, guard_tag(&state_dir));
    Options { state_dir, guard }
}

pub(crate) fn guard_tag(state_dir: &Path) -> String {
    format!("FAL_TEST_GUARD_OF={}", state_dir.display())
}

pub(crate) fn shell(script: &str) -> Vec<String> {
    ["sh", "-c", script].map(str::to_owned).to_vec()
}

/// What a runner's sink hears.
pub(crate) struct News {
    exits: UnboundedReceiver<Exit>,
    lines: UnboundedReceiver<(Stream, String)>,
}

struct Teller {
    exits: UnboundedSender<Exit>,
    lines: Mutex<Option<UnboundedSender<(Stream, String)>>>,
}

impl News {
    pub(crate) fn new() -> (Self, Arc<dyn Sink>) {
        let (told_exits, exits) = unbounded_channel();
        let (told_lines, lines) = unbounded_channel();
        let teller = Teller { exits: told_exits, lines: Mutex::new(Some(told_lines)) };
        (Self { exits, lines }, Arc::new(teller))
    }

    pub(crate) async fn exit(&mut self) -> Exit {
        within(self.exits.recv()).await.expect("the sink is kept until the exit")
    }

    pub(crate) async fn line(&mut self) -> (Stream, String) {
        within(self.lines.recv()).await.expect("the sink is kept until the last line")
    }

    /// The next line that begins so, without that beginning. What the test harness prints is passed over.
    pub(crate) async fn after(&mut self, start: &str) -> String {
        loop {
            if let Some(rest) = self.line().await.1.strip_prefix(start) {
                return rest.to_owned();
            }
        }
    }

    pub(crate) async fn number_after(&mut self, start: &str) -> i32 {
        self.after(start).await.trim().parse().expect("a number")
    }
}

impl Sink for Teller {
    fn exited(&self, exit: Exit) {
        // A test may be over before its runner is.
        self.exits.send(exit).ok();
    }

    fn line(&self, stream: Stream, line: String) {
        let heard = self.lines.lock().as_ref().map(|lines| lines.send((stream, line)));
        if !matches!(heard, Some(Ok(()))) {
            self.lines.lock().take();
        }
    }
}

pub(crate) async fn within<T>(wanted: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, wanted).await.expect("it happens within the bound")
}

/// Waits until a process is dead, reaped or not.
pub(crate) fn wait_gone(pid: i32) {
    let Ok(pidfd) = pidfd_open(Pid::from_raw(pid).expect("not zero"), PidfdFlags::empty()) else {
        return;
    };
    let limit = Timespec { tv_sec: 20, tv_nsec: 0 };
    let gone = poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&limit));
    assert_eq!(gone, Ok(1), "process {pid} is still there");
}

pub(crate) fn is_alive(pid: i32) -> bool {
    let Ok(pidfd) = pidfd_open(Pid::from_raw(pid).expect("not zero"), PidfdFlags::empty()) else {
        return false;
    };
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&now)) == Ok(0)
}
