//! A slot on a runner that cannot be forgotten.

use std::sync::Arc;

use fal_engine::{Record, Reported};
use fal_policy::Outcome;
use fal_types::{LeaseId, RequestId};

use crate::{conductor::Conductor, exchange, runners::Slot};

/// Holds a slot. Settling consumes it; dropping it settles it as abandoned.
#[derive(Debug)]
pub(crate) struct Lease {
    held: Option<Held>,
}

#[derive(Debug)]
struct Held {
    conductor: Arc<Conductor>,
    slot: Arc<Slot>,
    lease: LeaseId,
    request: RequestId,
}

impl Lease {
    pub(crate) fn new(
        conductor: &Arc<Conductor>,
        slot: &Arc<Slot>,
        lease: LeaseId,
        request: RequestId,
    ) -> Self {
        slot.busy.enter(request);
        let (conductor, slot) = (Arc::clone(conductor), Arc::clone(slot));
        Self { held: Some(Held { conductor, slot, lease, request }) }
    }

    /// Says how the attempt ended. For a queued request, answers what is to be made durable.
    pub(crate) fn settle(mut self, reported: Reported) -> Option<Record> {
        self.held.take().and_then(|held| held.settle(reported))
    }
}

impl Held {
    fn settle(self, reported: Reported) -> Option<Record> {
        self.slot.busy.leave(self.request);
        self.conductor.settle(self.lease, reported)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            let _record = held.settle(exchange::reported(Outcome::Abandoned));
        }
    }
}
