//! Runners: how soon a death is seen and made good, what a decision and an idle runner cost, and what one bad runner or
//! one bad request can do.

use anyhow::{Context, Result};
use serde_json::Value;

use super::{
    Effort,
    load::{self, program},
};
use crate::serve::quoted;

mod deaths;
mod hole;
mod idle;
mod placement;
mod poison;

pub(super) fn run(effort: Effort) -> Result<()> {
    load::build(&["--bin", "fal-server", "--bin", "bench-load", "--bin", "bench-runner"])?;
    deaths::run(effort.deaths)?;
    placement::run()?;
    idle::run(effort.rounds)?;
    hole::run(effort)?;
    poison::run(effort.rounds)
}

/// An app of the runner that does as it is told.
fn app(name: &str, settings: &str) -> String {
    let program = quoted(&program("bench-runner"));
    format!("[apps.\"bench/{name}\"]\ncommand = [{program}]\n{settings}\n")
}

fn number(read: &Value, name: &str) -> Result<f64> {
    let number = read.get(name).and_then(Value::as_f64);
    number.with_context(|| format!("no `{name}` in {read}"))
}
