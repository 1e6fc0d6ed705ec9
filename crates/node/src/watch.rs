//! Who wants to hear when a queued request changes.

use std::collections::BTreeMap;

use fal_types::RequestId;
use parking_lot::Mutex;
use tokio::sync::watch;

/// The watched requests. A request that nobody watches costs nothing.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    watched: Mutex<BTreeMap<RequestId, watch::Sender<u64>>>,
}

impl Watchers {
    /// A receiver that changes whenever the request may have.
    pub(crate) fn watch(&self, request: RequestId) -> watch::Receiver<u64> {
        let mut watched = self.watched.lock();
        watched.entry(request).or_insert_with(|| watch::channel(0).0).subscribe()
    }

    /// Tells the watchers of a request, and forgets it when there are none.
    pub(crate) fn notify(&self, request: RequestId) {
        let mut watched = self.watched.lock();
        let Some(sender) = watched.get(&request) else { return };
        if sender.is_closed() {
            watched.remove(&request);
        } else {
            sender.send_modify(|count| *count += 1);
        }
    }

    /// Forgets a request that its last watcher has left.
    pub(crate) fn unwatch(&self, request: RequestId) {
        let mut watched = self.watched.lock();
        if watched.get(&request).is_some_and(|sender| sender.receiver_count() <= 1) {
            watched.remove(&request);
        }
    }
}
