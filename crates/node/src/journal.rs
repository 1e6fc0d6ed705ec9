//! The store's one writer thread.
//!
//! It takes what has gathered, commits it as one batch, and answers each. It never waits for more to gather: while
//! one commit is under way the next batch collects itself, so that a lone request pays for one flush, and a
//! crowd shares one.

use std::{sync::Arc, thread};

use fal_queue::store::{Done, Error, Op, Store};
use tokio::sync::{mpsc, oneshot};

use crate::Clock;

/// Commits that wait for the writer before callers have to.
const QUEUED: usize = 8192;

/// The way to the writer. Cheap to clone; the thread ends when the last one is gone.
#[derive(Clone)]
pub(crate) struct Journal {
    entries: mpsc::Sender<Entry>,
}

struct Entry {
    op: Op,
    answer: oneshot::Sender<Result<Done, Arc<Error>>>,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Journal")
    }
}

/// Why an operation was not made durable. Nothing of it has happened.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum JournalError {
    #[error("store refused the change")]
    Refused(#[source] Arc<Error>),
    #[error("store's writer has ended")]
    Ended,
}

impl Journal {
    pub(crate) fn start(store: Box<dyn Store>, clock: Clock) -> std::io::Result<Self> {
        let (entries, inbox) = mpsc::channel(QUEUED);
        thread::Builder::new()
            .name("fal-store".to_owned())
            .spawn(move || write(store, &clock, inbox))?;
        Ok(Self { entries })
    }

    /// Makes one operation durable, together with whatever else waits.
    pub(crate) async fn commit(&self, op: Op) -> Result<Done, JournalError> {
        let (answer, answered) = oneshot::channel();
        self.entries.send(Entry { op, answer }).await.map_err(|_| JournalError::Ended)?;
        let done = answered.await.map_err(|_| JournalError::Ended)?;
        done.map_err(JournalError::Refused)
    }
}

fn write(mut store: Box<dyn Store>, clock: &Clock, mut inbox: mpsc::Receiver<Entry>) {
    let most = store.caps().max_batch.clamp(1, QUEUED);
    let mut batch = Vec::with_capacity(most);
    while inbox.blocking_recv_many(&mut batch, most) > 0 {
        let (ops, answers): (Vec<_>, Vec<_>) =
            batch.drain(..).map(|entry| (entry.op, entry.answer)).unzip();
        match store.commit(clock.now(), ops) {
            Ok(done) => {
                answers.into_iter().zip(done).for_each(|(answer, done)| answered(answer, Ok(done)))
            }
            Err(error) => refuse(answers, &Arc::new(error)),
        }
    }
}

fn refuse(answers: Vec<oneshot::Sender<Result<Done, Arc<Error>>>>, error: &Arc<Error>) {
    tracing::error!(error = %Chain(&**error), "the store refused a commit; nothing of it happened");
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
