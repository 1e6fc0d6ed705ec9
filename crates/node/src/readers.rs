//! Questions to the store, on threads of their own so that no caller waits for the writer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use fal_queue::store::{Error, Reader};
use tokio::sync::{mpsc, oneshot};

type Question = Box<dyn FnOnce(&mut dyn Reader) + Send>;

/// The way to the reading threads. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Readers {
    questions: Arc<[mpsc::Sender<Question>]>,
    turn: Arc<AtomicUsize>,
}

impl std::fmt::Debug for Readers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Readers")
    }
}

/// Questions that wait for one thread before callers have to.
const QUEUED: usize = 1024;

impl Readers {
    pub(crate) fn start(readers: Vec<Box<dyn Reader>>) -> std::io::Result<Self> {
        let start = |mut reader: Box<dyn Reader>| {
            let (questions, mut inbox) = mpsc::channel::<Question>(QUEUED);
            let thread = thread::Builder::new().name("fal-reader".to_owned());
            let read = move || {
                while let Some(question) = inbox.blocking_recv() {
                    question(&mut *reader);
                }
            };
            thread.spawn(read).map(|_| questions)
        };
        let questions = readers.into_iter().map(start).collect::<std::io::Result<Vec<_>>>()?;
        Ok(Self { questions: questions.into(), turn: Arc::default() })
    }

    /// Asks the store; `None` when the reading thread has ended.
    pub(crate) async fn ask<T, F>(&self, question: F) -> Option<Result<T, Error>>
    where
        T: Send + 'static,
        F: FnOnce(&mut dyn Reader) -> Result<T, Error> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let ask = move |reader: &mut dyn Reader| {
            let _gone = answer.send(question(reader)).is_err();
        };
        let place = self.turn.fetch_add(1, Ordering::Relaxed).checked_rem(self.questions.len())?;
        self.questions.get(place)?.send(Box::new(ask)).await.ok()?;
        answered.await.ok()
    }
}
