//! Platforms that are killed under load, and what their callers were told.

use std::fs;

use anyhow::Result;

use super::load::{build, program};
use crate::{cmd::Cmd, say, workspace};

/// Platforms that share a database, where one is named.
const NODES: u32 = 2;

/// Kills the platform so many times, cuts the power as often where that can be had, and says what was lost.
pub(super) fn run(deaths: u32) -> Result<()> {
    build(&["--bins"])?;
    audit("kill -9 of the platform", deaths, &["--nodes", "1"])?;
    if let Some(url) = database() {
        let nodes = NODES.to_string();
        let title = format!("kill -9 of one of {NODES} nodes on the database");
        let cmd = auditor(deaths, &["--nodes", &nodes])?.env("FAL_SERVER_QUEUE", url);
        tell(&title, cmd)?;
    } else {
        say::note(
            "no database is named by FAL_SERVER_QUEUE: the rounds with two nodes are left out",
        );
    }
    if is_root() {
        let image = workspace::made().join("bench/losses.img");
        let image = image.to_string_lossy().into_owned();
        let title = "the power cut off (ext4 shut down without its log), kill, mount, start";
        audit(title, deaths, &["--nodes", "1", "--image", &image])?;
        let _gone = fs::remove_file(image);
    } else {
        say::note(
            "only root can cut a file system off: the rounds with the power cut are left out",
        );
    }
    Ok(())
}

fn audit(title: &str, deaths: u32, words: &[&str]) -> Result<()> {
    tell(title, auditor(deaths, words)?)
}

fn tell(title: &str, cmd: Cmd) -> Result<()> {
    say::note(format_args!("{title}, {cmd}"));
    let found = cmd.output()?;
    say::line(format_args!("\n{title} (goal: lost, failed and changed are 0)\n{}", found.trim()));
    Ok(())
}

fn auditor(deaths: u32, words: &[&str]) -> Result<Cmd> {
    let home = workspace::made().join("bench/losses");
    // A queue that an earlier run left would be another one's.
    let _absent = fs::remove_dir_all(&home);
    fs::create_dir_all(&home)?;
    let cmd = Cmd::new(program("bench-losses")).arg("--server").arg(program("fal-server"));
    let cmd = cmd.arg("--runner").arg(program("bench-runner")).arg("--home").arg(home);
    Ok(cmd.args(["--rounds", &deaths.to_string()]).args(words))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the database is named where the platform reads it too"
)]
fn database() -> Option<String> {
    std::env::var("FAL_SERVER_QUEUE").ok()
}

fn is_root() -> bool {
    Cmd::new("id").arg("-u").output().is_ok_and(|user| user.trim() == "0")
}
