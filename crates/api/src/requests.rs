//! Queued requests, for people and tools.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use fal_node::{
    Account, CancelAnswer, Handle, Priority, RunnerView, Sent, State as At, Story, Ticket,
};
use fal_types::{AppId, Moment, Problem};
use http::StatusCode;
use serde_json::json;

use crate::{Named, refuse, store_failed, unknown, why, wire};

/// Requests that one list has at most, and without a `limit`.
const MOST: u32 = 1_000;
const USUAL: u32 = 100;

/// How much of a body is shown.
const SHOWN: usize = 64 * 1024;

/// Headers that are forwarded and not shown.
const SECRET: [&str; 4] = ["authorization", "cookie", "proxy-authorization", "x-api-key"];

pub(crate) async fn all(State(node): State<Handle>, uri: http::Uri) -> Response {
    let (app, limit) = match Listed::read(uri.query()) {
        Ok(Listed { app, limit }) => (app, limit),
        Err(detail) => return refuse(StatusCode::BAD_REQUEST, &detail),
    };
    let Ok(tickets) = node.recent(app, limit).await else { return store_failed() };
    let requests: Vec<_> = tickets.iter().map(|ticket| record(ticket, None)).collect();
    Json(json!({ "requests": requests })).into_response()
}

/// What a list is to have in it.
pub(crate) struct Listed {
    pub(crate) app: Option<AppId>,
    pub(crate) limit: u32,
}

impl Listed {
    pub(crate) fn read(query: Option<&str>) -> Result<Self, String> {
        let mut listed = Self { app: None, limit: USUAL };
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            match &*name {
                "app" => {
                    let app = value.parse().map_err(|error| format!("`{value}`: {error}"))?;
                    listed.app = Some(app);
                }
                "limit" => {
                    let number = value.parse().ok().filter(|limit| (1..=MOST).contains(limit));
                    listed.limit =
                        number.ok_or_else(|| format!("limit is 1 to {MOST}, and not `{value}`"))?;
                }
                _ => {}
            }
        }
        Ok(listed)
    }
}

/// One request: what is kept of it, and why it is where it is.
//= docs/contract.md#explained
//# `/api/requests/{id}` MUST say of a request each wait, each attempt, what was decided and by which clause, and what
//# it waits for now.
pub(crate) async fn one(State(node): State<Handle>, Named(wanted): Named) -> Response {
    match node.story(wanted).await {
        Ok(Some(story)) => Json(explained(&node, &story)).into_response(),
        Ok(None) => unknown(wanted),
        Err(_) => store_failed(),
    }
}

pub(crate) fn explained(node: &Handle, story: &Story) -> wire::Explained<wire::Story> {
    let app = &story.ticket.app;
    let runners: Vec<RunnerView> =
        node.all_apps().filter(|other| other.id() == app).flat_map(|app| app.runners()).collect();
    let is_served = node.app(app).is_some();
    let crew =
        why::Crew { runners: is_served.then_some(&runners[..]), is_shared: node.is_shared() };
    let why = why::request(story, crew, node.now());
    let webhook = story.webhook.as_ref().map(|webhook| wire::Webhook {
        url: webhook.url.clone(),
        next: webhook.next.map(Moment::iso),
        under_way: webhook.is_under_way(node.now()),
        deliveries: webhook.sent.iter().map(delivered).collect(),
    });
    let record = wire::Story {
        request: record(&story.ticket, story.ahead),
        history: story.accounts.iter().map(attempt).collect(),
        webhook,
    };
    wire::Explained { record, why }
}

fn delivered(sent: &Sent) -> wire::Delivered {
    let (number, took) = (sent.number, sent.took.as_secs_f64());
    wire::Delivered { number, at: sent.at.iso(), took, answer: sent.answer.clone() }
}

