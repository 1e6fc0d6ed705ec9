//! Programs that a bench starts and nobody else ends.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::cmd::{self, Cmd, Running};

/// Looks at what has been started, before it counts as failed.
const LOOKS: u32 = 300;
const PAUSE: Duration = Duration::from_millis(50);

/// A program that gets a signal when this one ends without having ended it: a kill, or Ctrl-C.
pub(super) fn held(program: impl AsRef<Path>, signal: &str) -> Cmd {
    if cmd::exists("setpriv") {
        Cmd::new("setpriv").args(["--pdeathsig", signal]).arg(program.as_ref())
    } else {
        Cmd::new(program.as_ref())
    }
}

/// A port that nobody listens on.
pub(super) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("there is no free port")?;
    Ok(listener.local_addr()?.port())
}

/// Waits until a server that was started answers, or has ended.
#[expect(clippy::disallowed_methods, reason = "a server tells nobody when it is ready")]
pub(super) fn wait(running: &mut Running, is_ready: impl Fn() -> bool, log: &Path) -> Result<()> {
    for _ in 0..LOOKS {
        if is_ready() {
            return Ok(());
        }
        if running.child.try_wait()?.is_some() {
            break;
        }
        thread::sleep(PAUSE);
    }
    bail!("it does not start: {}", last_line(log))
}

/// The last that a program has logged.
pub(super) fn last_line(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it logs nothing").to_owned()
}

/// A folder that is empty.
pub(super) fn emptied(dir: PathBuf) -> Result<PathBuf> {
    let _absent = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).with_context(|| format!("{} cannot be made", dir.display()))?;
    Ok(dir)
}
