//! Deaths of runners: when the platform knows, and when its caller has a good answer again.

use anyhow::{Context, Result};
use serde_json::Value;

use super::{app, number};
use crate::{
    bench::{load::load, percentile, platform::Platform, table::Table},
    say,
};

/// What the runner spends on its setup, apart from what every program does.
const SETUP_MS: u32 = 200;

const HEAD: [&str; 8] =
    ["runner", "deaths", "what", "p50 ms", "p99 ms", "max ms", "goal", "calls failed"];

pub(super) fn run(deaths: u32) -> Result<()> {
    // The first wait after a failed start is the only one that could count here, and none fails.
    let one = format!(
        "min_concurrency = 1\nmax_concurrency = 1\nenv = {{ SETUP_MS = \"{SETUP_MS}\" }}\n\
         crash_backoff = {{ step = 0, max = 0 }}\n"
    );
    let mut table = Table::new(&HEAD);
    for spares in [1, 0] {
        say::note(format_args!("{deaths} deaths with {spares} spares"));
        let platform =
            Platform::start_with_log(&app("dying", &format!("{one}spares = {spares}\n")))?;
        let (log, spares_text, count) = (platform.log(), spares.to_string(), deaths.to_string());
        let to = platform.server.address.as_str();
        let words = ["death", "--to", to, "--app", "bench/dying", "--log", &log];
        let read = load(&[&words[..], &["--spares", &spares_text, "--count", &count]].concat())?;
        let all = read.as_array().context("the load generator tells of no deaths")?;
        for (name, how) in [("kill -9", Some("kill")), ("own 503", Some("503")), ("both", None)] {
            rows(&mut table, (spares, name), &Deaths::of(all, how)?);
        }
    }
    say::line(format_args!(
        "\nDeaths of a runner, counted from the kill or from the writing of the 503"
    ));
    say::line(table);
    say::line(
        "over setup: the good answer, less what the new runner itself says that its setup took",
    );
    Ok(())
}

/// What the deaths of one kind took, in milliseconds.
#[derive(Default)]
struct Deaths {
    seen: Vec<f64>,
    next: Vec<f64>,
    setup: Vec<f64>,
    over: Vec<f64>,
    /// Calls after the death that did not get a 200.
    failed: f64,
}

impl Deaths {
    fn of(all: &[Value], how: Option<&str>) -> Result<Self> {
        let mut deaths = Self::default();
        let is_one = |death: &&Value| {
            how.is_none_or(|how| death.get("how").and_then(Value::as_str) == Some(how))
        };
        for death in all.iter().filter(is_one) {
            let ms = |name: &str| number(death, name).map(|micros| micros / 1_000.0);
            let (next, setup) = (ms("next_us")?, ms("setup_us")?);
            deaths.seen.push(ms("seen_us")?);
            deaths.next.push(next);
            deaths.setup.push(setup);
            deaths.over.push(next - setup);
            deaths.failed += number(death, "failed")?;
        }
        Ok(deaths)
    }
}

fn rows(table: &mut Table, (spares, name): (u32, &str), deaths: &Deaths) {
    let runner = if spares > 0 { "with a spare" } else { "without" };
    let mut row = |what: &str, values: &[f64], goal: &str| {
        let [p50, p99, max] =
            [50, 99, 100].map(|percent| format!("{:.2}", percentile(values, percent)));
        let failed =
            if what == "good answer" { format!("{}", deaths.failed) } else { String::new() };
        let count = format!("{name}, {}", values.len());
        let words = [runner, &count, what].map(str::to_owned);
        table.row([&words[..], &[p50, p99, max, goal.to_owned(), failed]].concat());
    };
    row("death seen", &deaths.seen, "p99 < 5");
    row("good answer", &deaths.next, if spares > 0 { "p99 < 50" } else { "" });
    row("setup of its runner", &deaths.setup, "");
    if spares == 0 {
        row("over setup", &deaths.over, "p99 < 20");
    }
}
