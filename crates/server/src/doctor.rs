//! `fal-server doctor`: is the place where the queue is kept fit for it?

use std::io::Write;

use anyhow::Context;
use fal_queue::store::{Finding, Fitness};

use crate::{
    Failure,
    cli::{Backup, Doctor},
    lock,
    settings::{self, Queue},
    stores,
};

//= docs/contract.md#doctor
//# A store whose settings could lose what it has acknowledged MUST be refused, by `fal-server doctor` and at the start.
/// Checks the store that is configured, and says what was found and what to do.
pub(crate) fn doctor(arguments: &Doctor) -> Result<(), Failure> {
    let settings = settings::load(&arguments.serve)?;
    if let Queue::Embedded = settings.queue
        && let Some(pid) = lock::platform(&settings.data_dir)?
    {
        let text = "its file has one writer, which checked it when it started";
        return say(&[format!("a platform, process {pid}, uses this queue: {text}")]);
    }
    let Some(findings) = stores::examine(&settings)? else {
        return say(&["there is no queue yet; the first start makes one".to_owned()]);
    };
    let unfit = findings.iter().filter(|finding| finding.fitness == Fitness::Unfit).count();
    let mut lines: Vec<_> = findings.iter().map(line).collect();
    lines.push(match (unfit, findings.len()) {
        (0, _) => "fit: what it acknowledges is not lost".to_owned(),
        (unfit, _) => format!("not fit: {unfit} findings would lose what was acknowledged"),
    });
    say(&lines)?;
    if unfit > 0 { Err(not_started()) } else { Ok(()) }
}

fn not_started() -> Failure {
    anyhow::anyhow!("the platform does not start on this store").into()
}

fn line(finding: &Finding) -> String {
    let word = match finding.fitness {
        Fitness::Unfit => "unfit    ",
        Fitness::Doubtful => "doubtful ",
        Fitness::Fit => "fit      ",
    };
    let Finding { found, remedy, .. } = finding;
    if remedy.is_empty() { format!("{word}{found}") } else { format!("{word}{found}; {remedy}") }
}

/// Copies the embedded store while its platform runs.
pub(crate) fn backup(arguments: &Backup) -> Result<(), Failure> {
    if let Some(config) = &arguments.found.config
        && settings::is_elsewhere(config)?
    {
        let text =
            "this queue is in PostgreSQL: copy it with the tools of the database, such as pg_dump";
        return Err(anyhow::anyhow!(text).into());
    }
    let dir = crate::ask::data_dir(&arguments.found)?;
    let (from, to) = (stores::file(&dir), &arguments.to);
    if to.symlink_metadata().is_ok() {
        let text = format!("{} is there already: name a file that is not there yet", to.display());
        return Err(anyhow::anyhow!(text).into());
    }
    let report = fal_store_sqlite::backup(&from, to);
    let report = report
        .with_context(|| format!("{} cannot be copied to {}", from.display(), to.display()))?;
    let (requests, bytes) = (report.requests, report.bytes + report.body_bytes);
    say(&[format!("copied to {}: {requests} requests, {bytes} bytes", to.display())])
}

fn say(lines: &[String]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}").context("could not write to standard output")?;
    }
    Ok(())
}
