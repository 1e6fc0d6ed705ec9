//! A load generator on one thread, for `cargo xtask bench`: closed loop, kept connections, one line of JSON.
//!
//! ```text
//! calls --to ADDR --path PATH --connections N --seconds N     requests/s and latencies of one URL
//! cycle --to ADDR --app APP --connections N --count N         submits, then waits for every result
//! death --to ADDR --app APP --count N                         kills runners, and sees how soon it is known
//! ```

use std::{collections::BTreeMap, io::Write, time::Instant};

use serde_json::Value;

mod calls;
mod connection;
mod cycle;
mod death;

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
        _ => return Err("calls, cycle or death?".into()),
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
