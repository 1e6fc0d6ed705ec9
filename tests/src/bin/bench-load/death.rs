//! How soon the platform knows that a runner is gone, and how soon a caller has a good answer again.
//!
//! Every moment is the wall clock's, in microseconds: this program reads it when it kills a runner, the runner when
//! it writes a 503, and the platform when it logs that the runner has moved. So nothing is polled that is measured.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::time;

use crate::{Failure, Words, connection::Connection, log::Log, wall_micros};

/// Between two looks at runners that are not ready yet, which is not measured.
const PAUSE: Duration = Duration::from_millis(10);
/// For all that has to come at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a runner is brought to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// From outside, by `kill -9`.
    Killed,
    /// By its own answer.
    Status503,
}

impl How {
    const fn name(self) -> &'static str {
        match self {
            Self::Killed => "kill",
            Self::Status503 => "503",
        }
    }
}

/// One death, as its caller sees it.
#[derive(Debug)]
struct Death {
    how: How,
    runner: String,
    at: u64,
    /// When there was a 200 again.
    answered: u64,
    /// What that answer's runner had spent on its setup.
    setup: u64,
    /// Answers other than 200 before it.
    failed: u32,
}

pub(crate) async fn run(words: &Words) -> Result<Value, Failure> {
    let app = words.text("app")?;
    let ready = words.number("spares")? as usize + 1;
    let mut connection = Connection::open(words.text("to")?).await?;
    let mut deaths = Vec::new();
    for number in 0..words.number("count")? {
        let how = if number % 2 == 0 { How::Killed } else { How::Status503 };
        all_ready(&mut connection, app, ready).await?;
        deaths.push(time::timeout(PATIENCE, once(&mut connection, app, how)).await??);
    }
    let log = Log::read(words.text("log")?)?;
    let told = |death: &Death| {
        let seen = log.ended(&death.runner).ok_or("a death that the log does not tell of")?;
        Ok::<_, Failure>(json!({
            "how": death.how.name(),
            "seen_us": log.since(death.at, seen),
            "next_us": death.answered - death.at,
            "setup_us": death.setup,
            "failed": death.failed,
        }))
    };
    Ok(Value::Array(deaths.iter().map(told).collect::<Result<_, _>>()?))
}

/// Ends the runner that serves, and calls at once until there is a good answer.
async fn once(connection: &mut Connection, app: &str, how: How) -> Result<Death, Failure> {
    let path = format!("/run/{app}");
    let (plain, ending) = (
        connection.request("POST", &path, "{}"),
        connection.request("POST", &path, "{\"end\":\"503\"}"),
    );
    // A runner that has served counts as a good one; its answer says which it is.
    let last = connection.call(if how == How::Killed { &plain } else { &ending }).await?;
    let runner = last.header("x-fal-served-from")?.to_owned();
    let at = match how {
        How::Status503 => last.header("x-bench-written")?.parse()?,
        How::Killed => {
            let process = Pid::from_raw(last.header("x-bench-pid")?.parse()?);
            let process = process.ok_or("a pid of nobody")?;
            let now = wall_micros();
            kill_process(process, Signal::KILL)?;
            now
        }
    };
    let mut failed = 0;
    loop {
        let response = connection.call(&plain).await?;
        if response.status == 200 {
            let setup = response.header("x-bench-setup")?.parse()?;
            return Ok(Death { how, runner, at, answered: wall_micros(), setup, failed });
        }
        failed += 1;
    }
}

/// Returns when so many runners of the app are ready and have nothing to do, and one of them has served.
pub(crate) async fn all_ready(
    connection: &mut Connection,
    app: &str,
    wanted: usize,
) -> Result<(), Failure> {
    let look = connection.request("GET", "/api/runners", "");
    let wait = async {
        while idle(connection.call(&look).await?.body, app)? < wanted {
            time::sleep(PAUSE).await;
        }
        Ok::<_, Failure>(())
    };
    time::timeout(PATIENCE, wait).await??;
    let call = connection.request("POST", &format!("/run/{app}"), "{}");
    connection.call(&call).await?;
    Ok(())
}

fn idle(body: &[u8], app: &str) -> Result<usize, Failure> {
    let said: Value = serde_json::from_slice(body)?;
    let runners = said.get("runners").and_then(Value::as_array).ok_or("no list of runners")?;
    let is = |runner: &Value, name: &str, word: &str| {
        runner.get(name).and_then(Value::as_str).is_some_and(|found| found == word)
    };
    let ready = |runner: &&Value| is(runner, "app", app) && is(runner, "state", "IDLE");
    Ok(runners.iter().filter(ready).count())
}
