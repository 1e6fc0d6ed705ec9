//! `fal-server reload`: telling a platform that runs, and waiting for what becomes of it.

use std::{
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, anyhow};
use rustix::process::{Pid, Signal, kill_process};

use super::outcome::{self, Outcome};
use crate::{Failure, cli::Reload, lock, settings};

/// How often it is looked whether the reload is over.
const LOOK: Duration = Duration::from_millis(20);

/// After so many looks whoever waits is told for what.
const PATIENCE: u32 = 50;

/// A platform that has not noted a reload after so many looks does not.
const DEAF: u32 = 500;

/// Tells a running platform to read its configuration again, and waits until it has done so.
pub(crate) fn ask(arguments: &Reload) -> Result<(), Failure> {
    let configured = arguments.config.as_deref().map(settings::check).transpose()?;
    let dir = arguments.data_dir.clone().or(configured).unwrap_or_else(|| PathBuf::from(".fal"));
    let pid = lock::platform(&dir)?
        .ok_or_else(|| anyhow!("no platform runs on data_dir {}", dir.display()))?;
    // The number that this one is going to have.
    let number = outcome::noted(&dir).keys().next_back().map_or(1, |last| last + 1);
    let process = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let process = process.ok_or_else(|| anyhow!("{pid} is no number of a process"))?;
    kill_process(process, Signal::HUP)
        .with_context(|| format!("the platform, process {pid}, could not be told"))?;
    if arguments.no_wait {
        let told = "reads its configuration again; its log says what changes";
        return say(&format!("the platform, process {pid}, {told}"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.context("could not start the runtime")?;
    match runtime.block_on(over(&dir, (pid, number)))? {
        Outcome::UnderWay | Outcome::Done => {
            say(&format!("the platform, process {pid}, serves with the new configuration"))
        }
        Outcome::Refused(why) => Err(Failure::Configuration(why)),
        Outcome::HeldUp(apps) => Err(anyhow!(
            "the new revision of {apps} does not start, or waits for what others hold of the machine: the old runners stay in service, and it is tried again; \
             the platform's log says why"
        )
        .into()),
    }
}

/// Waits for the end of the reload with this number.
async fn over(dir: &Path, (pid, number): (u32, u64)) -> anyhow::Result<Outcome> {
    let mut looks = 0;
    loop {
        match outcome::noted(dir).remove(&number) {
            Some(Outcome::UnderWay) => {}
            Some(outcome) => return Ok(outcome),
            None if looks >= DEAF => {
                return Err(anyhow!(
                    "the platform, process {pid}, does not say whether it reloads; its log may"
                ));
            }
            None => {}
        }
        if lock::platform(dir)? != Some(pid) {
            return Err(anyhow!("the platform, process {pid}, has ended meanwhile"));
        }
        looks += 1;
        if looks == PATIENCE {
            let mut err = std::io::stderr();
            let _untold = writeln!(
                err,
                "runners are being replaced, and finish what they have first; Ctrl-C ends only this waiting"
            )
            .is_err();
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn say(text: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{text}").context("could not write to standard output")?;
    Ok(())
}
