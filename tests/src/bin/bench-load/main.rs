//! A load generator on one thread, for `cargo xtask bench`: closed loop, kept connections, one line of JSON.
//!
//! ```text
//! calls --to ADDR --path PATH --connections N --seconds N     requests/s and latencies of one URL
//! cycle --to ADDR --app APP --connections N --count N         submits, then waits for every result
//! death --to ADDR --app APP --spares N --count N --log FILE   ends runners, and sees how soon that is known and made good
//! hole --to ADDR --app APP --runners N --connections N --seconds N
//!                                                             how much a runner gets that fails at once
//! poison --to ADDR --app APP --runners N --connections N --count N --log FILE
//!                                                             one request that ends its runners, among others
//! queue --to ADDR --app APP --count N --callers N --clients N --seconds N --release FILE
//!                                                             submits, drain and closed loop of a queue
//! submit --to ADDR --app APP --count N --callers N            the first of these alone
//! edge --to ADDR --app APP --runner PORT --count N            a session's messages and a stream's first event, beside the
//!                                                             same runner asked directly
//! bulk --to ADDR --path PATH --bytes N --way up|down|get [--token TOKEN]
//!                                                             one body, far larger than memory should be
//! ```

use std::{
    collections::BTreeMap,
    io::Write,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::Value;

mod calls;
mod connection;
mod cycle;
mod death;
mod edge;
mod hole;
mod log;
mod phases;
mod poison;

/// Whatever went wrong, in words: a person reads it.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The words behind the first one, in pairs.
struct Words(BTreeMap<String, String>);

impl Words {
    fn text(&self, name: &str) -> Result<&str, Failure> {
        self.0.get(name).map(String::as_str).ok_or_else(|| format!("--{name} is missing").into())
    }

    fn number(&self, name: &str) -> Result<u32, Failure> {
        Ok(self.text(name)?.parse()?)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut words = std::env::args().skip(1);
    let what = words.next().unwrap_or_default();
    let mut pairs = BTreeMap::new();
    while let (Some(name), Some(value)) = (words.next(), words.next()) {
        pairs.insert(name.trim_start_matches("--").to_owned(), value);
    }
    let words = Words(pairs);
    let said: Value = match what.as_str() {
        "calls" => calls::run(&words).await?,
        "cycle" => cycle::run(&words).await?,
        "death" => death::run(&words).await?,
        "hole" => hole::run(&words).await?,
        "poison" => poison::run(&words).await?,
        "queue" => phases::run(&words).await?,
        "submit" => phases::submit(&words).await?,
        "edge" => edge::run(&words)?,
        "bulk" => edge::bulk(&words)?,
        _ => return Err("calls, cycle, death, hole, poison, queue, submit, edge or bulk?".into()),
    };
    writeln!(std::io::stdout(), "{said}")?;
    Ok(())
}

/// About a KiB of JSON that `hello` understands.
fn body() -> String {
    format!("{{\"prompt\":\"{}\"}}", "x".repeat(1024 - 13))
}

#[expect(clippy::disallowed_methods, reason = "measuring time is all that this program does")]
fn now() -> Instant {
    Instant::now()
}

/// Seconds of processor time that this program has taken. The kernel counts in hundredths.
fn cpu() -> Result<f64, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The name in parentheses may hold spaces; after it come the state and numbers.
    let after = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks = after.skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / 100.0)
}

/// The clock that other programs read too.
#[expect(clippy::disallowed_methods, reason = "measuring time is all that this program does")]
fn wall_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
