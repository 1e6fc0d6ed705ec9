//! The queue's whole way: submit, claim, run, settle, result.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{task::JoinSet, time};

use crate::{Failure, Words, body, connection::Connection, now};

/// How long to leave a request alone that is not done: the queue is first in, first out, so few ask twice.
const PAUSE: Duration = Duration::from_millis(10);

pub(crate) async fn run(words: &Words) -> Result<Value, Failure> {
    let (to, app) = (words.text("to")?.to_owned(), words.text("app")?.to_owned());
    let (callers, count) = (words.number("connections")?.max(1), words.number("count")?);
    let mut running = JoinSet::new();
    let begin = now();
    for _ in 0..callers {
        let (to, app) = (to.clone(), app.clone());
        running.spawn(async move {
            caller(&to, &app, count / callers).await.map_err(|error| error.to_string())
        });
    }
    let mut done = 0;
    while let Some(ended) = running.join_next().await {
        done += ended??;
    }
    let seconds = (now() - begin).as_secs_f64();
    Ok(json!({ "requests": done, "seconds": seconds, "rate": f64::from(done) / seconds }))
}

async fn caller(to: &str, app: &str, count: u32) -> Result<u32, Failure> {
    let mut connection = Connection::open(to).await?;
    let submit = connection.request("POST", &format!("/queue/{app}"), &body());
    let mut ids = Vec::new();
    for _ in 0..count {
        let response = connection.call(&submit).await?;
        let said: Value = serde_json::from_slice(response.body)?;
        let id = said.get("request_id").and_then(Value::as_str).ok_or("a submit without an id")?;
        ids.push(id.to_owned());
    }
    for id in &ids {
        let ask = connection.request("GET", &format!("/queue/{app}/requests/{id}"), "");
        loop {
            match connection.call(&ask).await?.status {
                200 => break,
                400 => time::sleep(PAUSE).await,
                status => return Err(format!("a result with status {status}").into()),
            }
        }
    }
    Ok(count)
}
