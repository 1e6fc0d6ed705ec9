//! A million waiting requests: how soon a platform that was killed is there again, and what memory it takes.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{
    Size,
    disk::Disk,
    figure,
    goals::{Goal, Goals},
    ours::Place,
    whole,
};
use crate::{
    bench::{clock, load::load, server::Server, table::Table},
    say,
};

/// Whose runner starts when the bench is long over.
const APPS: &str = "[apps.\"bench/parked\"]
example = \"hello\"
scaling_delay = 86400
";
const CALLERS: &str = "256";
/// Submitted to the second platform.
const MORE: &str = "2000";

pub(super) fn run(home: &Path, (disk, goals): (&mut Disk, &mut Goals), size: Size) -> Result<()> {
    let waiting = whole(size.waiting.into());
    say::note(format_args!("{waiting} requests are submitted and wait"));
    let place = Place::new(home, None, APPS)?;
    let server = place.start()?;
    let count = size.waiting.to_string();
    let (filled, flushes) = disk.beside(|| submit(&server, &count))?;
    let full = server.memory_mib();
    place.kill(server)?;

    let mut again = None;
    let took = clock::time(|| {
        again = Some(place.start()?);
        Ok(())
    })?;
    let mut server = again.context("the platform is not there")?;
    let fresh = server.memory_mib();
    submit(&server, MORE)?;
    let busy = server.memory_mib();
    server.stop();

    let mut table = Table::new(&[&format!("{waiting} waiting, embedded store"), "figure"]);
    let [before, after] = flushes.map(whole);
    let mut row = |name: &str, figure: String| table.row(vec![name.to_owned(), figure]);
    row("submitted through HTTP", format!("{}/s", whole(filled.rate)));
    row("  flushes/s before and after", format!("{before}, {after}"));
    row("memory of the platform that took them", format!("{full} MiB"));
    row("killed, and started again: listens after", format!("{:.2} s", took.wall_s));
    row("  its memory then", format!("{fresh} MiB"));
    row(&format!("  and after {MORE} more submits"), format!("{busy} MiB"));
    say::line("\nMany that wait");
    say::line(table);
    goals.add(Goal::below(format!("{waiting} waiting: starts again, s"), Some(took.wall_s), 3.0));
    let memory = Some(fresh.max(busy) as f64);
    goals.add(Goal::below(format!("{waiting} waiting: memory after that, MiB"), memory, 300.0));
    Ok(())
}

fn submit(server: &Server, count: &str) -> Result<super::Figure> {
    let words = ["submit", "--to", &server.address, "--app", "bench/parked", "--count", count];
    let read: Value = load(&[&words[..], &["--callers", CALLERS]].concat())?;
    figure(&read)
}
