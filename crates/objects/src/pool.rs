//! Threads that touch files, so that no runtime waits for a disk.

use std::{collections::VecDeque, fmt, io, sync::Arc, thread};

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use crate::{Error, error::Result};

type Job = Box<dyn FnOnce() + Send>;

/// A few threads that do jobs in the order in which they come. They end when the pool is dropped, after what is
/// waiting then.
///
/// Callers wait for one job at a time, so there are never more jobs than callers.
pub(crate) struct Pool {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    arrived: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Job>,
    is_closed: bool,
}

impl Pool {
    pub(crate) fn start(name: &str, threads: usize) -> io::Result<Self> {
        let pool = Self { shared: Arc::default() };
        for _ in 0..threads {
            let shared = Arc::clone(&pool.shared);
            thread::Builder::new().name(name.to_owned()).spawn(move || shared.work())?;
        }
        Ok(pool)
    }

    /// What a job returns. The job is done to its end even where nobody waits for it any more.
    pub(crate) async fn run<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T> + Send + 'static,
    {
        let (told, result) = oneshot::channel();
        self.later(move || {
            // Dropped here where nobody takes it, which is what it is on this thread for.
            drop(told.send(job()));
        });
        result.await.unwrap_or(Err(Error::Stopped))
    }

    /// Does a job that nobody waits for.
    pub(crate) fn later(&self, job: impl FnOnce() + Send + 'static) {
        self.shared.queue.lock().waiting.push_back(Box::new(job));
        self.shared.arrived.notify_one();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.queue.lock().is_closed = true;
        self.shared.arrived.notify_all();
    }
}

impl Shared {
    fn work(&self) {
        while let Some(job) = self.next() {
            job();
        }
    }

    fn next(&self) -> Option<Job> {
        let mut queue = self.queue.lock();
        loop {
            if let Some(job) = queue.waiting.pop_front() {
                return Some(job);
            }
            if queue.is_closed {
                return None;
            }
            self.arrived.wait(&mut queue);
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}
