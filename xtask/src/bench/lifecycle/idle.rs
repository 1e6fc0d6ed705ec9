//! What a registered runner that does nothing costs the platform's own memory.

use std::{fs, thread, time::Duration};

use anyhow::Result;

use super::app;
use crate::{
    bench::{median, platform::Platform, table::Table},
    say,
};

/// The first of the further ones also pay for the heap of one more thread that starts runners; the later ones do not.
const RUNNERS: [u32; 3] = [1, 201, 401];
/// The threads that started runners are kept for ten seconds.
const SETTLE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(50);

pub(super) fn run(rounds: u32) -> Result<()> {
    let mut read = RUNNERS.map(|_| Vec::new());
    for round in 1..=rounds {
        say::note(format_args!("memory of idle runners, round {round} of {rounds}"));
        for (runners, values) in RUNNERS.into_iter().zip(&mut read) {
            values.push(memory_kib(runners)?);
        }
    }
    let mut table = Table::new(&["platform's resident memory, KiB", "median", "of rounds"]);
    for (runners, values) in RUNNERS.into_iter().zip(&read) {
        row(&mut table, &format!("with {runners} idle"), values);
    }
    let [one, some, many] = &read;
    let each = |few: &[f64], many: &[f64]| -> Vec<f64> {
        few.iter().zip(many).map(|(few, many)| (many - few) / 200.0).collect()
    };
    row(&mut table, "each of the first 200 more", &each(one, some));
    row(&mut table, "each of the next 200", &each(some, many));
    say::line("\nIdle runners (goal: each under 16 KiB)");
    say::line(table);
    Ok(())
}

fn row(table: &mut Table, name: &str, values: &[f64]) {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    table.row(vec![
        name.to_owned(),
        format!("{:.1}", median(values)),
        format!("{least:.1}-{most:.1}"),
    ]);
}

/// Looks at the log and not at the API, whose answers about hundreds of runners need memory of their own.
#[expect(clippy::disallowed_methods, reason = "nothing tells when memory has been given back")]
fn memory_kib(runners: u32) -> Result<f64> {
    let settings = format!("min_concurrency = {runners}\nmax_concurrency = {runners}\n");
    let platform = Platform::start_with_log(&app("idle", &settings))?;
    let is_ready = |line: &&str| line.contains("runner moved") && line.contains("IDLE");
    while fs::read_to_string(platform.log())?.lines().filter(is_ready).count() < runners as usize {
        thread::sleep(PAUSE);
    }
    thread::sleep(SETTLE);
    Ok(platform.server.memory_kib() as f64)
}