fn attempt(account: &Account) -> wire::Attempt {
    let told = &account.told;
    wire::Attempt {
        attempt: account.attempt.number(),
        node: account.node.to_string(),
        runner_id: told.runner.map(|runner| runner.to_string()),
        started: account.started.iso(),
        ended: account.ended.iso(),
        outcome: told.outcome.to_string(),
        verdict: told.verdict.to_string(),
        clause: told.clause.to_string(),
        runner_fate: told.fate.to_string(),
        runner_clause: told.fate_clause.to_string(),
        next_not_before: account.next.map(Moment::iso),
    }
}

pub(crate) fn record(ticket: &Ticket, ahead: Option<u64>) -> wire::Request {
    let (ending, not_before) = match ticket.state {
        At::Done(ending) => (Some(ending), None),
        At::Waiting { not_before } if not_before.micros() > 0 => (None, Some(not_before.iso())),
        At::Waiting { .. } | At::Leased(_) => (None, None),
    };
    wire::Request {
        request_id: ticket.id.to_string(),
        app: ticket.app.to_string(),
        path: ticket.path.clone(),
        status: ticket.state.word(),
        priority: match ticket.priority {
            Priority::Normal => "normal",
            Priority::Low => "low",
        },
        attempts: ticket.attempts,
        retries: ticket.spent.total,
        submitted: ticket.submitted.iso(),
        start_deadline: ticket.start_deadline.map(Moment::iso),
        started: ticket.started.map(Moment::iso),
        finished: ticket.finished.map(Moment::iso),
        expires: ticket.expires.map(Moment::iso),
        next_attempt_not_before: not_before,
        queue_position: ahead,
        result_status: ending.map(|ending| ending.status().code()),
        error_type: ending.and_then(|ending| ending.problem()).map(Problem::error_type),
        cancel_requested: ticket.cancel_requested,
        dead_letter: ticket.is_dead,
        resubmitted_as: ticket.heir.map(|heir| heir.to_string()),
    }
}

/// What is forwarded for a request.
pub(crate) async fn input(State(node): State<Handle>, Named(wanted): Named) -> Response {
    match node.input(wanted).await {
        Ok(Some(content)) => {
            let shown = content.body.get(..SHOWN).unwrap_or(&content.body);
            let header = |(name, value): &(String, Vec<u8>)| {
                let is_secret = SECRET.iter().any(|secret| name.eq_ignore_ascii_case(secret));
                let shown =
                    if is_secret { "(hidden)".into() } else { String::from_utf8_lossy(value) };
                (name.clone(), shown.into_owned())
            };
            Json(wire::Input {
                headers: content.headers.iter().map(header).collect(),
                length: content.body.len(),
                body: String::from_utf8_lossy(shown).into_owned(),
            })
            .into_response()
        }
        Ok(None) => refuse(
            StatusCode::NOT_FOUND,
            "No input is kept: it is until the request ends, and then of dead letters and with X-Fal-Store-IO: 1",
        ),
        Err(_) => store_failed(),
    }
}

pub(crate) async fn cancel(State(node): State<Handle>, Named(wanted): Named) -> Response {
    let Ok(answer) = node.cancel(wanted).await else { return store_failed() };
    let status = match answer {
        CancelAnswer::Cancelled | CancelAnswer::Signalled => StatusCode::ACCEPTED,
        CancelAnswer::AlreadyCompleted => StatusCode::BAD_REQUEST,
        CancelAnswer::Unknown => return unknown(wanted),
    };
    (status, Json(json!({ "status": answer.word() }))).into_response()
}

/// Sends a webhook once more.
pub(crate) async fn send_webhook(State(node): State<Handle>, Named(wanted): Named) -> Response {
    match node.send_webhook(wanted).await {
        Ok(true) => (StatusCode::ACCEPTED, Json(json!({ "status": "DUE" }))).into_response(),
        Ok(false) => refuse(
            StatusCode::NOT_FOUND,
            &format!("Request {wanted} is not there, has not ended, or has no webhook"),
        ),
        Err(_) => store_failed(),
    }
}
