//! How soon the platform knows that a runner is gone.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::time;

use crate::{Failure, Words, body, connection::Connection, now};

pub(crate) async fn run(words: &Words) -> Result<Value, Failure> {
    let (to, app) = (words.text("to")?, words.text("app")?);
    let mut connection = Connection::open(to).await?;
    let call = connection.request("POST", &format!("/run/{app}"), &body());
    let mut readings = Vec::new();
    for _ in 0..words.number("count")? {
        // An answer means that a runner is ready.
        time::timeout(Duration::from_secs(30), connection.call(&call)).await??;
        readings.push(once(&mut connection, app).await?);
    }
    readings.sort_by(f64::total_cmp);
    let median = readings.get(readings.len() / 2).copied();
    Ok(json!({ "median_ms": median, "max_ms": readings.last().copied() }))
}

/// Milliseconds from the kill until the platform shows that runner as ended.
async fn once(connection: &mut Connection, app: &str) -> Result<f64, Failure> {
    let look = connection.request("GET", "/api/runners", "");
    let pid = ready(connection.call(&look).await?.body, app)?.ok_or("no runner is ready")?;
    let process = Pid::from_raw(i32::try_from(pid)?).ok_or("a pid of nobody")?;
    let killed = now();
    kill_process(process, Signal::KILL)?;
    while ready(connection.call(&look).await?.body, app)? == Some(pid) {}
    Ok((now() - killed).as_secs_f64() * 1_000.0)
}

/// The pid of the app's first runner that takes requests.
fn ready(body: &[u8], app: &str) -> Result<Option<u64>, Failure> {
    let said: Value = serde_json::from_slice(body)?;
    let runners = said.get("runners").and_then(Value::as_array).ok_or("no list of runners")?;
    let text =
        |runner: &Value, name: &str| runner.get(name).and_then(Value::as_str).map(str::to_owned);
    let ready = runners.iter().find(|runner| {
        let state = text(runner, "state").unwrap_or_default();
        text(runner, "app").as_deref() == Some(app) && matches!(state.as_str(), "IDLE" | "RUNNING")
    });
    Ok(ready.and_then(|runner| runner.get("pid")?.as_u64()))
}
