//! Measures the cores alone, the store alone, the whole path, the queue beside peers, runners' lives and an app's own
//! cost against bare axum.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::{
    cmd::Cmd,
    flags::{Flags, Usage},
};

mod clock;
mod edge;
mod http;
mod lifecycle;
mod load;
mod losses;
mod macros;
mod platform;
mod queue;
mod server;
mod table;

use queue::{Pace, Wanted};

pub(crate) const HELP: &str = "
cargo xtask bench [policy] [engine] [store] [http] [edge] [queue] [losses] [lifecycle] [macro] [--seconds N] [--rounds N] [--deaths N]
                  [--quick] [--dir DIR]

  policy     one decision (criterion)
  engine     one call through the conductor (criterion)
  store      durable commits of the embedded store
  http       the whole path, release build: `hello` behind fal-server against the same handler on bare axum,
             at concurrency 1 and 64 with 1 KiB of JSON; the queue at 256 callers
  edge       what the platform adds to a session's messages and to a stream's first event, beside the same runner asked
             directly, and what bodies and uploads of 1 GiB cost its memory (needs 2 GB of disk)
  queue      the queue, release build, each figure beside the rate of flushes of the same run:
             - the disk alone: append 1 KiB + fdatasync
             - the embedded store and PostgreSQL alone: submits and whole cycles of 1, 16 and 256 callers
             - through HTTP with either store, beside BullMQ on Redis (appendfsync always) and pg-boss on the same
               PostgreSQL: 20,000 submits, their drain, and a closed loop of 16 clients
             - a million requests that wait while the platform is killed and started again
             and which of the goals are met. It starts Redis, PostgreSQL and the peers itself on free ports, and ends
             them, also when it is interrupted. It needs redis-server, postgresql, nodejs and npm (apt-get install);
             what is not there is left out and named. All of it takes some minutes and 6 GB of disk; what an
             interrupted run has stored goes with the next one. Let the machine do nothing else meanwhile.
             --quick      a look in less than a minute, too short for figures
             --dir DIR    where all of them store what they store, for the disk that you mean (default: below
                          target). As root, the user postgres must be able to reach it
  losses     the platform killed under load (kill -9, --deaths times), and what was acknowledged compared with what
             is there in the end; the same with two nodes on the database that FAL_SERVER_QUEUE names; and as root with
             a file system that is cut off, as by a loss of power
  lifecycle  runners, release build: how soon a death is seen and a caller has a good answer again, with a spare
             and without (default: 200 deaths each, half by kill -9 and half by a 503); placement with 1 to 1,000
             runners; the memory of an idle one; one that fails at once among eight; one request in 10,000
             that ends its runners
  macro      what fal-app costs its user: expansion of 50 endpoints; compile time of `hello`, and its requests/s
             on its own port, both beside the same program by hand on axum
Without a name all of them run. Rounds alternate between the two sides (default: 3 of 5 seconds), and ratios are
made of readings of one run: absolute figures of two machines, or of two hours, do not compare. Where the rounds of
one side are far apart, take more of them.";

const ALL: [&str; 9] =
    ["policy", "engine", "store", "http", "edge", "queue", "losses", "lifecycle", "macro"];

/// How long to measure.
#[derive(Debug, Clone, Copy)]
struct Effort {
    /// Of each round, where a round is not as long as what it measures.
    seconds: u32,
    rounds: u32,
    /// Of runners, with a spare and without.
    deaths: u32,
}

pub(crate) fn run(mut flags: Flags) -> Result<()> {
    let number = |text: Option<String>, name: &str, default: u32| match text {
        None => Ok(default),
        Some(text) => match text.parse() {
            Ok(number) if number > 0 => Ok(number),
            Ok(_) | Err(_) => {
                Err(Usage(format!("{name} wants a whole number above 0, not `{text}`")))
            }
        },
    };
    let effort = Effort {
        seconds: number(flags.value("--seconds")?, "--seconds", 5)?,
        rounds: number(flags.value("--rounds")?, "--rounds", 3)?,
        deaths: number(flags.value("--deaths")?, "--deaths", 200)?,
    };
    let pace = if flags.switch("--quick") { Pace::Quick } else { Pace::Thorough };
    let dir = flags.value("--dir")?.map(PathBuf::from);
    let mut names = Vec::new();
    while let Some(name) = flags.word() {
        names.push(name);
    }
    flags.finish()?;
    if let Some(unknown) = names.iter().find(|name| !ALL.contains(&name.as_str())) {
        bail!(Usage(format!("there is no bench `{unknown}`, only {}", ALL.join(", "))));
    }
    let is_queue_alone = names.iter().all(|name| name == "queue") && !names.is_empty();
    if (pace == Pace::Quick || dir.is_some()) && !is_queue_alone {
        bail!(Usage("--quick and --dir are for `bench queue` alone".to_owned()));
    }
    let mut wanted = Wanted { pace, dir };
    for name in
        ALL.into_iter().filter(|name| names.is_empty() || names.iter().any(|wanted| wanted == name))
    {
        match name {
            "policy" => Cmd::cargo().args(["bench", "-p", "fal-policy"]).run()?,
            "engine" => Cmd::cargo().args(["bench", "-p", "fal-engine"]).run()?,
            "store" => store()?,
            "http" => http::run(effort)?,
            "edge" => edge::run(effort)?,
            "queue" => queue::run(effort, std::mem::take(&mut wanted))?,
            "losses" => losses::run(effort.deaths)?,
            "lifecycle" => lifecycle::run(effort)?,
            _ => macros::run(effort)?,
        }
    }
    Ok(())
}

fn store() -> Result<()> {
    let words = ["run", "--release", "-p", "fal-store-sqlite", "--example", "rates"];
    Cmd::cargo().args(words).run()
}

/// The value in the middle; NaN of none.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The smallest value that this many percent of all do not exceed; NaN of none.
fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(rank).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let values: Vec<_> = (1..=200).rev().map(f64::from).collect();
        assert_eq!(
            [50, 99, 100].map(|percent| percentile(&values, percent)),
            [100.0, 198.0, 200.0]
        );
        assert_eq!(percentile(&[7.0], 99), 7.0);
        assert!(percentile(&[], 50).is_nan());
    }
}
