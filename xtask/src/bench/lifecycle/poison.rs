//! One request in many that ends every runner it meets.

use anyhow::{Context, Result};
use serde_json::Value;

use super::{app, number};
use crate::{
    bench::{load::load, platform::Platform, table::Table},
    say,
};

const REQUESTS: &str = "10000";
const CALLERS: &str = "64";
const RUNNERS: &str = "4";

/// What is told of a round: the column, its name in the answer, and its places.
const COLUMNS: [(&str, &str, usize); 7] = [
    ("seconds", "seconds", 2),
    ("runners lost", "lost", 0),
    ("poison's status", "poison_status", 0),
    ("its attempts", "poison_attempts", 0),
    ("innocents failed", "innocents_failed", 0),
    ("tried again", "innocents_retried", 0),
    ("most attempts", "innocents_most_attempts", 0),
];

pub(super) fn run(rounds: u32) -> Result<()> {
    let head: Vec<_> = ["round"].into_iter().chain(COLUMNS.map(|(head, ..)| head)).collect();
    let mut table = Table::new(&head);
    for round in 1..=rounds {
        say::note(format_args!("a poison request, round {round} of {rounds}"));
        let read = once()?;
        let cell = |(_, name, places): (_, &str, usize)| {
            number(&read, name).map(|figure| format!("{figure:.places$}"))
        };
        let cells = COLUMNS.into_iter().map(cell).collect::<Result<Vec<_>>>()?;
        table.row([vec![format!("{round}")], cells].concat());
    }
    say::line(format_args!(
        "\nOne poison request in {REQUESTS} queued ones, {RUNNERS} runners of 8 slots, poison_limit = 2 \
         (goal: at most 2 runners lost, no innocent failed)"
    ));
    say::line(table);
    Ok(())
}

fn once() -> Result<Value> {
    let settings = format!(
        "min_concurrency = {RUNNERS}\nmax_concurrency = {RUNNERS}\nmax_multiplexing = 8\npoison_limit = 2\n\
         env = {{ SETUP_MS = \"200\" }}\n"
    );
    let platform = Platform::start_with_log(&app("poisoned", &settings))?;
    let (to, log) = (platform.server.address.as_str(), platform.log());
    let words = ["poison", "--to", to, "--app", "bench/poisoned", "--runners", RUNNERS];
    let more = ["--connections", CALLERS, "--count", REQUESTS, "--log", &log];
    load(&[&words[..], &more].concat()).context("the poison request")
}
