//! The whole path: the platform and bare axum take turns under the same load.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{
    platform::{Platform, Server},
    table::Table,
};
use crate::{cmd::Cmd, say, serve};

const CONCURRENCY: [u32; 2] = [1, 64];
const CALLERS: u32 = 256;
/// Requests that go the queue's whole way.
const CYCLES: u32 = 20_000;
const DEATHS: u32 = 20;

pub(super) fn run(seconds: u32, rounds: u32) -> Result<()> {
    let build = ["build", "--release", "-p", "fal-server", "-p", "fal-app", "-p", "fal-tests"];
    let targets =
        ["--bin", "fal-server", "--example", "hello", "--bin", "bench-load", "--bin", "bench-axum"];
    Cmd::cargo().args(build).args(targets).run()?;
    let axum = Server::start(Cmd::new(program("bench-axum")))?;
    let platform = Platform::start(&program("fal-server"))?;
    say::note(format_args!(
        "axum on {}, the platform on {}",
        axum.address, platform.server.address
    ));

    let idle_mib = platform.server.memory_mib();
    for connections in CONCURRENCY {
        let mut table =
            Table::new(&["side", "requests/s", "p50 us", "p99 us", "CPU ms / 1000 in its process"]);
        let (mut bare, mut ours) = (Readings::default(), Readings::default());
        for _ in 0..rounds {
            bare.take(&axum, "/", connections, seconds)?;
            ours.take(&platform.server, "/run/bench/hello", connections, seconds)?;
        }
        table.row(bare.row("bare axum"));
        table.row(ours.row("platform"));
        say::line(format_args!(
            "\nDirect calls, 1 KiB of JSON, concurrency {connections}, medians of {rounds} rounds"
        ));
        say::line(table);
        say::line(ours.against(&bare));
    }
    queue(&platform, seconds, idle_mib)
}

fn program(name: &str) -> PathBuf {
    serve::binaries(serve::Profile::Release).join(name)
}

/// Runs the load generator, which answers in JSON.
pub(super) fn load(words: &[&str]) -> Result<Value> {
    let text = Cmd::new(program("bench-load")).args(words).output()?;
    serde_json::from_str(text.trim()).context("the load generator's answer is no JSON")
}

fn queue(platform: &Platform, seconds: u32, idle_mib: u64) -> Result<()> {
    let (to, callers) = (platform.server.address.as_str(), CALLERS.to_string());
    let seconds = seconds.to_string();
    let submit = ["calls", "--to", to, "--path", "/queue/bench/parked", "--connections", &callers];
    let submit = load(&[&submit[..], &["--seconds", &seconds]].concat())?;
    let cycles = CYCLES.to_string();
    let cycle = [
        "cycle",
        "--to",
        to,
        "--app",
        "bench/hello",
        "--connections",
        &callers,
        "--count",
        &cycles,
    ];
    let cycle = load(&cycle)?;
    let deaths = DEATHS.to_string();
    let death = load(&["death", "--to", to, "--app", "bench/hello", "--count", &deaths])?;

    let mut table = Table::new(&["what", "figure"]);
    let figure = |value: &Value, name: &str, unit: &str| {
        format!("{:.1} {unit}", value.get(name).and_then(Value::as_f64).unwrap_or(f64::NAN))
    };
    table.row(vec![format!("durable submits, {CALLERS} callers"), figure(&submit, "rate", "/s")]);
    table.row(vec!["  p99 of a submit".to_owned(), figure(&submit, "p99_us", "us")]);
    table.row(vec![format!("submit, run and result of {CYCLES}"), figure(&cycle, "rate", "/s")]);
    table.row(vec![
        format!("a runner's death is seen, median of {DEATHS}"),
        figure(&death, "median_ms", "ms"),
    ]);
    table.row(vec!["  the slowest".to_owned(), figure(&death, "max_ms", "ms")]);
    table.row(vec!["platform memory before any request".to_owned(), format!("{idle_mib} MiB")]);
    table.row(vec![
        "platform memory after all this".to_owned(),
        format!("{} MiB", platform.server.memory_mib()),
    ]);
    say::line("\nQueue and runners");
    say::line(table);
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
    fn take(&mut self, server: &Server, path: &str, connections: u32, seconds: u32) -> Result<()> {
        let (connections, seconds) = (connections.to_string(), seconds.to_string());
        let before = server.cpu_ms();
        let words = ["calls", "--to", &server.address, "--path", path];
        let more = ["--connections", &connections, "--seconds", &seconds];
        let read = load(&[&words[..], &more].concat())?;
        let cpu = server.cpu_ms() - before;
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
        let cells = [(&self.rate, 0), (&self.p50, 1), (&self.p99, 1), (&self.cpu, 2)];
        let cells =
            cells.into_iter().map(|(values, places)| format!("{:.places$}", median(values)));
        std::iter::once(side.to_owned()).chain(cells).collect()
    }

    fn against(&self, other: &Self) -> String {
        format!(
            "the platform keeps {:.0} % of the requests/s and adds {:.0} us at p50",
            median(&self.rate) / median(&other.rate) * 100.0,
            median(&self.p50) - median(&other.p50),
        )
    }
}

/// The value in the middle; NaN of none.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
