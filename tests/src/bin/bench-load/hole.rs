//! How much of a load a runner gets that fails at once, second by second.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{Failure, Words, connection::Connection, death, now};

/// What a runner takes that does its work.
const WORK: &str = "{\"sleep_ms\":10}";

pub(crate) async fn run(words: &Words) -> Result<Value, Failure> {
    let (to, app) = (words.text("to")?.to_owned(), words.text("app")?.to_owned());
    let seconds = words.number("seconds")?;
    let mut first = Connection::open(&to).await?;
    death::all_ready(&mut first, &app, words.number("runners")? as usize).await?;
    let mut callers = JoinSet::new();
    for _ in 0..words.number("connections")? {
        let (to, app) = (to.clone(), app.clone());
        callers.spawn(async move {
            caller(&to, &app, seconds).await.map_err(|error| error.to_string())
        });
    }
    let mut answers = vec![(0, 0); seconds as usize];
    while let Some(done) = callers.join_next().await {
        for (sum, (all, failed)) in answers.iter_mut().zip(done??) {
            *sum = (sum.0 + all, sum.1 + failed);
        }
    }
    let told = answers.iter().map(|(all, failed)| json!({ "all": all, "failed": failed }));
    Ok(Value::Array(told.collect()))
}

/// In each second, the number of answers and of those that were failures.
async fn caller(to: &str, app: &str, seconds: u32) -> Result<Vec<(u32, u32)>, Failure> {
    let mut connection = Connection::open(to).await?;
    let request = connection.request("POST", &format!("/run/{app}"), WORK);
    let mut answers = vec![(0, 0); seconds as usize];
    let begin = now();
    let length = Duration::from_secs(seconds.into());
    while begin.elapsed() < length {
        let status = connection.call(&request).await?.status;
        if let Some((all, failed)) = answers.get_mut(begin.elapsed().as_secs() as usize) {
            *all += 1;
            *failed += u32::from(status != 200);
        }
    }
    Ok(answers)
}
