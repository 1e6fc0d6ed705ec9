//! Three phases through HTTP, with either store, and the same three with two peers.

use std::{fs, path::Path};

use anyhow::{Error, Result, anyhow};
use serde_json::Value;

use super::{
    Figure, Size, cells,
    disk::Disk,
    figure,
    goals::{Goal, Goals},
    ours::Place,
    peers::Peers,
    postgres::Postgres,
    redis::Redis,
};
use crate::{
    bench::{
        load::{load, program},
        median,
        table::Table,
    },
    say,
    serve::quoted,
};

const PHASES: [(&str, &str); 3] =
    [("submit", "A submit"), ("drain", "B drain"), ("closed", "C closed loop")];
const CALLERS: &str = "256";
const CLIENTS: &str = "16";
/// Together they work on as many at once as the peers' workers do.
const RUNNERS: u32 = 4;
const SLOTS: u32 = 16;

/// What the two peers need.
pub(super) struct Sides<'s> {
    pub(super) postgres: Result<&'s Postgres, &'s Error>,
    pub(super) peers: Result<&'s Peers, &'s Error>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Embedded,
    BullMq,
    Postgres,
    PgBoss,
}

const SIDES: [Side; 4] = [Side::Embedded, Side::BullMq, Side::Postgres, Side::PgBoss];

impl Side {
    const fn name(self) -> &'static str {
        match self {
            Self::Embedded => "platform, embedded store",
            Self::BullMq => "BullMQ on Redis, appendfsync always",
            Self::Postgres => "platform, PostgreSQL",
            Self::PgBoss => "pg-boss, the same PostgreSQL",
        }
    }
}

/// What one run of a side measured.
struct Reading {
    figures: [Figure; 3],
    /// How much of a core the load generator took.
    client: [Option<f64>; 3],
    flushes: [f64; 2],
}

/// What the runs of a side measured, or why there are none.
#[derive(Default)]
struct Readings {
    all: Vec<Reading>,
    failed: Option<String>,
}

pub(super) fn run(
    home: &Path,
    sides: &Sides<'_>,
    (disk, goals): (&mut Disk, &mut Goals),
    size: Size,
) -> Result<()> {
    let mut read = [const { Readings { all: Vec::new(), failed: None } }; 4];
    for round in 1..=size.rounds {
        for (side, read) in SIDES.into_iter().zip(&mut read) {
            if read.failed.is_some() {
                continue;
            }
            say::note(format_args!("round {round} of {}: {}", size.rounds, side.name()));
            match disk.beside(|| measure(home, sides, side, size)) {
                Ok((value, flushes)) => read.all.push(Reading::new(&value, flushes)?),
                Err(error) => {
                    say::note(format_args!("{} is left out: {error:#}", side.name()));
                    *read = Readings { all: Vec::new(), failed: Some(format!("{error:#}")) };
                }
            }
        }
    }
    show(&read, size);
    let [embedded, bullmq, postgres, pg_boss] = &read;
    against(goals, ("embedded store", embedded), ("BullMQ", bullmq), 1.0);
    against(goals, ("PostgreSQL", postgres), ("BullMQ", bullmq), 1.0);
    against(goals, ("PostgreSQL", postgres), ("pg-boss", pg_boss), 3.0);
    Ok(())
}

fn measure(home: &Path, sides: &Sides<'_>, side: Side, size: Size) -> Result<Value> {
    let peers = || sides.peers.map_err(|error| anyhow!("{error:#}"));
    let postgres = || sides.postgres.map_err(|error| anyhow!("{error:#}"));
    match side {
        Side::Embedded => platform(home, None, size),
        Side::BullMq => {
            let peers = peers()?;
            let redis = Redis::start(home)?;
            peers.run("bullmq", &redis.port.to_string(), size)
        }
        Side::Postgres => platform(home, Some(postgres()?.database("queue")?), size),
        Side::PgBoss => {
            let url = postgres()?.database("peer")?;
            peers()?.run("pg-boss", &url, size)
        }
    }
}

