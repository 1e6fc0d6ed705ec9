//! Building again after each change, and telling the platform.
//!
//! The platform takes this program's place, so that Ctrl-C and its exit status are its own; who watches is a child of it,
//! and ends with it.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::process::parent_id,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use anyhow::Result;

use super::{Wanted, binaries, build};
use crate::{cmd::Cmd, say, workspace};

/// From one look to the next.
const PAUSE: Duration = Duration::from_millis(500);

/// What was seen of each file: when it was last written, and how long it is.
type Sight = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

/// Starts the watch: the same command, which knows by its last word that it is the one who watches.
pub(super) fn start(words: &[String]) -> Result<()> {
    let own = std::env::current_exe()?;
    let platform = std::process::id().to_string();
    Cmd::new(own).arg("serve").args(words).arg("--watching").arg(platform).leave()
}

//= docs/contract.md#watch
//# `cargo xtask serve --watch` MUST build again after a change, and have the platform reload: a change that cannot be built or served changes nothing, and no request is dropped.
/// Builds again after each change for as long as the platform is there.
pub(super) fn keep(wanted: &Wanted, platform: u32) {
    let server = binaries(wanted.profile).join("fal-server");
    let running = sight_of(&server);
    let mut seen = look(wanted);
    while parent_id() == platform {
        pause();
        let now = look(wanted);
        if now == seen {
            continue;
        }
        // An editor may be in the middle of it.
        seen = settled(wanted, now);
        if let Err(error) = build(wanted) {
            say::problem(format_args!("{error:#}: what was built before goes on serving"));
            continue;
        }
        if sight_of(&server) != running {
            say::note(
                "fal-server itself has changed: only a restart of this command serves with it",
            );
        }
        tell(platform);
    }
}

fn tell(platform: u32) {
    if parent_id() == platform && Cmd::new("kill").args(["-HUP", &platform.to_string()]).succeeds()
    {
        say::note("built; the platform replaces the runners whose programs have changed");
    }
}

/// Waits until nothing changes from one look to the next.
fn settled(wanted: &Wanted, mut before: Sight) -> Sight {
    loop {
        pause();
        let now = look(wanted);
        if now == before {
            return now;
        }
        before = now;
    }
}

/// All that is built from, and the configuration.
fn look(wanted: &Wanted) -> Sight {
    let mut sight = Sight::new();
    let root = workspace::root();
    collect(&root.join("crates"), &mut sight);
    let single =
        [Some(root.join("Cargo.toml")), Some(root.join("Cargo.lock")), wanted.config.clone()];
    for path in single.into_iter().flatten() {
        sight.extend(sight_of(&path).map(|seen| (path, seen)));
    }
    sight
}

fn collect(dir: &Path, sight: &mut Sight) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        // What editors leave beside a file begins with a dot, or ends with a tilde.
        let name = name.to_string_lossy();
        if name.starts_with('.') || name.ends_with('~') || name == "target" {
            continue;
        }
        if path.is_dir() {
            collect(&path, sight);
        } else {
            sight.extend(sight_of(&path).map(|seen| (path, seen)));
        }
    }
}

fn sight_of(path: &Path) -> Option<(Option<SystemTime>, u64)> {
    let found = path.metadata().ok()?;
    Some((found.modified().ok(), found.len()))
}

#[expect(
    clippy::disallowed_methods,
    reason = "files are looked at again and again, with a pause between"
)]
fn pause() {
    std::thread::sleep(PAUSE);
}
