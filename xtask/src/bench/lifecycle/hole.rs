//! One runner of eight fails in a millisecond and so is always free: how much of the load it gets.

use std::fs;

use anyhow::{Context, Result};

use super::{app, number};
use crate::{
    bench::{Effort, load::load, median, platform::Platform, table::Table},
    say,
    serve::quoted,
    workspace,
};

const RUNNERS: u32 = 8;
const CALLERS: &str = "16";
/// With one slot each some callers always wait, with more of them none does.
const SLOTS: [u32; 2] = [1, 4];

pub(super) fn run(effort: Effort) -> Result<()> {
    let head =
        ["slots each", "answers/s", "in the first second", "after it", "of rounds", "a fair share"];
    let mut table = Table::new(&head);
    for slots in SLOTS {
        let mut shares = Shares::default();
        for round in 1..=effort.rounds {
            say::note(format_args!("a failing runner, round {round} of {}", effort.rounds));
            shares.take(slots, effort.seconds.max(2))?;
        }
        let least = shares.after.iter().copied().fold(f64::INFINITY, f64::min);
        let most = shares.after.iter().copied().fold(0.0, f64::max);
        table.row(vec![
            slots.to_string(),
            format!("{:.0}", median(&shares.rate)),
            format!("{:.2} %", median(&shares.first)),
            format!("{:.2} %", median(&shares.after)),
            format!("{least:.2}-{most:.2} %"),
            format!("{:.1} %", 100.0 / f64::from(RUNNERS)),
        ]);
    }
    say::line(format_args!(
        "\nOne runner of {RUNNERS} fails in 1 ms, the others serve in 10: its share of the load of {CALLERS} callers \
         for {} s (goal: at most a fair share after 1 s)",
        effort.seconds.max(2)
    ));
    say::line(table);
    Ok(())
}

/// Of each round, in percent.
#[derive(Default)]
struct Shares {
    first: Vec<f64>,
    after: Vec<f64>,
    rate: Vec<f64>,
}

impl Shares {
    fn take(&mut self, slots: u32, seconds: u32) -> Result<()> {
        let mark = workspace::made().join("bench/failing");
        let _absent = fs::remove_file(&mark);
        let settings = format!(
            "min_concurrency = {RUNNERS}\nmax_concurrency = {RUNNERS}\nmax_multiplexing = {slots}\n\
             env = {{ ONE_FAILS = {} }}\n",
            quoted(&mark)
        );
        let platform = Platform::start(&app("hole", &settings))?;
        let (to, seconds, runners) =
            (platform.server.address.as_str(), seconds.to_string(), RUNNERS.to_string());
        let words = ["hole", "--to", to, "--app", "bench/hole", "--runners", &runners];
        let more = ["--connections", CALLERS, "--seconds", &seconds];
        let read = load(&[&words[..], &more].concat())?;
        let seconds = read.as_array().context("the load generator tells of no seconds")?;
        let (mut all, mut failed) = (Vec::new(), Vec::new());
        for second in seconds {
            all.push(number(second, "all")?);
            failed.push(number(second, "failed")?);
        }
        let share = |failed: &[f64], all: &[f64]| {
            failed.iter().sum::<f64>() / all.iter().sum::<f64>() * 100.0
        };
        let ((first, after), (first_failed, after_failed)) = (all.split_at(1), failed.split_at(1));
        self.first.push(share(first_failed, first));
        self.after.push(share(after_failed, after));
        self.rate.push(after.iter().sum::<f64>() / after.len() as f64);
        Ok(())
    }
}
