//! Asking a runner whether it is still there.

use std::sync::Arc;

use fal_engine::Event;
use fal_supervisor::ProbeError;

use crate::{HealthProbe, conductor::Conductor, exchange, runners::Slot};

//= docs/contract.md#tcp-check
//# The check is one connect to the runner's port, which MUST succeed within `tcp_check_timeout`.
pub(crate) async fn tcp(conductor: Arc<Conductor>, slot: Arc<Slot>) {
    let probed = slot.runner.probe_tcp(conductor.current().options.tcp_check_timeout).await;
    let event = if is_failure(&probed) { Event::ProbeFailed } else { Event::ProbePassed };
    conductor.report(slot.id, event);
}

//= docs/contract.md#health-endpoint
//# That probe carries the header `x-fal-runner-health-check`.
#[expect(clippy::fn_params_excessive_bools, reason = "the probe's own field")]
pub(crate) async fn health(conductor: Arc<Conductor>, slot: Arc<Slot>, on_demand: bool) {
    let passed = match &slot.health {
        Some(probe) => {
            let probe = HealthProbe { on_demand, ..probe.clone() };
            !is_failure(&slot.runner.probe_health(&probe).await)
        }
        None => true,
    };
    let event = if passed { Event::HealthPassed } else { Event::HealthFailed };
    conductor.report(slot.id, event);
}

/// A probe that the platform itself could not make is no failure of the runner.
fn is_failure(probed: &Result<(), ProbeError>) -> bool {
    match probed {
        Ok(()) => false,
        Err(ProbeError::Unanswered(error)) => !exchange::is_shortage(error),
        Err(
            ProbeError::TimedOut
            | ProbeError::Status(_)
            | ProbeError::Broken(_)
            | ProbeError::Path { .. },
        ) => true,
    }
}
