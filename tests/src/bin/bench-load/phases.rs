//! A queue in three phases: submits while nobody takes, the drain of what was submitted, and a closed loop.
//!
//! The drain begins when the file is made that the runners wait for. A round of the closed loop is a submit, the
//! status stream until it ends, and the result.

use std::{
    fs::File,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{task::JoinSet, time};

use crate::{
    Failure, Words, body,
    connection::{Connection, Response},
    cpu, now,
};

/// How long to leave the last request alone while the queue is drained.
const PAUSE: Duration = Duration::from_millis(5);
/// The same, when the drain is all but over.
const SHORT: Duration = Duration::from_millis(1);
/// Connections that look at what was drained.
const LOOKERS: usize = 16;
/// A drain that does not end is a fault, and not slow.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the callers share.
struct Queue {
    to: String,
    /// Of the app, below which its requests are.
    path: String,
}

pub(crate) async fn run(words: &Words) -> Result<Value, Failure> {
    let path = format!("/queue/{}", words.text("app")?);
    let queue = Arc::new(Queue { to: words.text("to")?.to_owned(), path });
    let (submit, ids) = submitted(&queue, words).await?;
    let drain = drained(&queue, ids, words.text("release")?);
    let drain = time::timeout(PATIENCE, drain).await.map_err(|_| "the drain does not end")??;
    let closed = closed(&queue, words).await?;
    Ok(json!({ "submit": submit, "drain": drain, "closed": closed }))
}

/// Only the first phase, which may be long.
pub(crate) async fn submit(words: &Words) -> Result<Value, Failure> {
    let path = format!("/queue/{}", words.text("app")?);
    let queue = Arc::new(Queue { to: words.text("to")?.to_owned(), path });
    Ok(submitted(&queue, words).await?.0)
}

/// A request, and when its submit was answered.
type Submitted = (Instant, String);

/// With the ids, the last one first.
async fn submitted(queue: &Arc<Queue>, words: &Words) -> Result<(Value, Vec<String>), Failure> {
    let count = words.number("count")? as usize;
    let taken = Arc::new(AtomicUsize::new(0));
    let connections = connected(queue, words.number("callers")?).await?;
    let mut callers = JoinSet::new();
    let (begin, before) = (now(), cpu()?);
    for connection in connections {
        let (queue, taken) = (Arc::clone(queue), Arc::clone(&taken));
        callers.spawn(async move {
            let submitter = submitter(connection, &queue, count, &taken);
            submitter.await.map_err(|error| error.to_string())
        });
    }
    let (mut ids, mut micros) = (Vec::new(), Vec::new());
    while let Some(ended) = callers.join_next().await {
        let (own, took) = ended??;
        ids.extend(own);
        micros.extend(took);
    }
    let told = told((begin, before), now(), count, micros)?;
    ids.sort_unstable_by(|(one, _), (other, _)| other.cmp(one));
    Ok((told, ids.into_iter().map(|(_, id)| id).collect()))
}

/// Connections that are open before the clock starts, one after the other: what callers keep is not measured.
async fn connected(queue: &Queue, count: u32) -> Result<Vec<Connection>, Failure> {
    let mut connections = Vec::new();
    for _ in 0..count {
        connections.push(Connection::open(&queue.to).await?);
    }
    Ok(connections)
}

async fn submitter(
    mut connection: Connection,
    queue: &Queue,
    count: usize,
    taken: &AtomicUsize,
) -> Result<(Vec<Submitted>, Vec<u32>), Failure> {
    let request = connection.request("POST", &queue.path, &body());
    let (mut ids, mut micros) = (Vec::new(), Vec::new());
    while taken.fetch_add(1, Ordering::Relaxed) < count {
        let sent = now();
        let id = id(&connection.call(&request).await?)?.to_owned();
        let answered = now();
        micros.push(passed(sent, answered));
        ids.push((answered, id));
    }
    Ok((ids, micros))
}

async fn drained(queue: &Arc<Queue>, ids: Vec<String>, release: &str) -> Result<Value, Failure> {
    let count = ids.len();
    let last = ids.first().cloned().unwrap_or_default();
    let mut connection = Connection::open(&queue.to).await?;
    let (begin, before) = (now(), cpu()?);
    File::create(release)?;
    completed(&mut connection, &queue.path, &last, PAUSE).await?;
    let (mut end, after) = (now(), cpu()?);
    // Those that were submitted at the same time may be a little later. All are looked at, and only what is still
    // waited for moves the end.
    let (ids, taken) = (Arc::new(ids), Arc::new(AtomicUsize::new(0)));
    let mut lookers = JoinSet::new();
    for _ in 0..LOOKERS {
        let (queue, ids, taken) = (Arc::clone(queue), Arc::clone(&ids), Arc::clone(&taken));
        lookers.spawn(async move {
            looker(&queue, &ids, &taken).await.map_err(|error| error.to_string())
        });
    }
    while let Some(ended) = lookers.join_next().await {
        end = ended??.map_or(end, |waited| end.max(waited));
    }
    let seconds = (end - begin).as_secs_f64();
    Ok(json!({ "rate": count as f64 / seconds, "client": (after - before) / seconds }))
}

/// Looks at the results, and says when the last one came that was not there yet.
async fn looker(
    queue: &Queue,
    ids: &[String],
    taken: &AtomicUsize,
) -> Result<Option<Instant>, Failure> {
    let mut connection = Connection::open(&queue.to).await?;
    let mut waited = None;
    while let Some(id) = ids.get(taken.fetch_add(1, Ordering::Relaxed)) {
        if completed(&mut connection, &queue.path, id, SHORT).await? > 0 {
            waited = Some(now());
        }
    }
    Ok(waited)
}

/// Waits for a result, and says how often it was not there.
async fn completed(
    connection: &mut Connection,
    path: &str,
    id: &str,
    pause: Duration,
) -> Result<u32, Failure> {
    let ask = connection.request("GET", &format!("{path}/requests/{id}"), "");
    let mut missing = 0;
    loop {
        let response = connection.call(&ask).await?;
        match response.status {
            200 => return whole(&response).map(|()| missing),
            400 => missing += 1,
            status => return Err(format!("a result with status {status}").into()),
        }
        time::sleep(pause).await;
    }
}

async fn closed(queue: &Arc<Queue>, words: &Words) -> Result<Value, Failure> {
    let length = Duration::from_secs(words.number("seconds")?.into());
    let connections = connected(queue, words.number("clients")?).await?;
    let mut clients = JoinSet::new();
    let (begin, before) = (now(), cpu()?);
    for connection in connections {
        let queue = Arc::clone(queue);
        clients.spawn(async move {
            client(connection, &queue, begin + length).await.map_err(|error| error.to_string())
        });
    }
    let mut micros = Vec::new();
    while let Some(ended) = clients.join_next().await {
        micros.extend(ended??);
    }
    told((begin, before), now(), micros.len(), micros)
}

async fn client(
    mut connection: Connection,
    queue: &Queue,
    end: Instant,
) -> Result<Vec<u32>, Failure> {
    let submit = connection.request("POST", &queue.path, &body());
    let mut micros = Vec::new();
    while now() < end {
        let sent = now();
        let id = id(&connection.call(&submit).await?)?.to_owned();
        let path = format!("{}/requests/{id}", queue.path);
        let follow = connection.request("GET", &format!("{path}/status/stream"), "");
        connection.call(&follow).await?;
        let ask = connection.request("GET", &path, "");
        let response = connection.call(&ask).await?;
        match response.status {
            200 => whole(&response)?,
            status => return Err(format!("status {status} after the stream's end").into()),
        }
        micros.push(passed(sent, now()));
    }
    Ok(micros)
}

/// The id in the answer to a submit, without taking all of it apart.
fn id<'r>(response: &Response<'r>) -> Result<&'r str, Failure> {
    let text = std::str::from_utf8(response.body)?;
    if response.status != 200 {
        return Err(format!("a submit with status {}: {text}", response.status).into());
    }
    let rest = text.split_once("\"request_id\":\"").map(|(_, rest)| rest);
    let id = rest.and_then(|rest| rest.split_once('"')).map(|(id, _)| id);
    id.ok_or_else(|| format!("a submit without an id: {text}").into())
}

fn whole(response: &Response<'_>) -> Result<(), Failure> {
    let length = response.body.len();
    if length < 1024 { Err(format!("a result of {length} bytes").into()) } else { Ok(()) }
}

fn passed(from: Instant, to: Instant) -> u32 {
    u32::try_from((to - from).as_micros()).unwrap_or(u32::MAX)
}

/// The figures of a phase that began at a moment, with as much processor time spent before it.
fn told(
    (begin, before): (Instant, f64),
    end: Instant,
    count: usize,
    mut micros: Vec<u32>,
) -> Result<Value, Failure> {
    micros.sort_unstable();
    let at = |share: f64| {
        let rank = (micros.len() as f64 * share) as usize;
        let micros = micros.get(rank.min(micros.len().saturating_sub(1)));
        f64::from(micros.copied().unwrap_or_default()) / 1_000.0
    };
    let seconds = (end - begin).as_secs_f64();
    Ok(json!({
        "rate": count as f64 / seconds,
        "p50_ms": at(0.50),
        "p99_ms": at(0.99),
        "client": (cpu()? - before) / seconds,
    }))
}
