//! The stores alone, by the measuring programs that lie beside them.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Error, Result};

use super::{
    Figure, Size,
    disk::Disk,
    goals::{Goal, Goals},
    missing,
    postgres::Postgres,
    row, started, table,
};
use crate::{
    bench::{load::program, median},
    say,
};

/// Names that the measuring program of the embedded store gives its rows.
const FLUSHES: &str = "flushes, appending 4 KiB";
const ONE: &str = "submits, 1 callers";
const SUBMITS: &str = "submits, 256 callers";
const CYCLES: &str = "cycles, 256 callers";

/// How many commits of a kind go on at once, and how many operations one has at most: both as in the platform.
const LANES: &str = "1";
const BATCH: &str = "256";

pub(super) fn sqlite(
    home: &Path,
    (disk, goals): (&mut Disk, &mut Goals),
    size: Size,
) -> Result<()> {
    say::note("the embedded store alone");
    let folder = started::emptied(home.join("sqlite"))?;
    let (text, flushes) = disk.beside(|| {
        let rates = started::held(program("examples/rates"), "TERM").env("TMPDIR", &folder);
        rates.arg(size.cell.to_string()).output()
    })?;
    let read: Vec<_> = text.lines().filter_map(measured).collect();
    let mut table = table("SQLite");
    read.iter().for_each(|(name, figure)| table.row(row(name, figure, flushes)));
    say::line("\nThe embedded store alone: bodies and results of 1 KiB, each step durable");
    say::line(table);

    let read: BTreeMap<_, _> = read.into_iter().collect();
    let rate = |name: &str| read.get(name).map(|figure| figure.rate);
    // The disk's rate moves within seconds, so no single look at it is the measure.
    let looks: Vec<_> = flushes.into_iter().chain(rate(FLUSHES)).collect();
    let share = rate(ONE).map(|submits| submits / median(&looks));
    let p99 = read.get(SUBMITS).and_then(|figure| figure.p99);
    goals.add(Goal::at_least("SQLite, 256 callers: submits/s", rate(SUBMITS), 60_000.0));
    goals.add(Goal::below("SQLite, 256 callers: p99 of a submit, ms", p99, 10.0));
    goals.add(Goal::at_least("SQLite, 256 callers: cycles/s", rate(CYCLES), 18_000.0));
    goals.add(Goal::times(
        "SQLite, one caller: submits/s beside flushes/s (median of 3 looks)",
        share,
        0.8,
    ));
    Ok(())
}

/// A row of the measuring program: a name, a rate, p50, p99 and the worst.
fn measured(line: &str) -> Option<(String, Figure)> {
    let words: Vec<_> = line.split_whitespace().collect();
    let (name, numbers) = words.split_at_checked(words.len().checked_sub(4)?)?;
    let numbers = numbers.iter().map(|word| word.parse().ok()).collect::<Option<Vec<f64>>>()?;
    let (rate, p50, p99) = (*numbers.first()?, numbers.get(1).copied(), numbers.get(2).copied());
    Some((name.join(" "), Figure { rate, p50, p99 }))
}

/// Stores that share a database.
#[derive(Debug, Clone, Copy)]
struct Sharing {
    name: &'static str,
    stores: &'static str,
}

const SHARINGS: [Sharing; 2] = [
    Sharing { name: "cycles, one store", stores: "1" },
    Sharing { name: "cycles, two stores", stores: "2" },
];

pub(super) fn postgres(
    server: Result<&Postgres, &Error>,
    (disk, goals): (&mut Disk, &mut Goals),
    size: Size,
) -> Result<()> {
    let mut table = table("PostgreSQL");
    let (mut rate, mut share) = (None, None);
    // Two sides that are almost alike: more rounds than elsewhere.
    let rounds = size.rounds * 2 - 1;
    match server {
        Err(error) => {
            SHARINGS.iter().for_each(|side| table.row(missing(side.name, &format!("{error:#}"))));
        }
        Ok(server) => {
            let mut read = [const { Vec::new() }; 2];
            for round in 1..=rounds {
                say::note(format_args!("PostgreSQL alone, round {round} of {rounds}"));
                let mut sides: Vec<_> = SHARINGS.iter().zip(&mut read).collect();
                // What gets slower or faster from one to the next falls on both.
                if round % 2 == 0 {
                    sides.reverse();
                }
                for (side, read) in sides {
                    read.push(disk.beside(|| cycles(server, side.stores, size.cell))?);
                }
            }
            let [one, two] = &read;
            let shares = one.iter().zip(two).map(|((one, _), (two, _))| two / one);
            share = Some(median(&shares.collect::<Vec<_>>()));
            for (side, read) in SHARINGS.iter().zip(&read) {
                let rates: Vec<_> = read.iter().map(|(rate, _)| *rate).collect();
                let before: Vec<_> = read.iter().map(|(_, [before, _])| *before).collect();
                let after: Vec<_> = read.iter().map(|(_, [_, after])| *after).collect();
                let figure = Figure { rate: median(&rates), p50: None, p99: None };
                table.row(row(side.name, &figure, [median(&before), median(&after)]));
                // That of one store, which is the first.
                rate = rate.or(Some(figure.rate));
            }
        }
    }
    say::line(format_args!(
        "\nPostgreSQL alone: submit, claim and result of 1 KiB, {LANES} lanes of {BATCH} of each kind; medians of {rounds} rounds"
    ));
    say::line(table);
    goals.add(Goal::at_least("PostgreSQL, one store: cycles/s", rate, 10_000.0));
    goals.add(Goal::times("PostgreSQL: two stores beside one", share, 1.0));
    Ok(())
}

fn cycles(server: &Postgres, stores: &str, seconds: u32) -> Result<f64> {
    let url = server.database("cycles")?;
    let cycles = started::held(program("examples/cycles"), "TERM").arg(url);
    let text = cycles.arg(seconds.to_string()).args([stores, LANES, BATCH]).output()?;
    let rate = text.lines().find_map(|line| line.strip_suffix(" cycles/s")?.parse().ok());
    rate.context("the measuring program of the shared store tells no cycles/s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_the_measuring_program_are_read() {
        let head = "                                 per s    p50 ms    p99 ms  worst ms";
        let line = "        submits, 256 callers     88682      1.80     27.00     40.11";
        assert!(measured(head).is_none() && measured("").is_none());
        let (name, figure) = measured(line).unwrap();
        assert_eq!(name, SUBMITS);
        assert_eq!((figure.rate, figure.p50, figure.p99), (88_682.0, Some(1.8), Some(27.0)));
    }
}
