//! One URL, as often as it answers.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{Failure, Words, body, connection::Connection, now};

/// Not measured: connections are made, caches fill, a runner may have to start.
const WARM: Duration = Duration::from_secs(1);

pub(crate) async fn run(words: &Words) -> Result<Value, Failure> {
    let (to, path) = (words.text("to")?.to_owned(), words.text("path")?.to_owned());
    let seconds = Duration::from_secs(words.number("seconds")?.into());
    let mut callers = JoinSet::new();
    let begin = now() + WARM;
    for _ in 0..words.number("connections")? {
        let (to, path) = (to.clone(), path.clone());
        callers.spawn(async move {
            caller(&to, &path, begin, begin + seconds).await.map_err(|error| error.to_string())
        });
    }
    let (mut micros, mut all) = (Vec::new(), 0);
    while let Some(done) = callers.join_next().await {
        let (measured, answered) = done??;
        micros.extend(measured);
        all += answered;
    }
    micros.sort_unstable();
    let at = |share: f64| {
        let rank = (micros.len() as f64 * share) as usize;
        micros.get(rank.min(micros.len().saturating_sub(1))).copied().unwrap_or_default()
    };
    Ok(json!({
        "all_requests": all,
        "rate": micros.len() as f64 / seconds.as_secs_f64(),
        "p50_us": at(0.50),
        "p99_us": at(0.99),
    }))
}

/// Latencies in microseconds of the calls that ended in the measured time, and the number of all calls.
async fn caller(
    to: &str,
    path: &str,
    begin: Instant,
    end: Instant,
) -> Result<(Vec<u32>, u64), Failure> {
    let mut connection = Connection::open(to).await?;
    let request = connection.request("POST", path, &body());
    let mut micros = Vec::with_capacity(1 << 16);
    let mut all = 0;
    loop {
        let sent = now();
        let response = connection.call(&request).await?;
        if response.status != 200 {
            let said = String::from_utf8_lossy(response.body).into_owned();
            return Err(format!("status {}: {said}", response.status).into());
        }
        let answered = now();
        all += 1;
        if answered >= end {
            return Ok((micros, all));
        }
        if answered >= begin {
            micros.push(u32::try_from((answered - sent).as_micros()).unwrap_or(u32::MAX));
        }
    }
}
