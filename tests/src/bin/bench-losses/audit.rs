//! What callers were told, and whether it is so in the end.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    Failure,
    client::{self, Answer},
    now, pause,
};

/// How long the last results may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Every acknowledged request, with the result that somebody has seen of it.
#[derive(Default)]
pub(crate) struct Book {
    acknowledged: BTreeMap<String, Entry>,
    /// Results that were seen in this round, each with the moment.
    sightings: Vec<(String, String, Instant)>,
    changed: u64,
    results_seen: u64,
}

struct Entry {
    at: Instant,
    seen: Option<String>,
}

impl Book {
    /// A submit was answered.
    pub(crate) fn acknowledge(&mut self, id: String) {
        self.acknowledged.insert(id, Entry { at: now(), seen: None });
    }

    /// Somebody has seen this result.
    pub(crate) fn saw(&mut self, id: &str, execution: String) {
        self.sightings.push((id.to_owned(), execution, now()));
    }

    /// One of the last requests, to be asked for.
    pub(crate) fn some(&self, number: usize) -> Option<String> {
        let all = self.acknowledged.len();
        let place = number.checked_rem(all)?;
        self.acknowledged.keys().nth(all - 1 - place.min(200)).cloned()
    }

    /// A round is over. After a cut only what was said before it counts: an answer may have been on its way without a
    /// flush.
    pub(crate) fn keep_until(&mut self, cut: Option<Instant>) {
        let counts = |at: Instant| cut.is_none_or(|cut| at < cut);
        self.acknowledged.retain(|_, entry| counts(entry.at));
        for (id, execution, at) in std::mem::take(&mut self.sightings) {
            let Some(entry) = self.acknowledged.get_mut(&id).filter(|_| counts(at)) else {
                continue;
            };
            self.results_seen += 1;
            match &entry.seen {
                Some(before) if *before != execution => self.changed += 1,
                Some(_) | None => entry.seen = Some(execution),
            }
        }
    }

    /// Waits for every result, and counts what is not as it was promised.
    pub(crate) fn close(&self, addresses: &[String]) -> Result<Value, Failure> {
        let address = addresses.first().ok_or("a node")?;
        let until = now() + PATIENCE;
        let (mut lost, mut failed, mut changed) = (0_u64, 0_u64, self.changed);
        let mut connection = client::open(address)?;
        for (id, entry) in &self.acknowledged {
            match last(&mut connection, id, until)? {
                Answer::Result { status: 200, execution } => {
                    let is_other = entry.seen.as_ref().is_some_and(|seen| *seen != execution);
                    changed += u64::from(is_other);
                }
                Answer::Unknown => lost += 1,
                Answer::Result { .. } | Answer::Pending => failed += 1,
            }
        }
        Ok(json!({
            "acknowledged": self.acknowledged.len(),
            "results_seen_under_load": self.results_seen,
            "lost": lost,
            "failed": failed,
            "changed": changed,
        }))
    }
}

fn last(connection: &mut client::Connection, id: &str, until: Instant) -> Result<Answer, Failure> {
    loop {
        match client::result(connection, id)? {
            Answer::Pending if now() < until => pause(Duration::from_millis(20)),
            answer @ (Answer::Pending | Answer::Unknown | Answer::Result { .. }) => {
                return Ok(answer);
            }
        }
    }
}
