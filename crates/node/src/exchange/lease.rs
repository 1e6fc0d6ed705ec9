//! A slot on a runner that cannot be forgotten.

use std::sync::Arc;

use fal_access::Pass;
use fal_engine::Reported;
use fal_policy::{Call, Outcome};
use fal_types::{LeaseId, RequestId};

use crate::{
    conductor::{Conductor, Settled},
    exchange,
    runners::{Slot, Worked},
};

/// Holds a slot, from the engine's word on. Settling consumes it; dropping it, wherever that happens, settles it as
/// abandoned. It must not be dropped while the engine's lock is held.
#[derive(Debug)]
pub(crate) struct Lease {
    held: Option<Held>,
    slot: Arc<Slot>,
}

#[derive(Debug)]
struct Held {
    conductor: Arc<Conductor>,
    lease: LeaseId,
    /// The request whose lines the runner prints meanwhile, once it is sent.
    request: Option<RequestId>,
    /// The call's place among those of its key.
    pass: Option<Pass>,
}

impl Lease {
    pub(crate) fn new(conductor: &Arc<Conductor>, slot: Arc<Slot>, lease: LeaseId) -> Self {
        let held = Held { conductor: Arc::clone(conductor), lease, request: None, pass: None };
        Self { held: Some(held), slot }
    }

    /// The runner.
    pub(crate) const fn slot(&self) -> &Arc<Slot> {
        &self.slot
    }

    /// From now on the runner works on this request.
    pub(crate) fn enter(&mut self, request: RequestId, call: Call) {
        if let Some(held) = &mut self.held {
            self.slot.busy.enter(Worked { request, call, lease: held.lease });
            held.request = Some(request);
        }
    }

    /// Keeps a call's place among those of its key for as long as the slot.
    pub(crate) fn carry(&mut self, pass: Option<Pass>) {
        if let Some(held) = &mut self.held {
            held.pass = pass;
        }
    }

    /// Its name.
    pub(crate) fn id(&self) -> Option<LeaseId> {
        self.held.as_ref().map(|held| held.lease)
    }

    /// Says how the attempt ended. For a queued request, answers what is to be made durable.
    pub(crate) fn settle(mut self, reported: Reported) -> Option<Settled> {
        self.end(reported)
    }

    fn end(&mut self, reported: Reported) -> Option<Settled> {
        let held = self.held.take()?;
        if let Some(request) = held.request {
            self.slot.busy.leave(held.lease);
            // Where the attempt was not settled but dropped.
            let _nobody_hears_them = held.conductor.shared.lines.end(request, held.lease);
        }
        drop(held.pass);
        held.conductor.settle(held.lease, reported)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let _direct_calls_have_none = self.end(exchange::reported(Outcome::Abandoned));
    }
}
