//! A request in the shell's hands, from its head to the last byte of its answer.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::request::Request;

/// As many places as requests may run at once.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    free: Arc<Semaphore>,
    all: u32,
}

impl Places {
    pub(crate) fn new(all: u32) -> Self {
        Self { free: Arc::new(Semaphore::new(all as usize)), all }
    }

    /// Waits in line for a place. The semaphore is never closed, so there always is one in the end.
    pub(crate) async fn take(&self) -> Option<Place> {
        Arc::clone(&self.free).acquire_owned().await.ok().map(Arc::new)
    }

    /// Returns when no place is taken.
    pub(crate) async fn idle(&self) {
        // It cannot be closed, and there is nothing to do with all the places at once.
        drop(self.free.acquire_many(self.all).await);
    }
}

/// A place among the requests that one runner serves at once. Free when the last holder lets go: a
/// blocking endpoint works on after its caller has left, and holds on.
pub(crate) type Place = Arc<OwnedSemaphorePermit>;

/// A request that is being served. Dropped before it is [finished](Self::finish), its caller has
/// left, and whoever still works for it is told.
#[derive(Debug)]
pub(crate) struct Serving {
    pub(crate) request: Request,
    pub(crate) place: Option<Place>,
    /// Where a cancel would look for it.
    list: Option<Arc<InFlight>>,
    finished: bool,
}

impl Serving {
    pub(crate) const fn new(request: Request, place: Option<Place>) -> Self {
        Self { request, place, list: None, finished: false }
    }

    /// Makes it known to those who would cancel it.
    pub(crate) fn listed(mut self, list: &Arc<InFlight>) -> Self {
        list.0.lock().push(self.request.clone());
        self.list = Some(Arc::clone(list));
        self
    }

    /// Its answer is whole.
    pub(crate) fn finish(mut self) {
        self.finished = true;
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(list) = &self.list {
            list.0.lock().retain(|other| !other.is(&self.request));
        }
        if !self.finished {
            self.request.cancel();
        }
    }
}

/// The requests in flight that can be cancelled: as few as one runner serves at once, so they are
/// searched one by one.
#[derive(Debug, Default)]
pub(crate) struct InFlight(Mutex<Vec<Request>>);

impl InFlight {
    /// The request with this id.
    pub(crate) fn find(&self, id: &str) -> Option<Request> {
        self.0.lock().iter().find(|request| request.id() == Some(id)).cloned()
    }
}
