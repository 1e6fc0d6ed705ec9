//! Who wants to hear when a queued request changes.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use fal_types::RequestId;
use parking_lot::Mutex;
use tokio::sync::watch;

/// The watched requests. A request that nobody watches costs nothing.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    watched: Mutex<BTreeMap<RequestId, watch::Sender<u64>>>,
}

/// Hears of a request's changes for as long as it lives.
#[derive(Debug)]
pub struct Watch {
    watchers: Arc<Watchers>,
    request: RequestId,
    /// `None` only while this is dropped.
    changes: Option<watch::Receiver<u64>>,
}

impl Watchers {
    pub(crate) fn watch(watchers: &Arc<Self>, request: RequestId) -> Watch {
        let mut watched = watchers.watched.lock();
        let sender = watched.entry(request).or_insert_with(|| watch::channel(0).0);
        Watch { watchers: Arc::clone(watchers), request, changes: Some(sender.subscribe()) }
    }

    /// Tells the watchers of a request.
    pub(crate) fn notify(&self, request: RequestId) {
        if let Some(sender) = self.watched.lock().get(&request) {
            sender.send_modify(|count| *count += 1);
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.watched.lock().len()
    }
}

impl Watch {
    /// What has changed until now is not news any more.
    pub fn catch_up(&mut self) {
        if let Some(changes) = &mut self.changes {
            changes.mark_unchanged();
        }
    }

    /// Returns when the request may have changed, and after `limit` in any case.
    pub async fn changed(&mut self, limit: Duration) {
        let Some(changes) = &mut self.changes else { return };
        // The sender lives as long as this does, so it is a change or the limit.
        let _either = tokio::time::timeout(limit, changes.changed()).await;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut watched = self.watchers.watched.lock();
        // Dropped under the lock, so that of two that leave together one is the last.
        drop(self.changes.take());
        if watched.get(&self.request).is_some_and(|sender| sender.receiver_count() == 0) {
            watched.remove(&self.request);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_watcher_takes_the_request_along() {
        let watchers = Arc::<Watchers>::default();
        let request = RequestId::from_bits(1);
        let (one, other) =
            (Watchers::watch(&watchers, request), Watchers::watch(&watchers, request));
        drop(one);
        assert_eq!(watchers.len(), 1);
        drop(other);
        assert_eq!(watchers.len(), 0);
        watchers.notify(request);
        assert_eq!(watchers.len(), 0);
    }
}
