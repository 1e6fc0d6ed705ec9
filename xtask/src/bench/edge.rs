//! What the platform adds to a session's messages and to a stream's first event, and what large bodies cost its memory.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{
    Effort,
    load::{self, load, program},
    median,
    platform::Platform,
    table::Table,
};
use crate::{say, serve::quoted};

const APP: &str = "bench/edge";
const COUNT: &str = "2000";
const BULK: u64 = 1 << 30;

pub(super) fn run(effort: Effort) -> Result<()> {
    load::build(&["--bin", "fal-server", "--bin", "bench-load", "--bin", "unruly"])?;
    let command = quoted(&program("unruly"));
    let apps = format!(
        "max_body = {}\n[apps.\"{APP}\"]\ncommand = [{command}]\nmin_concurrency = 1\nmax_multiplexing = 4\n",
        BULK * 2
    );
    let platform = Platform::start(&apps)?;
    delays(&platform, effort)?;
    bodies(&platform)
}

/// In turns, message by message, so that whatever else the machine does meets both ways alike.
fn delays(platform: &Platform, effort: Effort) -> Result<()> {
    let to = platform.server.address.as_str();
    let port = port(to)?;
    let mut read: [Vec<f64>; 4] = Default::default();
    for _ in 0..effort.rounds {
        let found = load(&["edge", "--to", to, "--app", APP, "--runner", &port, "--count", COUNT])?;
        let paths = ["/message/runner", "/message/platform", "/event/runner", "/event/platform"];
        for (path, values) in paths.into_iter().zip(&mut read) {
            let value = found.pointer(path).and_then(Value::as_f64);
            values.push(value.with_context(|| format!("no {path} in {found}"))?);
        }
    }
    let [message, through, event, passed] = read.each_ref().map(|values| median(values));
    let mut table = Table::new(&["p50, us", "runner alone", "platform", "added", "goal"]);
    let mut row = |name: &str, alone: f64, ours: f64, goal: &str| {
        let added = format!("{:.0}", ours - alone);
        let cells = [format!("{alone:.0}"), format!("{ours:.0}"), added, goal.to_owned()];
        table.row(std::iter::once(name.to_owned()).chain(cells).collect());
    };
    row("a session's message of 1 KiB, there and back", message, through, "< 200");
    row("a stream's first event", event, passed, "< 1000");
    say::line(format_args!("\nOn the way, medians of {} rounds of {COUNT}", effort.rounds));
    say::line(table);
    Ok(())
}

/// The port of the only runner.
fn port(to: &str) -> Result<String> {
    let bulk =
        load(&["bulk", "--to", to, "--path", "/run/bench/edge", "--way", "down", "--bytes", "1"])?;
    if bulk.get("status").and_then(Value::as_u64) != Some(200) {
        bail!("the runner does not answer: {bulk}");
    }
    let runners =
        load(&["bulk", "--to", to, "--path", "/api/runners", "--way", "get", "--bytes", "0"])?;
    let text = runners.get("text").and_then(Value::as_str).unwrap_or_default();
    let found: Value = serde_json::from_str(text).context("the platform's answer is no JSON")?;
    let port = found.pointer("/runners/0/port").and_then(Value::as_u64);
    Ok(port.context("there is no runner")?.to_string())
}

fn bodies(platform: &Platform) -> Result<()> {
    let to = platform.server.address.as_str();
    let bytes = BULK.to_string();
    let mut table = Table::new(&["1 GiB", "s", "MiB more at the most", "goal"]);
    let mut one = |name: &str, path: &str, way: &str, token: &str| -> Result<Value> {
        let before = platform.server.memory_kib();
        platform.server.forget_peak();
        let said = load(&[
            "bulk", "--to", to, "--path", path, "--way", way, "--bytes", &bytes, "--token", token,
        ])?;
        let status = said.get("status").and_then(Value::as_u64);
        if status != Some(200) {
            bail!("{name}: {said}");
        }
        let more = platform.server.peak_kib().saturating_sub(before) / 1024;
        let seconds = said.get("seconds").and_then(Value::as_f64).unwrap_or(f64::NAN);
        table.row(vec![
            name.to_owned(),
            format!("{seconds:.1}"),
            more.to_string(),
            "< 64".to_owned(),
        ]);
        Ok(said)
    };
    one("a direct call's body", "/run/bench/edge", "up", "")?;
    one("a direct call's answer", "/run/bench/edge", "down", "")?;
    let token = load(&[
        "bulk",
        "--to",
        to,
        "--path",
        "/rest/storage/auth/token?storage_type=fal-cdn-v3",
        "--way",
        "down",
        "--bytes",
        "0",
    ])?;
    let text = |value: &Value, name: &str| -> Result<String> {
        let text = value.get("text").and_then(Value::as_str).unwrap_or_default();
        let found: Value =
            serde_json::from_str(text).context("the platform's answer is no JSON")?;
        let found = found.get(name).and_then(Value::as_str).map(str::to_owned);
        found.with_context(|| format!("no {name} in {text}"))
    };
    let token = text(&token, "token")?;
    let stored = one("an upload", "/cdn/files/upload", "up", &token)?;
    let url = text(&stored, "access_url")?;
    let path = url.split_once("/cdn/").map(|(_, rest)| format!("/cdn/{rest}"));
    one("a download", &path.context("the URL is of the platform")?, "get", "")?;
    say::line("\nLarge bodies, and what the platform's memory grows by");
    say::line(table);
    Ok(())
}
