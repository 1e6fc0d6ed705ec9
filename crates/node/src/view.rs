//! Runners as people and tools see them.

use std::{sync::Arc, time::Duration};

use fal_allotment::Gpu;
use fal_engine::Cause;
use fal_types::{Moment, RequestId, RunnerId};

use crate::runners::Slot;

/// A runner, for people and tools.
#[derive(Debug, Clone)]
pub struct RunnerView {
    /// Its name.
    pub id: RunnerId,
    /// The name of its state, as fal writes it.
    pub state: &'static str,
    /// Why it is in that state.
    pub cause: Cause,
    /// Since when.
    pub since: Moment,
    /// Requests in flight.
    pub in_flight: u32,
    /// The revision of the app that it was started for, counted from 1 at the start of the platform.
    pub revision: u32,
    /// How it stands among the others: `serving`, `spare`, `ejected` or `on_trial`.
    pub standing: &'static str,
    /// Whether another takes its place, in fal's words.
    pub replacement: &'static str,
    /// How long it has been there.
    pub uptime: Duration,
    /// After how long it is stopped for want of work, if none comes.
    pub expires_in: Option<Duration>,
    /// The slots that are held: by which queued request (none for a direct call), and since when.
    pub leases: Vec<(Option<RequestId>, Moment)>,
    /// Whether requests are placed on it.
    pub takes_requests: bool,
    /// The GPUs that it holds, once it does.
    pub gpus: Vec<String>,
    /// Its process, once there is one.
    pub pid: Option<u32>,
    /// Its port, once there is one.
    pub port: Option<u16>,
}

/// A runner as the node sees it.
pub(crate) struct Seen {
    pub(crate) runner: fal_engine::Runner,
    pub(crate) slot: Option<Arc<Slot>>,
    pub(crate) gpus: Vec<Gpu>,
}

impl RunnerView {
    pub(crate) fn new(seen: Seen, now: Moment) -> Self {
        let Seen { runner, slot, gpus } = seen;
        let leases = runner.leases.into_iter().map(|(_, request, since)| (request, since));
        Self {
            id: runner.id,
            state: runner.state,
            cause: runner.cause,
            since: runner.entered,
            in_flight: runner.in_flight,
            revision: runner.revision,
            takes_requests: runner.takes_requests,
            standing: runner.standing.name(),
            replacement: runner.replacement.name(),
            uptime: now.since(runner.begun),
            expires_in: runner.expires.map(|at| at.since(now)),
            leases: leases.collect(),
            pid: slot.as_ref().map(|slot| slot.runner.pid()),
            port: slot.as_ref().map(|slot| slot.runner.port()),
            gpus: gpus.iter().map(ToString::to_string).collect(),
        }
    }
}
