//! What runners print, by request: in memory while the attempt runs, in the store from then on.
//!
//! A runner's output does not say which request it belongs to. While exactly one request is in flight on a runner, its
//! lines are that request's; otherwise they are only the runner's. Before an attempt is settled, the runner's pipes
//! are read to their end, so that what it printed before its answer is the request's.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use fal_queue::{
    Lease,
    store::{Done, Line, Op},
};
use fal_types::{Attempt, LeaseId, Moment, RequestId};
use parking_lot::Mutex;

use crate::handle::Shared;

/// Lines kept of one attempt.
const LINES: usize = 1000;
/// Bytes kept of one attempt.
const BYTES: usize = 64 * 1024;
/// How often new lines of attempts that run are stored.
const OFTEN: Duration = Duration::from_secs(1);

/// The lines of the attempts that run on this node.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    running: Mutex<BTreeMap<RequestId, Running>>,
}

/// The first lines of one attempt, with the sum of their bytes.
#[derive(Debug)]
struct Running {
    lease: LeaseId,
    attempt: Attempt,
    since: Moment,
    lines: Vec<Line>,
    bytes: usize,
    /// How many of the lines were given to the store.
    stored: usize,
}

/// Lines to be stored while their attempt goes on.
struct Fresh {
    request: RequestId,
    lease: LeaseId,
    attempt: Attempt,
    lines: Vec<Line>,
    /// How many were stored before these.
    before: usize,
}

impl Lines {
    /// An attempt begins.
    pub(crate) fn begin(&self, request: RequestId, held: Lease) {
        let running = Running {
            lease: held.id,
            attempt: held.attempt,
            since: held.since,
            lines: Vec::new(),
            bytes: 0,
            stored: 0,
        };
        self.running.lock().insert(request, running);
    }

    /// Lines of an attempt that does not run are nobody's, even where the request runs again elsewhere.
    //= docs/contract.md#queue-fencing
    //# A result of an attempt whose lease is no longer current MUST change nothing.
    pub(crate) fn push(&self, (request, lease): (RequestId, LeaseId), line: Line) {
        let mut running = self.running.lock();
        let Some(running) = running.get_mut(&request).filter(|running| running.lease == lease)
        else {
            return;
        };
        let bytes = running.bytes + line.text.len();
        if running.lines.len() < LINES && bytes <= BYTES {
            running.bytes = bytes;
            running.lines.push(line);
        }
    }

    /// The attempt is over. What is left is to be stored with its settlement.
    pub(crate) fn end(&self, request: RequestId, lease: LeaseId) -> Vec<Line> {
        let mut running = self.running.lock();
        match running.get(&request) {
            Some(found) if found.lease == lease => {}
            // The request was given to somebody else meanwhile, and perhaps has come back.
            Some(_) | None => return Vec::new(),
        }
        running
            .remove(&request)
            .map(|mut found| found.lines.split_off(found.stored))
            .unwrap_or_default()
    }

    /// Whether an attempt at it runs here.
    pub(crate) fn hold(&self, request: RequestId) -> bool {
        self.running.lock().contains_key(&request)
    }

    /// What is to be shown of a request, `stored` being what the store has.
    pub(crate) fn with(&self, request: RequestId, mut stored: Vec<Line>) -> Vec<Line> {
        let running = self.running.lock();
        if let Some(running) = running.get(&request) {
            // The store may have some of this attempt's already.
            stored.retain(|line| line.at < running.since);
            stored.extend(running.lines.iter().cloned());
        }
        stored
    }

    /// What is new, each handed over while the lock is held: so what an attempt leaves for its settlement comes behind
    /// it in the store's lane. What is not taken is new again.
    fn fresh<T>(&self, hand_over: impl Fn(&Fresh) -> Option<T>) -> Vec<(Fresh, T)> {
        let mut running = self.running.lock();
        let has_new =
            |(_, running): &(&RequestId, &mut Running)| running.lines.len() > running.stored;
        let take = |(request, running): (&RequestId, &mut Running)| {
            let before = running.stored;
            let lines = running.lines.get(before..).unwrap_or_default().to_vec();
            let (lease, attempt) = (running.lease, running.attempt);
            let fresh = Fresh { request: *request, lease, attempt, lines, before };
            let taken = hand_over(&fresh)?;
            running.stored = running.lines.len();
            Some((fresh, taken))
        };
        running.iter_mut().filter(has_new).filter_map(take).collect()
    }

    /// They could not be stored, so they are to be stored later.
    fn put_back(&self, fresh: &Fresh) {
        if let Some(running) = self.running.lock().get_mut(&fresh.request)
            && running.lease == fresh.lease
        {
            running.stored = running.stored.min(fresh.before);
        }
    }
}

/// Stores new lines of attempts that run, so that every node can show them.
//= docs/contract.md#queue-logs
//# What a runner printed during an attempt MUST be kept with its request.
pub(crate) async fn store(shared: Arc<Shared>) {
    let mut tick = tokio::time::interval(OFTEN);
    loop {
        tick.tick().await;
        let note = |fresh: &Fresh| {
            let Fresh { request, lease, attempt, .. } = *fresh;
            let op = Op::Note { request, lease, attempt, lines: fresh.lines.clone() };
            shared.journal.begin(op)
        };
        for (fresh, under_way) in shared.lines.fresh(note) {
            match under_way.done().await {
                Ok(Done::Noted) => shared.watchers.notify(fresh.request),
                // The attempt is not the current one any more.
                Ok(_) => {}
                Err(_) => shared.lines.put_back(&fresh),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use fal_queue::NodeId;

    use super::*;

    fn held(lease: u64) -> Lease {
        let (id, since) = (LeaseId::new(lease), Moment::from_micros(100));
        Lease { id, attempt: Attempt::FIRST, node: NodeId(1), since }
    }

    fn line(micros: u64) -> Line {
        Line { at: Moment::from_micros(micros), is_error: false, text: "x".to_owned() }
    }

    #[test]
    fn each_line_is_stored_once_and_shown_once() {
        let (lines, request) = (Lines::default(), RequestId::from_bits(1));
        let (own, other) = ((request, LeaseId::new(1)), (request, LeaseId::new(2)));
        lines.push(own, line(99));
        lines.begin(request, held(1));
        lines.push(own, line(100));
        lines.push(other, line(100));
        assert!(lines.fresh(|_| None::<()>).is_empty(), "nobody has taken them");
        let [(first, ())] = &lines.fresh(|_| Some(()))[..] else { panic!("one request has lines") };
        assert_eq!(first.lines, [line(100)]);
        lines.push(own, line(101));
        let shown = lines.with(request, vec![line(1), line(100)]);
        assert_eq!(shown, [line(1), line(100), line(101)]);
        lines.put_back(first);
        assert_eq!(lines.end(request, LeaseId::new(2)), []);
        assert_eq!(lines.end(request, LeaseId::new(1)), [line(100), line(101)]);
        assert_eq!(lines.with(request, vec![line(1)]), [line(1)]);
    }

    #[test]
    fn an_attempt_keeps_its_first_lines() {
        let (lines, request) = (Lines::default(), RequestId::from_bits(1));
        lines.begin(request, held(1));
        let own = (request, LeaseId::new(1));
        (0..2_000).for_each(|micros| lines.push(own, line(micros)));
        assert_eq!(lines.end(request, LeaseId::new(1)).len(), LINES);
    }
}
