//! Questions to the store, on a thread of their own so that no caller waits for the writer.

use std::thread;

use fal_queue::store::{Error, Reader};
use tokio::sync::{mpsc, oneshot};

type Question = Box<dyn FnOnce(&mut dyn Reader) + Send>;

/// The way to the reading thread. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Readers {
    questions: mpsc::Sender<Question>,
}

impl std::fmt::Debug for Readers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Readers")
    }
}

/// Questions that wait before callers have to.
const QUEUED: usize = 1024;

impl Readers {
    pub(crate) fn start(mut reader: Box<dyn Reader>) -> std::io::Result<Self> {
        let (questions, mut inbox) = mpsc::channel::<Question>(QUEUED);
        thread::Builder::new().name("fal-reader".to_owned()).spawn(move || {
            while let Some(question) = inbox.blocking_recv() {
                question(&mut *reader);
            }
        })?;
        Ok(Self { questions })
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
        self.questions.send(Box::new(ask)).await.ok()?;
        answered.await.ok()
    }
}
