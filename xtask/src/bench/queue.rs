//! The queue: its stores alone, and through HTTP beside two peers that are as durable.
//!
//! Every figure stands beside the rate of flushes of the same run, before it and after it: on a disk that flushes half
//! as fast, half the figure is as good.

use std::{fs, path::PathBuf, thread, time::Duration};

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Effort, load, table::Table};
use crate::{say, workspace};

mod disk;
mod goals;
mod million;
mod ours;
mod peers;
mod postgres;
mod redis;
mod started;
mod stores;
mod through;

use disk::Disk;
use goals::Goals;
use postgres::Postgres;

/// How long a run may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Pace {
    #[default]
    Thorough,
    /// Less than a minute.
    Quick,
}

/// What was asked for.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) pace: Pace,
    /// Where everything is stored.
    pub(super) dir: Option<PathBuf>,
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
struct Size {
    /// Of each look at the disk alone.
    flushes: Duration,
    /// Seconds of each measurement of a store alone.
    cell: u32,
    /// Requests that wait while a platform is started.
    waiting: u32,
    /// Requests that are submitted and drained through HTTP.
    count: u32,
    /// Seconds of the closed loop.
    closed: u32,
    rounds: u32,
}

impl Size {
    const fn of(effort: Effort, pace: Pace) -> Self {
        match pace {
            Pace::Quick => {
                let flushes = Duration::from_millis(200);
                Self { flushes, cell: 1, waiting: 20_000, count: 2_000, closed: 2, rounds: 1 }
            }
            Pace::Thorough => {
                let (flushes, rounds) = (Duration::from_secs(1), effort.rounds);
                Self { flushes, cell: 4, waiting: 1_000_000, count: 20_000, closed: 10, rounds }
            }
        }
    }
}

/// A rate, and how long one took.
#[derive(Debug, Clone, Copy, Default)]
struct Figure {
    rate: f64,
    /// Milliseconds, where one was timed.
    p50: Option<f64>,
    p99: Option<f64>,
}

pub(super) fn run(effort: Effort, wanted: Wanted) -> Result<()> {
    let size = Size::of(effort, wanted.pace);
    let programs = ["--bin", "fal-server", "--bin", "bench-load", "--bin", "bench-answer"];
    let stores = ["-p", "fal-store-sqlite", "-p", "fal-store-postgres"];
    let examples = ["--example", "rates", "--example", "cycles", "--example", "hello"];
    load::build(&[&stores[..], &programs, &examples].concat())?;
    let peers = peers::install();

    let home = home(wanted.dir)?;
    say::note(format_args!("everything is stored in {}", home.display()));
    busy();
    let mut disk = Disk::new(&home, size.flushes);
    let mut goals = Goals::default();
    disk.show(3)?;
    stores::sqlite(&home, (&mut disk, &mut goals), size)?;
    let postgres = Postgres::start(&home);
    stores::postgres(postgres.as_ref(), (&mut disk, &mut goals), size)?;
    let sides = through::Sides { postgres: postgres.as_ref(), peers: peers.as_ref() };
    through::run(&home, &sides, (&mut disk, &mut goals), size)?;
    million::run(&home, (&mut disk, &mut goals), size)?;
    goals.show(wanted.pace);
    drop(postgres);
    fs::remove_dir_all(&home).with_context(|| format!("{} cannot be removed", home.display()))
}

/// Says what others leave of the machine: beside other work all figures are too low.
fn busy() {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    say::line(format_args!(
        "Load of the machine before: {load} on {cores} cores. Beside other work every figure is too low"
    ));
}

/// An empty folder of our own. What an interrupted run has left in it is removed.
fn home(dir: Option<PathBuf>) -> Result<PathBuf> {
    let home = match dir {
        Some(dir) => std::path::absolute(dir)?.join("fal-bench-queue"),
        None => workspace::made().join("bench/queue"),
    };
    let _absent = fs::remove_dir_all(&home);
    fs::create_dir_all(&home).with_context(|| format!("{} cannot be made", home.display()))?;
    Ok(home)
}

/// What a phase of a load generator tells.
fn figure(read: &Value) -> Result<Figure> {
    let number = |name: &str| read.get(name).and_then(Value::as_f64);
    let rate = number("rate").with_context(|| format!("no `rate` in {read}"))?;
    Ok(Figure { rate, p50: number("p50_ms"), p99: number("p99_ms") })
}

/// A table whose rows end with the disk's own rate.
fn table(title: &str) -> Table {
    Table::new(&[title, "per s", "p50 ms", "p99 ms", "flushes/s before", "after"])
}

/// What stands in such a row behind its name.
fn cells(figure: &Figure, flushes: [f64; 2]) -> Vec<String> {
    let [before, after] = flushes.map(whole);
    let time = |time: Option<f64>| time.map_or("-".to_owned(), |time| format!("{time:.2}"));
    vec![whole(figure.rate), time(figure.p50), time(figure.p99), before, after]
}

/// A row for what did not run.
fn missing(name: &str, why: &str) -> Vec<String> {
    vec![name.to_owned(), format!("not run: {why}")]
}

fn row(name: &str, figure: &Figure, flushes: [f64; 2]) -> Vec<String> {
    std::iter::once(name.to_owned()).chain(cells(figure, flushes)).collect()
}

/// A number with its thousands apart.
fn whole(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        let numbers = [7.2, 999.0, 1_000.0, 88_682.4, 1_234_567.0];
        assert_eq!(numbers.map(whole), ["7", "999", "1,000", "88,682", "1,234,567"]);
    }
}
