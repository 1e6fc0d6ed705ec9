//! The load generator, and what it reads of two servers that take turns.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Effort, median, server::Server, table::Table};
use crate::{cmd::Cmd, say, serve};

const CONCURRENCY: [u32; 2] = [1, 64];
const HEAD: [&str; 6] =
    ["side", "requests/s", "of rounds", "p50 us", "p99 us", "CPU ms / 1000 in its process"];

/// Builds programs optimised: the platform, an app, and what measures them.
///
/// All packages are named whatever is built, so that no bench compiles a dependency again with
/// other features.
pub(super) fn build(targets: &[&str]) -> Result<()> {
    let packages = ["build", "--release", "-p", "fal-server", "-p", "fal-app", "-p", "fal-tests"];
    Cmd::cargo().args(packages).args(targets).run()
}

/// Where such a program lies.
pub(super) fn program(name: &str) -> PathBuf {
    serve::binaries(serve::Profile::Release).join(name)
}

/// Runs the load generator, which answers in JSON.
pub(super) fn load(words: &[&str]) -> Result<Value> {
    let text = Cmd::new(program("bench-load")).args(words).output()?;
    serde_json::from_str(text.trim()).context("the load generator's answer is no JSON")
}

/// One of the two that are compared.
pub(super) struct Side<'s> {
    pub(super) name: &'s str,
    pub(super) server: &'s Server,
    pub(super) path: &'s str,
}

/// Lets both sides answer the same calls in turns, and says what `ours` keeps of `bare`.
pub(super) fn compare(title: &str, bare: &Side<'_>, ours: &Side<'_>, effort: Effort) -> Result<()> {
    for connections in CONCURRENCY {
        let mut table = Table::new(&HEAD);
        let (mut bare_read, mut ours_read) = (Readings::default(), Readings::default());
        for _ in 0..effort.rounds {
            bare_read.take(bare, connections, effort.seconds)?;
            ours_read.take(ours, connections, effort.seconds)?;
        }
        table.row(bare_read.row(bare.name));
        table.row(ours_read.row(ours.name));
        say::line(format_args!(
            "\n{title}, 1 KiB of JSON, concurrency {connections}, medians of {} rounds",
            effort.rounds
        ));
        say::line(table);
        say::line(ours_read.against(&bare_read, ours.name));
    }
    Ok(())
}

/// What the rounds of one side measured.
#[derive(Default)]
struct Readings {
    rate: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    cpu: Vec<f64>,
}

impl Readings {
    fn take(&mut self, side: &Side<'_>, connections: u32, seconds: u32) -> Result<()> {
        let (connections, seconds) = (connections.to_string(), seconds.to_string());
        let before = side.server.cpu_ms();
        let words = ["calls", "--to", &side.server.address, "--path", side.path];
        let more = ["--connections", &connections, "--seconds", &seconds];
        let read = load(&[&words[..], &more].concat())?;
        let cpu = side.server.cpu_ms() - before;
        let number = |name: &str| {
            read.get(name).and_then(Value::as_f64).with_context(|| format!("no `{name}` in {read}"))
        };
        self.rate.push(number("rate")?);
        self.p50.push(number("p50_us")?);
        self.p99.push(number("p99_us")?);
        self.cpu.push(cpu / number("all_requests")? * 1_000.0);
        Ok(())
    }

    fn row(&self, side: &str) -> Vec<String> {
        let cells = [(&self.p50, 1), (&self.p99, 1), (&self.cpu, 2)];
        let cells =
            cells.into_iter().map(|(values, places)| format!("{:.places$}", median(values)));
        let rate = [format!("{:.0}", median(&self.rate)), self.spread()];
        std::iter::once(side.to_owned()).chain(rate).chain(cells).collect()
    }

    /// The slowest and the fastest round. On few cores it matters much at concurrency 1 whether the
    /// kernel lets both processes share one: a ratio of medians within the spread says little.
    fn spread(&self) -> String {
        let slowest = self.rate.iter().copied().fold(f64::INFINITY, f64::min);
        let fastest = self.rate.iter().copied().fold(0.0, f64::max);
        format!("{slowest:.0}-{fastest:.0}")
    }

    fn against(&self, other: &Self, name: &str) -> String {
        format!(
            "{name} keeps {:.0} % of the requests/s and adds {:.0} us at p50",
            median(&self.rate) / median(&other.rate) * 100.0,
            median(&self.p50) - median(&other.p50),
        )
    }
}
