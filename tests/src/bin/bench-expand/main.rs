//! How long the attributes of `fal-app` take over a large app, for `cargo xtask bench`: one line of JSON.
//!
//! ```text
//! time --rounds N     milliseconds of each attribute, without the compiler's own part in it
//! source              that app, to be read or compiled
//! ```

use std::{
    error::Error,
    io::{self, Write},
    time::Instant,
};

use fal_app_codegen::{Expansion, app_error, fal_app};
use proc_macro2::TokenStream;
use serde_json::{Value, json};

mod app;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["time", "--rounds", rounds] => writeln!(io::stdout(), "{}", time(rounds.parse()?)?)?,
        ["source"] => write!(io::stdout(), "{}", app::file()?)?,
        _ => return Err("time or source?".into()),
    }
    Ok(())
}

/// What each part took, round by round, in milliseconds.
#[derive(Default)]
struct Readings {
    item: Vec<f64>,
    wiring: Vec<f64>,
    error: Vec<f64>,
    all: Vec<f64>,
}

fn time(rounds: u32) -> Result<Value, Box<dyn Error>> {
    let arguments: TokenStream = app::ARGUMENTS.parse()?;
    let item: TokenStream = app::STRUCT.parse()?;
    let wiring: TokenStream = app::wiring().parse()?;
    let error: TokenStream = app::ERROR.parse()?;
    let mut readings = Readings::default();
    for _ in 0..rounds {
        let struct_ms = one(|| fal_app(arguments.clone(), item.clone()))?;
        let impl_ms = one(|| fal_app(TokenStream::new(), wiring.clone()))?;
        let error_ms = one(|| app_error(error.clone()))?;
        readings.item.push(struct_ms);
        readings.wiring.push(impl_ms);
        readings.error.push(error_ms);
        readings.all.push(struct_ms + impl_ms + error_ms);
    }
    Ok(json!({
        "endpoints": app::ENDPOINTS,
        "lines": app::file()?.lines().count(),
        "struct": summary(readings.item),
        "impl": summary(readings.wiring),
        "error": summary(readings.error),
        "all": summary(readings.all),
    }))
}

/// One attribute, in milliseconds.
fn one(expand: impl FnOnce() -> Expansion) -> Result<f64, syn::Error> {
    let begin = now();
    let Expansion { tokens, errors } = expand();
    let took = now() - begin;
    // An app with a mistake is expanded only in part, which would be measured as fast.
    if let Some(mistake) = errors.into_iter().next() {
        return Err(mistake);
    }
    drop(tokens);
    Ok(took.as_secs_f64() * 1_000.0)
}

fn summary(mut readings: Vec<f64>) -> Value {
    // A compiler asks once, and nothing is warm then.
    let first = readings.first().copied();
    readings.sort_by(f64::total_cmp);
    let median = readings.get(readings.len() / 2).copied();
    json!({ "first": first, "median": median, "max": readings.last().copied() })
}

#[expect(clippy::disallowed_methods, reason = "measuring time is all that this program does")]
fn now() -> Instant {
    Instant::now()
}
