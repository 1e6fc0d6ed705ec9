//! The whole path: the platform and bare axum take turns under the same load.

use anyhow::Result;
use serde_json::Value;

use super::{
    Effort,
    load::{self, Side, load, program},
    platform::Platform,
    server::Server,
    table::Table,
};
use crate::{cmd::Cmd, say};

const CALLERS: u32 = 256;
/// Requests that go the queue's whole way.
const CYCLES: u32 = 20_000;
const APPS: &str = "[apps.\"bench/hello\"]
example = \"hello\"
min_concurrency = 1
max_concurrency = 1
max_multiplexing = 256

[apps.\"bench/parked\"]
example = \"hello\"
scaling_delay = 3600
";

pub(super) fn run(effort: Effort) -> Result<()> {
    let programs = ["--bin", "fal-server", "--bin", "bench-load", "--bin", "bench-axum"];
    load::build(&[&programs[..], &["--example", "hello"]].concat())?;
    let axum = Server::start(Cmd::new(program("bench-axum")))?;
    let platform = Platform::start(APPS)?;
    say::note(format_args!(
        "axum on {}, the platform on {}",
        axum.address, platform.server.address
    ));

    let idle_mib = platform.server.memory_mib();
    let bare = Side { name: "bare axum", server: &axum, path: "/" };
    let ours = Side { name: "platform", server: &platform.server, path: "/run/bench/hello" };
    load::compare("Direct calls", &bare, &ours, effort)?;
    queue(&platform, effort, idle_mib)
}

fn queue(platform: &Platform, effort: Effort, idle_mib: u64) -> Result<()> {
    let (to, callers) = (platform.server.address.as_str(), CALLERS.to_string());
    let seconds = effort.seconds.to_string();
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

    let mut table = Table::new(&["what", "figure"]);
    let figure = |value: &Value, name: &str, unit: &str| {
        format!("{:.1} {unit}", value.get(name).and_then(Value::as_f64).unwrap_or(f64::NAN))
    };
    table.row(vec![format!("durable submits, {CALLERS} callers"), figure(&submit, "rate", "/s")]);
    table.row(vec!["  p99 of a submit".to_owned(), figure(&submit, "p99_us", "us")]);
    table.row(vec![format!("submit, run and result of {CYCLES}"), figure(&cycle, "rate", "/s")]);
    table.row(vec!["platform memory before any request".to_owned(), format!("{idle_mib} MiB")]);
    table.row(vec![
        "platform memory after all this".to_owned(),
        format!("{} MiB", platform.server.memory_mib()),
    ]);
    say::line("\nQueue and memory");
    say::line(table);
    Ok(())
}
