//! A request in the shell's hands, from its head to the last byte of its answer.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use parking_lot::Mutex;
use tokio::{
    pin,
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
};

use crate::request::Request;

/// As many slots as requests may run at once.
#[derive(Debug, Clone)]
pub(crate) struct Slots(Arc<Semaphore>);

impl Slots {
    pub(crate) fn new(all: u32) -> Self {
        Self(Arc::new(Semaphore::new(all as usize)))
    }

    /// Waits in line for a slot. The semaphore is never closed, so there always is one in the end.
    pub(crate) async fn take(&self) -> Option<Slot> {
        Arc::clone(&self.0).acquire_owned().await.ok().map(Arc::new)
    }
}

/// A slot among the requests that one runner serves at once. Free when the last holder lets go: a
/// blocking endpoint works on after its caller has left, and holds on.
pub(crate) type Slot = Arc<OwnedSemaphorePermit>;

/// What works with the app, whether or not anybody waits for it. The app is torn down when nothing
/// does any more.
#[derive(Debug, Default)]
pub(crate) struct Works {
    count: AtomicUsize,
    last: Notify,
}

/// One piece of work, until it is dropped.
#[derive(Debug)]
pub(crate) struct Work(Arc<Works>);

impl Works {
    pub(crate) fn begin(self: &Arc<Self>) -> Work {
        self.count.fetch_add(1, Ordering::AcqRel);
        Work(Arc::clone(self))
    }

    /// Returns when nothing works.
    pub(crate) async fn idle(&self) {
        loop {
            let last = self.last.notified();
            pin!(last);
            // Registered before the count is read, so that no end is missed in between.
            last.as_mut().enable();
            if self.count.load(Ordering::Acquire) == 0 {
                return;
            }
            last.await;
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.last.notify_waiters();
        }
    }
}

/// A request that is being served. Dropped before it is [finished](Self::finish), its caller has
/// left, and whoever still works for it is told.
#[derive(Debug)]
pub(crate) struct Serving {
    pub(crate) request: Request,
    pub(crate) slot: Option<Slot>,
    /// Where a cancel looks for it, and under which number.
    listed: Option<(Arc<InFlight>, u64)>,
    finished: bool,
}

impl Serving {
    pub(crate) const fn new(request: Request) -> Self {
        Self { request, slot: None, listed: None, finished: false }
    }

    /// Makes it known to those who would cancel it, if it has an id that they could name.
    pub(crate) fn listed(mut self, list: &Arc<InFlight>) -> Self {
        if self.request.id().is_some() {
            let number = list.enter(self.request.clone());
            self.listed = Some((Arc::clone(list), number));
        }
        self
    }

    /// Its answer is whole.
    pub(crate) fn finish(mut self) {
        self.finished = true;
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some((list, number)) = &self.listed {
            list.requests.lock().remove(number);
        }
        if !self.finished {
            self.request.cancel();
        }
    }
}

/// The requests that a cancel could name. They are searched one by one, since cancels are rare.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    requests: Mutex<BTreeMap<u64, Request>>,
    entered: AtomicU64,
}

impl InFlight {
    fn enter(&self, request: Request) -> u64 {
        let number = self.entered.fetch_add(1, Ordering::Relaxed);
        self.requests.lock().insert(number, request);
        number
    }

    /// The requests with this id at this endpoint: two attempts at one may be here.
    pub(crate) fn find(&self, id: &str, endpoint: &str) -> Vec<Request> {
        let is_meant =
            |request: &&Request| request.endpoint() == endpoint && request.id() == Some(id);
        self.requests.lock().values().filter(is_meant).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn nothing_is_idle_while_anything_works() {
        let works = Arc::new(Works::default());
        assert!(works.idle().now_or_never().is_some());
        let (first, second) = (works.begin(), works.begin());
        let mut idle = Box::pin(works.idle());
        assert!(idle.as_mut().now_or_never().is_none());
        drop(first);
        assert!(idle.as_mut().now_or_never().is_none());
        drop(second);
        assert!(idle.as_mut().now_or_never().is_some());
    }
}
