//! An attempt at a queued request: its answer is made durable before anybody hears of it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use fal_engine::{Cause, Input, Record, Reported};
use fal_policy::{Call, Outcome};
use fal_queue::{
    Ending, Ruling, State, Ticket,
    store::{Content, Done, Line, Op, Reply},
};
use fal_supervisor::BodyError;
use fal_types::{LeaseId, Problem, RunnerId};
use http::{HeaderName, HeaderValue, Request};
use http_body::Body as _;
use http_body_util::{BodyExt, Limited};

use crate::{
    RequestBody,
    conductor::{Conductor, Settled},
    exchange::{self, Lease},
    runners::Slot,
};

/// How long the store is left alone after it refused a result.
const AGAIN: Duration = Duration::from_millis(500);

/// Runs one attempt from its dispatch to the durable record of what became of it.
pub(crate) async fn queued(
    conductor: Arc<Conductor>,
    (lease, slot): (LeaseId, Arc<Slot>),
    ticket: Ticket,
    content: Content,
) {
    // Made here and not by whoever spawned this: a runtime that closes drops the task where that one holds the lock.
    let mut lease = Lease::new(&conductor, slot, lease);
    // The platform does not end before what became of this attempt is on disk.
    let _recording = conductor.shared.recording.acquire().await;
    if let State::Leased(held) = ticket.state {
        conductor.shared.lines.begin(ticket.id, held);
    }
    let slot = Arc::clone(lease.slot());
    // What the runner has printed before is not this request's.
    slot.runner.catch_up();
    lease.enter(ticket.id, Call::Queued);
    let id = lease.id();
    let current = conductor.current();
    let limit = current.options.request_timeout;
    let most = conductor.shared.max_body;
    let mut request = outgoing(&ticket, content);
    exchange::tell_attempt(request.headers_mut(), ticket.attempts, &current.time_left);
    let attempt = tokio::time::timeout(limit, attempt(&slot, request, most)).await;
    let (reported, reply) =
        attempt.unwrap_or_else(|_| (exchange::reported(Outcome::TimedOut), None));
    // What the runner printed before it answered belongs to the request; what comes later does not.
    slot.runner.catch_up();
    let lines = id.map(|id| conductor.shared.lines.end(ticket.id, id)).unwrap_or_default();
    if let Some(Settled { record, died }) = lease.settle(reported) {
        // The store keeps the response only where it is the result.
        let is_failed = matches!(
            record.ruling,
            Ruling::Finish(Ending::Failed(_)) | Ruling::Exhaust(Ending::Failed(_))
        );
        let reply = if is_failed { obituary(&died) } else { reply };
        make_durable(&conductor, record, (reply, lines)).await;
    }
}

/// At which deaths of runners a request was that is not tried again.
//= docs/contract.md#poison
//# The error and the log name the runners and their causes.
fn obituary(deaths: &[(RunnerId, Cause)]) -> Option<Reply> {
    if deaths.is_empty() {
        return None;
    }
    let name = |(runner, cause): &(RunnerId, Cause)| format!("{runner} ({})", cause.name());
    let deaths: Vec<_> = deaths.iter().map(name).collect();
    let text = format!(
        "The request is not tried again: it was in flight when these runners died: {}",
        deaths.join(", ")
    );
    let status = Problem::Disconnected.status();
    Some(Reply { status, headers: Vec::new(), body: text.into_bytes() })
}

