//! What one decision costs the more runners there are: the estimates of the engine's own bench.

use std::fs;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{bench::table::Table, cmd::Cmd, say, workspace};

const RUNNERS: [u32; 4] = [1, 10, 100, 1_000];

pub(super) fn run() -> Result<()> {
    let words = ["bench", "-p", "fal-engine", "--bench", "step", "--", "direct call"];
    Cmd::cargo().args(words).run()?;
    let head = ["one direct call, admitted and settled", "1", "10", "100", "1000", "1000 to 10"];
    let mut table = Table::new(&head);
    type Name = fn(u32) -> String;
    let kinds: [(&str, Name); 2] = [
        ("all idle", |runners| format!("direct call, {runners} idle")),
        ("all but one busy", |runners| format!("direct call, 1 of {runners} idle")),
    ];
    for (kind, name) in kinds {
        let [one, ten, hundred, thousand] = RUNNERS.map(|runners| Estimate::read(&name(runners)));
        let (ten, thousand) = (ten?, thousand?);
        let growth = format!("{:.2}", thousand.median / ten.median);
        let cells = [one?, ten, hundred?, thousand].map(|estimate| estimate.cell());
        table.row([&[kind.to_owned()][..], &cells, &[growth]].concat());
    }
    say::line(
        "\nPlacement, ns with 95 % confidence, by the number of runners (goal: 1000 to 10 under 2)",
    );
    say::line(table);
    Ok(())
}

/// Nanoseconds.
#[derive(Debug, Clone, Copy)]
struct Estimate {
    median: f64,
    lower: f64,
    upper: f64,
}

impl Estimate {
    fn read(name: &str) -> Result<Self> {
        let dir = workspace::target().join("criterion/step").join(name);
        let path = dir.join("new/estimates.json");
        let text = fs::read_to_string(&path)
            .with_context(|| format!("no estimate of `{name}` in {}", path.display()))?;
        let read: Value = serde_json::from_str(&text)?;
        let number = |pointer: &str| {
            let number = read.pointer(&format!("/median/{pointer}")).and_then(Value::as_f64);
            number.with_context(|| format!("no `{pointer}` in {}", path.display()))
        };
        Ok(Self {
            median: number("point_estimate")?,
            lower: number("confidence_interval/lower_bound")?,
            upper: number("confidence_interval/upper_bound")?,
        })
    }

    fn cell(self) -> String {
        let Self { median, lower, upper } = self;
        format!("{median:.0} ({lower:.0}-{upper:.0})")
    }
}
