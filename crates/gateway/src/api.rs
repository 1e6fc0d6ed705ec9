//! What people and tools read: `/api/...`, `/healthz`, `/readyz`, `/`.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::get,
};
use fal_node::{App, Handle, Tracked};
use fal_types::RequestId;
use http::StatusCode;
use serde_json::json;

use crate::{
    queue::{iso, path::parameters, status_word},
    wire,
};

pub(crate) fn router(node: Handle) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/healthz", get(healthy))
        .route("/readyz", get(ready))
        .route("/api/runners", get(runners))
        .route("/api/requests", get(requests))
        .route("/api/requests/{id}", get(request))
        .fallback(nothing)
        .method_not_allowed_fallback(not_allowed)
        .with_state(node)
}

async fn index(State(node): State<Handle>) -> Response {
    let apps: Vec<_> = node
        .apps()
        .map(|app| {
            let name = app.id().to_string();
            json!({ "app": name, "run": format!("/run/{name}"), "queue": format!("/queue/{name}") })
        })
        .collect();
    let tools = ["/api/runners", "/api/requests", "/healthz", "/readyz"];
    Json(json!({ "apps": apps, "tools": tools })).into_response()
}

async fn healthy() -> Response {
    Json(json!({ "status": "ok" })).into_response()
}

async fn ready(State(node): State<Handle>) -> Response {
    let apps: serde_json::Map<_, _> =
        node.apps().map(|app| (app.id().to_string(), app.is_ready().into())).collect();
    let status = if node.is_stopping() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let word = if node.is_stopping() { "stopping" } else { "ready" };
    (status, Json(json!({ "status": word, "apps_with_ready_runners": apps }))).into_response()
}

//= docs/contract.md#runner-record
//# `/api/runners` lists the runners with the fields that fal's record has: `runner_id`, `state`, `in_flight_requests`, `expiration_countdown`, `uptime`, `revision`, `replacement`, `machine_type`, and in `external_metadata` the `leases` and `present_in_group`.
async fn runners(State(node): State<Handle>, uri: http::Uri) -> Response {
    let kind = node.machine_kind();
    let wanted = match wanted(uri.query()) {
        Ok(wanted) => wanted,
        Err(detail) => {
            return (StatusCode::BAD_REQUEST, Json(json!({ "detail": detail }))).into_response();
        }
    };
    let of = |app: App| {
        let name = app.id().to_string();
        let gone = if wanted.gone { app.gone_runners() } else { Vec::new() };
        let all = app.runners().into_iter().chain(gone);
        let fitting = all.filter(|runner| wanted.state.is_none_or(|state| runner.state == state));
        fitting.map(move |runner| wire::Runner {
            runner_id: runner.id.to_string(),
            app: name.clone(),
            state: runner.state,
            cause: runner.cause,
            since: iso(runner.since),
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
        })
    };
    let runners: Vec<_> = node.all_apps().flat_map(of).collect();
    Json(json!({ "runners": runners })).into_response()
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
    let Some((_, asked)) = parameters(query).find(|(key, _)| *key == "state") else {
        return Ok(WantedRunners { gone: false, state: None });
    };
    let name = if asked.eq_ignore_ascii_case("dead") { "TERMINATED" } else { asked };
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

async fn requests(State(node): State<Handle>) -> Response {
    const MOST: u32 = 100;
    let Ok(tickets) = node.recent(None, MOST).await else { return store_failed() };
    let view = |ticket| record(&Tracked { ticket, ahead: None });
    let requests: Vec<_> = tickets.into_iter().map(view).collect();
    Json(json!({ "requests": requests })).into_response()
}

async fn request(State(node): State<Handle>, Path(id): Path<String>) -> Response {
    let Ok(id) = id.parse::<RequestId>() else {
        let detail = json!({ "detail": format!("a request id is a UUID, and `{id}` is not") });
        return (StatusCode::NOT_FOUND, Json(detail)).into_response();
    };
    for app in node.apps() {
        match app.track(id).await {
            Ok(Some(tracked)) => return Json(record(&tracked)).into_response(),
            Ok(None) => {}
            Err(_) => return store_failed(),
        }
    }
    let detail = json!({ "detail": format!("Request {id} not found") });
    (StatusCode::NOT_FOUND, Json(detail)).into_response()
}

fn record(tracked: &Tracked) -> wire::Request {
    let ticket = &tracked.ticket;
    let (ending, not_before) = match ticket.state {
        fal_node::State::Done(ending) => (Some(ending), None),
        fal_node::State::Waiting { not_before } if not_before.micros() > 0 => {
            (None, Some(iso(not_before)))
        }
        fal_node::State::Waiting { .. } | fal_node::State::Leased(_) => (None, None),
    };
    wire::Request {
        request_id: ticket.id.to_string(),
        app: ticket.app.to_string(),
        path: ticket.path.clone(),
        status: status_word(&ticket.state),
        attempts: ticket.attempts,
        retries: ticket.spent.total,
        submitted: iso(ticket.submitted),
        started: ticket.started.map(iso),
        finished: ticket.finished.map(iso),
        next_attempt_not_before: not_before,
        queue_position: tracked.ahead,
        result_status: ending.map(|ending| ending.status().code()),
        error_type: ending.and_then(|ending| ending.problem()).map(fal_types::Problem::error_type),
    }
}

fn store_failed() -> Response {
    let detail = json!({ "detail": "The store cannot be read; the platform's log has the reason" });
    (StatusCode::INTERNAL_SERVER_ERROR, Json(detail)).into_response()
}

async fn nothing(uri: http::Uri) -> Response {
    let detail =
        format!("Nothing is at {}: try /, /run/OWNER/ALIAS or /queue/OWNER/ALIAS", uri.path());
    (StatusCode::NOT_FOUND, Json(json!({ "detail": detail }))).into_response()
}

async fn not_allowed() -> Response {
    let detail = json!({ "detail": "Method Not Allowed" });
    (StatusCode::METHOD_NOT_ALLOWED, Json(detail)).into_response()
}
