//! Runners, for people and tools.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use fal_node::{App, Handle, RunnerView};
use fal_types::RequestId;
use http::StatusCode;
use serde_json::json;

use crate::{Name, refuse, why, wire};

//= docs/contract.md#runner-record
//# `/api/runners` lists the runners with the fields that fal's record has: `runner_id`, `state`, `in_flight_requests`, `expiration_countdown`, `uptime`, `revision`, `replacement`, `machine_type`, and in `external_metadata` the `leases` and `present_in_group`.
pub(crate) async fn all(State(node): State<Handle>, uri: http::Uri) -> Response {
    let kind = node.machine_kind();
    let wanted = match wanted(uri.query()) {
        Ok(wanted) => wanted,
        Err(detail) => return refuse(StatusCode::BAD_REQUEST, &detail),
    };
    let of = |app: App| {
        let name = app.id().to_string();
        let gone = if wanted.gone { app.gone_runners() } else { Vec::new() };
        let all = app.runners().into_iter().chain(gone);
        let fitting = all.filter(|runner| wanted.state.is_none_or(|state| runner.state == state));
        fitting.map(move |runner| record(&name, kind, runner))
    };
    let runners: Vec<_> = node.all_apps().flat_map(of).collect();
    Json(json!({ "runners": runners })).into_response()
}

/// One runner, and why it is as it is.
pub(crate) async fn one(State(node): State<Handle>, Name(id): Name) -> Response {
    for app in node.all_apps() {
        let name = app.id().to_string();
        let mut known = app.runners().into_iter().chain(app.gone_runners());
        if let Some(runner) = known.find(|runner| runner.id.to_string() == id) {
            let why = why::runner(&name, &runner, node.now());
            let record = record(&name, node.machine_kind(), runner);
            return Json(wire::Explained { record, why }).into_response();
        }
    }
    let detail = format!("Runner {id} not found: of each app the last 100 that are gone are kept");
    refuse(StatusCode::NOT_FOUND, &detail)
}

fn record(app: &str, kind: &str, runner: RunnerView) -> wire::Runner {
    wire::Runner {
        runner_id: runner.id.to_string(),
        app: app.to_owned(),
        state: runner.state,
        cause: runner.cause.name(),
        since: runner.since.iso(),
        in_flight_requests: runner.in_flight,
        revision: runner.revision,
        standing: runner.standing,
        replacement: runner.replacement,
        uptime: runner.uptime.as_secs_f64(),
        expiration_countdown: runner.expires_in.map(|left| left.as_secs_f64()),
        external_metadata: wire::Metadata {
            leases: runner.leases.iter().map(lease).collect(),
            present_in_group: runner.takes_requests,
        },
        machine_type: kind.to_owned(),
        gpus: runner.gpus,
        pid: runner.pid,
        port: runner.port,
    }
}

/// Which runners somebody wants to see.
#[derive(Clone, Copy)]
struct WantedRunners {
    /// Those that are gone too.
    gone: bool,
    /// Those in this state alone.
    state: Option<&'static str>,
}

//= docs/contract.md#runner-record
//# `?state=` asks for those in one state, in fal's words: `all`, `idle`, `running`, `pending`, `setup`, `draining`, `terminating`, `crash_backoff`, `terminated` (or `dead`).
fn wanted(query: Option<&str>) -> Result<WantedRunners, String> {
    const STATES: [&str; 8] = [
        "IDLE",
        "RUNNING",
        "PENDING",
        "SETUP",
        "DRAINING",
        "TERMINATING",
        "CRASH_BACKOFF",
        "TERMINATED",
    ];
    let mut query = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let Some((_, asked)) = query.find(|(key, _)| key == "state") else {
        return Ok(WantedRunners { gone: false, state: None });
    };
    let name = if asked.eq_ignore_ascii_case("dead") { "TERMINATED" } else { &*asked };
    if name.eq_ignore_ascii_case("all") {
        return Ok(WantedRunners { gone: true, state: None });
    }
    let state = STATES.into_iter().find(|state| state.eq_ignore_ascii_case(name));
    match state {
        Some(state) => Ok(WantedRunners { gone: state == "TERMINATED", state: Some(state) }),
        None => Err(format!("`{asked}` is not one of all, {}", STATES.join(", ").to_lowercase())),
    }
}

fn lease((request, since): &(Option<RequestId>, fal_types::Moment)) -> wire::Lease {
    wire::Lease {
        request_id: request.map(|request| request.to_string()),
        caller_user_id: None,
        leased_at_epoch: Duration::from_micros(since.micros()).as_secs_f64(),
    }
}