fn platform(home: &Path, queue: Option<String>, size: Size) -> Result<Value> {
    let release = home.join("release");
    let _absent = fs::remove_file(&release);
    let (program, file) = (quoted(&program("bench-answer")), quoted(&release));
    let apps = format!(
        "[apps.\"bench/answer\"]\ncommand = [{program}]\nenv = {{ WAIT_FOR = {file} }}\n\
         min_concurrency = {RUNNERS}\nmax_concurrency = {RUNNERS}\nmax_multiplexing = {SLOTS}\n\
         startup_timeout = 3600\n"
    );
    let mut server = Place::new(home, queue, &apps)?.start()?;
    let (count, seconds) = (size.count.to_string(), size.closed.to_string());
    let release = release.to_string_lossy();
    let words = ["queue", "--to", &server.address, "--app", "bench/answer", "--callers", CALLERS];
    let more = ["--clients", CLIENTS, "--count", &count, "--seconds", &seconds];
    let read = load(&[&words[..], &more, &["--release", &release]].concat());
    server.stop();
    read
}

impl Reading {
    fn new(value: &Value, flushes: [f64; 2]) -> Result<Self> {
        let (mut figures, mut client) = ([Figure::default(); 3], [None; 3]);
        for (((name, _), found), client) in PHASES.iter().zip(&mut figures).zip(&mut client) {
            let phase = value.get(name).unwrap_or(&Value::Null);
            *found = figure(phase)?;
            *client = phase.get("client").and_then(Value::as_f64);
        }
        Ok(Self { figures, client, flushes })
    }
}

impl Readings {
    /// The value of one phase in each run.
    fn each(&self, phase: usize, of: fn(&Figure) -> Option<f64>) -> Vec<f64> {
        self.all.iter().filter_map(|read| of(read.figures.get(phase)?)).collect()
    }

    fn median(&self, phase: usize, of: fn(&Figure) -> Option<f64>) -> Option<f64> {
        let values = self.each(phase, of);
        (!values.is_empty()).then(|| median(&values))
    }

    fn row(&self, name: &str, phase: usize) -> Vec<String> {
        let rates = self.each(phase, |figure| Some(figure.rate));
        let least = rates.iter().copied().fold(f64::INFINITY, f64::min);
        let most = rates.iter().copied().fold(0.0, f64::max);
        let flushes = [0, 1].map(|at| {
            let all: Vec<_> = self.all.iter().filter_map(|read| read.flushes.get(at)).collect();
            median(&all.into_iter().copied().collect::<Vec<_>>())
        });
        let figure = Figure {
            rate: median(&rates),
            p50: self.median(phase, |figure| figure.p50),
            p99: self.median(phase, |figure| figure.p99),
        };
        let mut row = vec![name.to_owned()];
        row.extend(cells(&figure, flushes));
        row.insert(2, format!("{}-{}", super::whole(least), super::whole(most)));
        row
    }
}

fn show(read: &[Readings; 4], size: Size) {
    let (count, rounds) = (super::whole(size.count.into()), size.rounds);
    say::line(format_args!(
        "\nThrough HTTP, beside two peers: A {count} submits, {CALLERS} at once, that nobody takes yet; B those are \
         taken, {} at once; C {CLIENTS} clients for {} s, submit to result. Medians of {rounds} rounds",
        RUNNERS * SLOTS,
        size.closed,
    ));
    for (phase, (_, title)) in PHASES.iter().enumerate() {
        let head = [title, "per s", "of rounds", "p50 ms", "p99 ms", "flushes/s before", "after"];
        let mut table = Table::new(&head);
        for (side, read) in SIDES.into_iter().zip(read) {
            if read.failed.is_none() {
                table.row(read.row(side.name(), phase));
            }
        }
        say::line(table);
        let client = read.iter().flat_map(|read| &read.all);
        let client: Vec<_> = client.filter_map(|read| *read.client.get(phase)?).collect();
        if !client.is_empty() {
            let share = median(&client) * 100.0;
            say::line(format_args!(
                "  (the platform's load generator took {share:.0} % of a core)"
            ));
        }
    }
    for (side, read) in SIDES.into_iter().zip(read) {
        if let Some(why) = &read.failed {
            say::line(format_args!("  {}: not run: {why}", side.name()));
        }
    }
}

/// One goal for each phase.
fn against(
    goals: &mut Goals,
    (name, ours): (&str, &Readings),
    (peer, theirs): (&str, &Readings),
    times: f64,
) {
    for (phase, (_, title)) in PHASES.iter().enumerate() {
        let rate = |side: &Readings| side.each(phase, |figure| Some(figure.rate));
        // What else the machine does is most alike within one round.
        let ratios = rate(ours).into_iter().zip(rate(theirs)).map(|(ours, theirs)| ours / theirs);
        let ratios: Vec<_> = ratios.collect();
        let found = (!ratios.is_empty()).then(|| median(&ratios));
        goals.add(Goal::times(format!("HTTP, {name}: {title} beside {peer}"), found, times));
    }
}
