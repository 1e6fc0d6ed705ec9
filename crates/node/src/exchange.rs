//! One request on one runner: sent, answered, settled.

mod direct;
mod lease;
mod queued;
mod session;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;
use fal_engine::Reported;
use fal_policy::{Answer, Outcome, headers as signals};
use fal_queue::Ticket;
use fal_supervisor::{BodyError, ForwardError};
use fal_types::{Problem, RequestId, Status};
use http::{HeaderMap, HeaderName, HeaderValue, Request};

pub(crate) use crate::exchange::{
    direct::call,
    lease::Lease,
    queued::{make_durable, queued},
    session::connect,
};
pub use crate::exchange::{
    direct::{DirectCall, LATE_UPLOAD, Refusal},
    session::{Connected, Session, SessionEnd},
};
use crate::{RequestBody, runners::Slot};

/// How long a runner may take to answer a cancel signal. What it answers is ignored.
const CANCEL_LIMIT: Duration = Duration::from_secs(5);

const ATTEMPT: HeaderName = HeaderName::from_static("x-fal-attempt");
const TIME_LEFT: HeaderName = HeaderName::from_static("x-fal-time-left");

/// A body of known length up to this many bytes is held until it is whole before its status is passed on.
pub(crate) const HELD: u64 = 64 * 1024;

/// Where a queued request in flight can be told that it is cancelled.
#[derive(Debug, Clone)]
pub(crate) struct Dispatched {
    slot: Arc<Slot>,
    path: String,
    request: RequestId,
}

impl Dispatched {
    pub(crate) fn new(slot: &Arc<Slot>, ticket: &Ticket) -> Self {
        Self { slot: Arc::clone(slot), path: ticket.path.clone(), request: ticket.id }
    }

    pub(crate) const fn request(&self) -> RequestId {
        self.request
    }

    pub(crate) async fn signal(self) {
        signal_cancel(&self.slot, &self.path, self.request).await;
    }
}

//= docs/contract.md#abandoned
//# The runner MUST get the cancel signal: a POST to the request's path with `/cancel` behind it and the same `x-fal-request-id`.
pub(crate) async fn signal_cancel(slot: &Arc<Slot>, path: &str, request: RequestId) {
    let path = path.split('?').next().unwrap_or_default().trim_end_matches('/');
    let body = RequestBody::Whole(Bytes::from_static(b"{}"));
    let signal = Request::post(format!("{path}/cancel"))
        .header("content-type", "application/json")
        .header("x-fal-request-id", request.to_string())
        .body(body);
    let Ok(signal) = signal else { return };
    // An app that has no such route answers 404, which is as good as any other answer.
    let _ignored = tokio::time::timeout(CANCEL_LIMIT, slot.runner.forward(signal)).await;
}

//= docs/contract.md#request-attempt
//# The runner MUST get the number of the attempt in `x-fal-attempt`, and the seconds that the attempt may take in `x-fal-time-left`.
pub(crate) fn tell_attempt(headers: &mut HeaderMap, number: u16, time_left: &HeaderValue) {
    headers.insert(ATTEMPT, HeaderValue::from(number));
    headers.insert(TIME_LEFT, time_left.clone());
}

/// A report that carries no header of the runner.
pub(crate) const fn reported(outcome: Outcome) -> Reported {
    Reported { outcome, health_wanted: false, problem: None, hints: None }
}

/// What a response's head says to the policy.
pub(crate) fn answer(status: http::StatusCode, headers: &HeaderMap) -> Reported {
    let flag =
        |name: &str| headers.get(name).and_then(|value| signals::parse_flag(value.as_bytes()));
    let retry_after = headers.get(http::header::RETRY_AFTER);
    let answer = Answer {
        status: Status::new(status.as_u16()),
        needs_retry: flag(signals::NEEDS_RETRY),
        stop_runner: flag(signals::STOP_RUNNER),
        retry_after: retry_after.and_then(|value| signals::parse_retry_after(value.as_bytes())),
    };
    let wanted = headers.get("x-fal-runner-health-check");
    let health_wanted = wanted.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"));
    let hints = headers.get("x-fal-runner-hints").and_then(|value| value.to_str().ok()).map(hints);
    Reported { outcome: Outcome::Responded(answer), health_wanted, problem: None, hints }
}

/// What a runner says that it is good for, as far as it is worth remembering.
fn hints(text: &str) -> BTreeSet<String> {
    const MOST: usize = 100;
    let hints = text.split(',').map(str::trim).filter(|hint| !hint.is_empty());
    hints.take(MOST).map(str::to_owned).collect()
}

/// What a body that ended before its end says to the policy.
pub(crate) const fn cut_short(error: &BodyError) -> Outcome {
    match error {
        BodyError::Truncated(_) | BodyError::Malformed(_) => Outcome::Truncated,
        BodyError::Cut => Outcome::Disconnected,
    }
}

/// Whether the platform itself has run out of descriptors, ports or memory for connections (ENOMEM, ENFILE, EMFILE,
/// EADDRNOTAVAIL, ENOBUFS). That says nothing about the runner.
//= docs/contract.md#platform-answers
//# An answer that the platform makes itself MUST NOT move a runner.
pub(crate) fn is_shortage(error: &ForwardError) -> bool {
    let ForwardError::ConnectFailed(error) = error else { return false };
    matches!(error.raw_os_error(), Some(12 | 23 | 24 | 99 | 105))
}

/// What a failed forward says to the policy.
pub(crate) fn failure(error: &ForwardError) -> Reported {
    if is_shortage(error) {
        let problem = Some(Problem::ConnectionError);
        return Reported { problem, ..reported(Outcome::Abandoned) };
    }
    match error {
        ForwardError::Refused => reported(Outcome::Refused),
        ForwardError::ConnectTimedOut => reported(Outcome::ConnectTimedOut),
        ForwardError::ConnectFailed(_) => reported(Outcome::ConnectFailed),
        ForwardError::Disconnected(_) | ForwardError::Malformed(_) | ForwardError::Cut => {
            reported(Outcome::Disconnected)
        }
        ForwardError::Upload(_) => reported(Outcome::Abandoned),
        //= docs/contract.md#platform-answers
        //# An answer that the platform makes itself MUST NOT move a runner.
        ForwardError::HeadTooLarge => Reported {
            outcome: Outcome::Abandoned,
            health_wanted: false,
            problem: Some(Problem::IncompleteResponse),
            hints: None,
        },
    }
}
