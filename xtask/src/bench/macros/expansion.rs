//! How long the attributes take over a large app.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{
    bench::table::Table,
    cmd::Cmd,
    say,
    serve::{self, Profile},
};

const ROUNDS: &str = "200";

/// Cargo builds macros unoptimised, unless a profile's `build-override` says otherwise.
const BUILDS: [(&str, Profile); 2] =
    [("unoptimised, as in a dev build", Profile::Debug), ("optimised", Profile::Release)];

const PARTS: [&str; 4] = ["struct", "impl", "error", "all"];

pub(super) fn run() -> Result<()> {
    let mut table = Table::new(&["macro", "part", "first ms", "median ms", "max ms"]);
    let mut app = String::new();
    for (name, profile) in BUILDS {
        let read = measure(profile)?;
        for part in PARTS {
            let figure = |of: &str| number(&read, &format!("/{part}/{of}"));
            let figures = [figure("first")?, figure("median")?, figure("max")?];
            let figures = figures.map(|figure| format!("{figure:.2}"));
            table.row([&[name.to_owned(), part.to_owned()][..], &figures].concat());
        }
        app = format!(
            "{} endpoints in {} lines",
            number(&read, "/endpoints")?,
            number(&read, "/lines")?
        );
    }
    say::line(format_args!("\nExpansion of {app}, {ROUNDS} rounds (goal: under 50 ms)"));
    say::line(table);
    say::line("the compiler's own part, tokens in and out of the macro, is not in these");
    Ok(())
}

fn measure(profile: Profile) -> Result<Value> {
    let build = ["build", "-p", "fal-server", "-p", "fal-app", "-p", "fal-tests"];
    let build = Cmd::cargo().args(build).args(["--bin", "bench-expand"]);
    build.args(serve::optimised(profile)).run()?;
    let program = serve::binaries(profile).join("bench-expand");
    let text = Cmd::new(program).args(["time", "--rounds", ROUNDS]).output()?;
    serde_json::from_str(text.trim()).context("the answer of bench-expand is no JSON")
}

fn number(read: &Value, pointer: &str) -> Result<f64> {
    let number = read.pointer(pointer).and_then(Value::as_f64);
    number.with_context(|| format!("no `{pointer}` in {read}"))
}
