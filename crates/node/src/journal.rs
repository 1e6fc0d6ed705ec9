//! The store's writing threads.
//!
//! Each takes what has gathered, commits it as one batch, and answers each. It never waits for more to gather: while
//! one commit is under way the next batch collects itself, so that a lone request pays for one flush, and a
//! crowd shares one.
//!
//! A store may have several lanes. Operations of one kind then share lanes of their own, so that a batch is of one
//! kind, and what is said of one attempt goes in one lane, in order.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use fal_queue::store::{Done, Error, Op, Store};
use fal_types::Moment;
use tokio::sync::{mpsc, oneshot};

use crate::Clock;

/// Commits that wait for one writer before callers have to.
const QUEUED: usize = 8192;

/// How long operations are committed one by one after the store has found fault with what it keeps or was given. Only
/// one of a batch is to blame, which is tried again sooner than this, and its neighbours are not to fail with it for ever.
const ALONE: Duration = Duration::from_secs(2);

/// The way to the writers. Cheap to clone; the threads end when the last one is gone.
#[derive(Clone)]
pub(crate) struct Journal {
    lanes: Arc<[mpsc::Sender<Entry>]>,
    turn: Arc<AtomicUsize>,
}

struct Entry {
    op: Op,
    answer: oneshot::Sender<Result<Done, Arc<Error>>>,
}

/// An operation that is on its way to the store.
pub(crate) struct UnderWay(oneshot::Receiver<Result<Done, Arc<Error>>>);

impl UnderWay {
    pub(crate) async fn done(self) -> Result<Done, JournalError> {
        let done = self.0.await.map_err(|_| JournalError::Ended)?;
        done.map_err(JournalError::Refused)
    }
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Journal")
    }
}

/// Why an operation was not made durable. Nothing of it has happened, but where the store cannot be reached: then it
/// may have.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum JournalError {
    #[error("store refused the change")]
    Refused(#[source] Arc<Error>),
    #[error("store's writer has ended")]
    Ended,
}

impl JournalError {
    /// Whether the change may have happened all the same.
    pub(crate) fn is_doubtful(&self) -> bool {
        match self {
            Self::Refused(error) => matches!(**error, Error::Unreachable(_) | Error::Io(_)),
            Self::Ended => false,
        }
    }
}

