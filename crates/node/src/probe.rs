//! Asking a runner whether it is still there.

use std::sync::Arc;

use fal_engine::Event;

use crate::{HealthProbe, conductor::Conductor, runners::Slot};

//= docs/contract.md#tcp-check
//# The check is one connect to the runner's port, which MUST succeed within `tcp_check_timeout`.
pub(crate) async fn tcp(conductor: Arc<Conductor>, slot: Arc<Slot>) {
    let passed = slot.runner.probe_tcp(conductor.options.tcp_check_timeout).await;
    let event = if passed.is_ok() { Event::ProbePassed } else { Event::ProbeFailed };
    conductor.report(slot.id, event);
}

//= docs/contract.md#health-endpoint
//# That probe carries the header `x-fal-runner-health-check`.
#[expect(clippy::fn_params_excessive_bools, reason = "the probe's own field")]
pub(crate) async fn health(conductor: Arc<Conductor>, slot: Arc<Slot>, on_demand: bool) {
    let passed = match &conductor.options.health {
        Some(probe) => {
            let probe = HealthProbe { on_demand, ..probe.clone() };
            slot.runner.probe_health(&probe).await.is_ok()
        }
        None => true,
    };
    let event = if passed { Event::HealthPassed } else { Event::HealthFailed };
    conductor.report(slot.id, event);
}