async fn attempt(slot: &Slot, request: Request<Bytes>, most: usize) -> (Reported, Option<Reply>) {
    let response = loop {
        match slot.runner.forward(request.clone().map(RequestBody::Whole)).await {
            Ok(response) => break response,
            // The platform itself has run short: the request waits where it is.
            Err(error) if exchange::is_shortage(&error) => tokio::time::sleep(AGAIN).await,
            Err(error) => return (exchange::failure(&error), None),
        }
    };
    let (head, body) = response.into_parts();
    let reported = exchange::answer(head.status, &head.headers);
    let expected = body.size_hint().lower();
    if expected > u64::try_from(most).unwrap_or(u64::MAX) {
        return (too_large(reported), None);
    }
    match Limited::new(body, most).collect().await {
        Ok(collected) => {
            let status = fal_types::Status::new(head.status.as_u16());
            let headers = head.headers.iter();
            let headers =
                headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
            let body = Vec::from(collected.to_bytes());
            (reported, Some(Reply { status, headers: headers.collect(), body }))
        }
        Err(error) => match error.downcast_ref::<BodyError>() {
            Some(error) => (exchange::reported(exchange::cut_short(error)), None),
            None => (too_large(reported), None),
        },
    }
}

/// The platform does not keep a result of this size. What its head said of the runner stands.
fn too_large(mut reported: Reported) -> Reported {
    tracing::warn!("a result is larger than max_body, and is not kept");
    reported.problem = Some(Problem::IncompleteResponse);
    reported
}

fn outgoing(ticket: &Ticket, content: Content) -> Request<Bytes> {
    let mut request = Request::new(Bytes::from(content.body));
    *request.method_mut() = http::Method::POST;
    let path = if ticket.path.is_empty() { "/" } else { ticket.path.as_str() };
    // The gateway admits only paths that parse; a store that was tampered with gets the root.
    *request.uri_mut() = path.parse().unwrap_or_else(|_| http::Uri::from_static("/"));
    for (name, value) in content.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(&value)) {
            request.headers_mut().append(name, value);
        }
    }
    if let Ok(id) = HeaderValue::from_str(&ticket.id.to_string()) {
        request.headers_mut().insert("x-fal-request-id", id);
    }
    request
}

/// Makes durable what became of an attempt, however long the store takes: while it refuses, the lease stands.
//= docs/contract.md#queue-fencing
//# A result of an attempt whose lease is no longer current MUST change nothing.
pub(crate) async fn make_durable(
    conductor: &Arc<Conductor>,
    record: Record,
    (reply, lines): (Option<Reply>, Vec<Line>),
) {
    let Record { request, lease, attempt, ruling, told } = record;
    // From here on only the store knows: others may hear of the end from it, and of nothing older afterwards.
    conductor.shared.known.forget(request);
    let mut is_doubted = false;
    loop {
        let (told, lines, kept) = (told.clone(), lines.clone(), reply.clone());
        let op = Op::Settle { request, lease, attempt, ruling, told, lines, reply: kept };
        match conductor.shared.journal.commit(op).await {
            Ok(Done::Settled(after)) => {
                announce(conductor, *after, reply);
                return;
            }
            // It has happened the time before, or somebody else has the request now.
            Ok(_) if is_doubted => {
                conductor.shared.changed(request);
                conductor.shared.webhooks.notify_one();
                let _later = conductor.serving().look().await.is_err();
                return;
            }
            Ok(_) => {
                conductor.shared.changed(request);
                tracing::warn!(%request, %attempt, "late result of an old attempt: nothing changes");
                return;
            }
            Err(crate::journal::JournalError::Ended) => return,
            Err(error @ crate::journal::JournalError::Refused(_)) => {
                is_doubted |= error.is_doubtful();
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

fn announce(conductor: &Arc<Conductor>, after: Ticket, reply: Option<Reply>) {
    let (request, state, attempts) = (after.id, after.state, after.attempts);
    let (has_deadline, has_webhook) = (after.start_deadline.is_some(), after.webhook.is_some());
    conductor.shared.known.settled(conductor.clock().now(), after, reply);
    conductor.shared.watchers.notify(request);
    match state {
        State::Waiting { not_before } => {
            conductor.serving().drive(Input::Arrived { due: not_before });
            if has_deadline {
                conductor.shared.deadlines.notify_one();
            }
        }
        State::Done(ending) => {
            if has_webhook {
                conductor.shared.webhooks.notify_one();
            }
            let app = &conductor.id;
            tracing::debug!(%app, %request, attempts, ?ending, "request is done");
        }
        State::Leased(_) => {}
    }
}