/// Why the writers do not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LaneError {
    #[error(transparent)]
    Thread(#[from] std::io::Error),
    #[error(transparent)]
    Store(#[from] Error),
}

impl Journal {
    pub(crate) fn start(store: Box<dyn Store>, clock: Clock) -> Result<Self, LaneError> {
        let mut stores = Vec::new();
        while stores.len() + 1 < store.caps().lanes
            && let Some(lane) = store.lane()?
        {
            stores.push(lane);
        }
        stores.push(store);
        let start = |store| {
            let (entries, inbox) = mpsc::channel(QUEUED);
            let writer = thread::Builder::new().name("fal-store".to_owned());
            writer.spawn(move || write(store, &clock, inbox)).map(|_| entries)
        };
        let lanes = stores.into_iter().map(start).collect::<std::io::Result<Vec<_>>>()?;
        Ok(Self { lanes: lanes.into(), turn: Arc::default() })
    }

    /// Puts one operation in its lane without waiting; none where the lane is full.
    pub(crate) fn begin(&self, op: Op) -> Option<UnderWay> {
        let (answer, answered) = oneshot::channel();
        self.lane(&op)?.try_send(Entry { op, answer }).ok()?;
        Some(UnderWay(answered))
    }

    /// Makes one operation durable, together with whatever else waits.
    pub(crate) async fn commit(&self, op: Op) -> Result<Done, JournalError> {
        let (answer, answered) = oneshot::channel();
        let lane = self.lane(&op).ok_or(JournalError::Ended)?;
        lane.send(Entry { op, answer }).await.map_err(|_| JournalError::Ended)?;
        UnderWay(answered).done().await
    }

    /// The last lane has what is rare, the one before it the claims, and of the others submits and settlements have
    /// half each.
    fn lane(&self, op: &Op) -> Option<&mpsc::Sender<Entry>> {
        let Some(busy) = self.lanes.len().checked_sub(2).filter(|busy| *busy >= 2) else {
            return self.lanes.first();
        };
        let submits = busy.div_ceil(2);
        let place = match op {
            Op::Submit { .. } => self.turn.fetch_add(1, Ordering::Relaxed) % submits,
            Op::Settle { request, .. } | Op::Note { request, .. } => {
                let number = usize::try_from(request.bits() & 0xffff).unwrap_or(0);
                submits + number % (busy - submits)
            }
            // That a node lives is not to wait behind a sweep. What undoes a claim of which nobody knows whether it has
            // happened comes behind it.
            Op::Claim { .. } | Op::Beat { .. } | Op::Recover { leases: Some(_), .. } => busy,
            Op::Cancel { .. }
            | Op::Recover { leases: None, .. }
            | Op::Collect { .. }
            | Op::Sent { .. }
            | Op::SendAgain { .. }
            | Op::Resubmit { .. }
            | Op::Drop { .. }
            | Op::Sweep { .. } => busy + 1,
        };
        self.lanes.get(place)
    }
}

fn write(mut store: Box<dyn Store>, clock: &Clock, mut inbox: mpsc::Receiver<Entry>) {
    let most = store.caps().max_batch.clamp(1, QUEUED);
    let mut batch = Vec::with_capacity(most);
    let mut trouble = Trouble::default();
    while inbox.blocking_recv_many(&mut batch, trouble.room(most, clock.now())) > 0 {
        let (ops, answers): (Vec<_>, Vec<_>) =
            batch.drain(..).map(|entry| (entry.op, entry.answer)).unzip();
        let now = clock.now();
        match store.commit(now, ops) {
            Ok(done) => {
                trouble.over(now);
                answers.into_iter().zip(done).for_each(|(answer, done)| answered(answer, Ok(done)))
            }
            Err(error) => {
                trouble.met(&error, now);
                refuse(answers, &Arc::new(error));
            }
        }
    }
}

//= docs/contract.md#store-full
//# While the store takes no commits, because its disk is full, may not be written or cannot be reached, submits MUST get 500, nothing that was acknowledged is lost, and the platform goes on by itself when the store does.
/// What is wrong with the store, said when it begins, when it changes and when it is over: a full disk refuses every
/// commit, and one line says so.
#[derive(Default)]
struct Trouble {
    said: Option<Error>,
    refused: u64,
    /// Until when operations are committed one by one.
    alone: Option<Moment>,
}

impl Trouble {
    /// How many operations the next batch may have.
    fn room(&self, most: usize, now: Moment) -> usize {
        if self.is_alone(now) { 1 } else { most }
    }

    fn is_alone(&self, now: Moment) -> bool {
        self.alone.is_some_and(|until| now < until)
    }

    fn met(&mut self, error: &Error, now: Moment) {
        self.refused += 1;
        if matches!(error, Error::Corrupt(_) | Error::Misuse(_)) {
            self.alone = Some(now + ALONE);
        }
        if self.said.as_ref() != Some(error) {
            tracing::error!(
                error = %Chain(error),
                "the store refuses commits: what waits for one is not acknowledged, submits get 500, and it is tried again"
            );
            self.said = Some(error.clone());
        }
    }

    fn over(&mut self, now: Moment) {
        // One that went well alone says nothing of the one that did not.
        if !self.is_alone(now) && self.said.take().is_some() {
            let refused = std::mem::take(&mut self.refused);
            tracing::info!(refused, "the store takes commits again");
        }
    }
}

fn refuse(answers: Vec<oneshot::Sender<Result<Done, Arc<Error>>>>, error: &Arc<Error>) {
    for answer in answers {
        answered(answer, Err(Arc::clone(error)));
    }
}

/// Whoever asked may be gone; the change is durable all the same.
fn answered(answer: oneshot::Sender<Result<Done, Arc<Error>>>, done: Result<Done, Arc<Error>>) {
    let _gone = answer.send(done).is_err();
}

/// An error with its causes, on one line.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn std::error::Error + 'a));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use fal_queue::{
        NodeId,
        store::{Caps, Finding, Leases, Reader, model::Model},
    };
    use fal_types::RequestId;

    use super::*;

    /// A store that says when it begins a commit, waits for a word before it goes on, and finds fault with one request.
    struct Faulty {
        model: Model,
        begins: Sender<usize>,
        word: Receiver<()>,
    }

    const BAD: RequestId = RequestId::from_bits(666);

    impl Store for Faulty {
        fn caps(&self) -> Caps {
            Caps { max_batch: 16, lanes: 1, ..self.model.caps() }
        }

        fn commit(&mut self, now: Moment, ops: Vec<Op>) -> Result<Vec<Done>, Error> {
            self.begins.send(ops.len()).expect("the test listens");
            self.word.recv().expect("the test goes on");
            if ops.contains(&Op::Drop { request: BAD }) {
                return Err(Error::Corrupt("a page".to_owned()));
            }
            self.model.commit(now, ops)
        }

        fn reader(&self) -> Result<Box<dyn Reader>, Error> {
            self.model.reader()
        }

        fn check(&mut self) -> Result<Vec<Finding>, Error> {
            self.model.check()
        }
    }

    #[test]
    fn one_that_cannot_be_committed_does_not_take_its_neighbours_along() {
        let ((begins, begun), (go, word)) = (channel(), channel());
        let store = Faulty { model: Model::default(), begins, word };
        let journal = Journal::start(Box::new(store), Clock::start()).expect("it starts");
        let begin = |request| journal.begin(Op::Drop { request }).expect("there is room");
        let done = |under_way: UnderWay| under_way.0.blocking_recv().expect("it is answered");
        let step = |size| {
            assert_eq!(begun.recv(), Ok(size));
            go.send(()).expect("the store waits");
        };
        let good = RequestId::from_bits(1);
        let first = begin(good);
        assert_eq!(begun.recv(), Ok(1));
        let together = [good, BAD, good].map(begin);
        go.send(()).expect("the store waits");
        assert!(done(first).is_ok());
        step(3);
        assert!(together.map(done).iter().all(Result::is_err), "nobody knows which it was");
        let again = [good, BAD, good].map(begin);
        (0..3).for_each(|_| step(1));
        assert_eq!(again.map(|under_way| done(under_way).is_ok()), [true, false, true]);
    }

    #[test]
    fn what_undoes_a_claim_comes_behind_it() {
        let (lanes, _inboxes): (Vec<_>, Vec<_>) = (0..4).map(|_| mpsc::channel(1)).unzip();
        let journal = Journal { lanes: lanes.into(), turn: Arc::default() };
        let (node, app): (_, fal_types::AppId) = (NodeId(1), "acme/sketch".parse().unwrap());
        let leases_from = fal_types::LeaseId::new(1);
        let leases = Some(Leases { app: app.clone(), from: leases_from, count: 1 });
        let lane = |op| journal.lane(&op).expect("a lane");
        let claims = lane(Op::Claim { app, max: 1, node, leases_from });
        assert!(claims.same_channel(lane(Op::Recover { node, leases })));
        assert!(!claims.same_channel(lane(Op::Recover { node, leases: None })));
    }
}
