//! One request that ends every runner it meets, among many that do not.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::{task::JoinSet, time};

use crate::{Failure, Words, connection::Connection, death, log::Log, now};

const INNOCENT: &str = "{\"sleep_ms\":5}";
const POISON: &str = "{\"sleep_ms\":5,\"end\":\"abort\"}";
/// How long to leave a request alone that is not done.
const PAUSE: Duration = Duration::from_millis(10);

/// A request and its end.
#[derive(Debug)]
struct Told {
    is_poison: bool,
    status: u16,
    attempts: u64,
}

pub(crate) async fn run(words: &Words) -> Result<Value, Failure> {
    let (to, app) = (words.text("to")?.to_owned(), words.text("app")?.to_owned());
    let (callers, count) = (words.number("connections")?.max(1), words.number("count")?);
    let mut first = Connection::open(&to).await?;
    death::all_ready(&mut first, &app, words.number("runners")? as usize).await?;
    let mut running = JoinSet::new();
    let begin = now();
    for number in 0..callers {
        let (to, app) = (to.clone(), app.clone());
        let share = count / callers;
        let poison = (number == callers / 2).then_some(share / 2);
        running.spawn(async move {
            caller((&to, &app), share, poison).await.map_err(|error| error.to_string())
        });
    }
    let (mut all, mut end) = (Vec::new(), begin);
    while let Some(ended) = running.join_next().await {
        let (told, done) = ended??;
        all.extend(told);
        end = end.max(done);
    }
    let seconds = (end - begin).as_secs_f64();
    let innocents = || all.iter().filter(|told| !told.is_poison);
    let poison = all.iter().find(|told| told.is_poison).ok_or("no poison")?;
    Ok(json!({
        "requests": all.len(),
        "seconds": seconds,
        "lost": Log::read(words.text("log")?)?.len(),
        "poison_status": poison.status,
        "poison_attempts": poison.attempts,
        "innocents_failed": innocents().filter(|told| told.status != 200).count(),
        "innocents_retried": innocents().filter(|told| told.attempts > 1).count(),
        "innocents_most_attempts": innocents().map(|told| told.attempts).max(),
    }))
}

/// Submits a share, the marked one of it being poison, and waits for all the results; when it had them.
async fn caller(
    (to, app): (&str, &str),
    share: u32,
    marked: Option<u32>,
) -> Result<(Vec<Told>, Instant), Failure> {
    let mut connection = Connection::open(to).await?;
    let path = format!("/queue/{app}");
    let [innocent, poison] = [INNOCENT, POISON].map(|body| connection.request("POST", &path, body));
    let mut ids = Vec::new();
    for number in 0..share {
        let is_poison = marked == Some(number);
        let response = connection.call(if is_poison { &poison } else { &innocent }).await?;
        let said: Value = serde_json::from_slice(response.body)?;
        let id = said.get("request_id").and_then(Value::as_str).ok_or("a submit without an id")?;
        ids.push((id.to_owned(), is_poison));
    }
    let mut statuses = Vec::new();
    for (id, _) in &ids {
        statuses.push(result(&mut connection, &format!("{path}/requests/{id}")).await?);
    }
    let done = now();
    let mut told = Vec::new();
    for ((id, is_poison), status) in ids.into_iter().zip(statuses) {
        let record = connection.request("GET", &format!("/api/requests/{id}"), "");
        let said: Value = serde_json::from_slice(connection.call(&record).await?.body)?;
        let attempts = said.get("attempts").and_then(Value::as_u64).ok_or("no attempts")?;
        told.push(Told { is_poison, status, attempts });
    }
    Ok((told, done))
}

async fn result(connection: &mut Connection, path: &str) -> Result<u16, Failure> {
    let ask = connection.request("GET", path, "");
    loop {
        let response = connection.call(&ask).await?;
        let is_pending = response.status == 400
            && String::from_utf8_lossy(response.body).contains("still in progress");
        if !is_pending {
            return Ok(response.status);
        }
        time::sleep(PAUSE).await;
    }
}
