//! Answers in fal's shape: `{"detail": ..}`, and 503 only with evidence.

use std::any::Any;

use fal_policy::{AppStatus, Flag};
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE, SEC_WEBSOCKET_VERSION},
};
use serde_json::{Value, json};

use crate::{
    chain::Chain,
    endpoint::{
        error::{Answer, Answered, EndpointError, Sealed},
        health::HealthError,
        output::{EndpointOutput, Written},
    },
    request::{self, Request},
    routes::Kind,
    setup::panic_text,
    shell::body::Body,
    validation::Invalid,
};

mod kinds;

const NEEDS_RETRY: HeaderName = HeaderName::from_static("x-fal-needs-retry");
const STOP_RUNNER: HeaderName = HeaderName::from_static("x-fal-stop-runner");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-fal-error-type");
const BILLABLE_UNITS: HeaderName = HeaderName::from_static("x-fal-billable-units");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const NOTHING: HeaderValue = HeaderValue::from_static("0");

/// What an endpoint returned.
pub(crate) fn returned<O: EndpointOutput, E: EndpointError>(
    result: Result<O, E>,
) -> Response<Body> {
    match result.map(EndpointOutput::write) {
        Ok(Ok(Written { content_type, body })) => {
            let mut response = Response::new(body);
            response.headers_mut().insert(CONTENT_TYPE, content_type);
            response
        }
        Ok(Err(error)) => {
            let endpoint = request::endpoint();
            tracing::error!(endpoint, error = %Chain(error), "the endpoint's output cannot be sent");
            internal()
        }
        Err(error) => failed(&error),
    }
}

fn failed<E: EndpointError>(error: &E) -> Response<Body> {
    let answered = error.answer(Sealed(()));
    note(error, &answered, request::endpoint().unwrap_or_default());
    let mut response = match answered.status {
        Answer::Failed(status) => json(code(status), &told(&answered, &error.to_string())),
        //= docs/contract.md#unearned-503
        //# An app of `fal-app` MUST NOT answer 503 except by a path that is marked
        //# `#[runner_broken]`.
        Answer::Broken(evidence) => {
            // Evidence outweighs whatever was said before it was found, `keep_runner` included.
            if let Some(request) = request::current() {
                request.retract();
                request.proof().earn(evidence);
            }
            json(StatusCode::SERVICE_UNAVAILABLE, &json!({ "detail": error.to_string() }))
        }
    };
    mark(&answered, &mut response);
    response
}

fn code(status: AppStatus) -> StatusCode {
    StatusCode::from_u16(status.code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Logs a failure that is not the caller's.
pub(crate) fn note<E: EndpointError>(error: &E, answered: &Answered<'_>, endpoint: &str) {
    match answered.status {
        Answer::Failed(status) if code(status).is_server_error() => {
            let status = status.code();
            tracing::error!(endpoint, status, error = %Chain(error), "the endpoint failed");
        }
        Answer::Failed(_) => {}
        Answer::Broken(evidence) => {
            let (reason, proof) = (evidence.reason(), evidence.proof().name());
            tracing::error!(endpoint, reason, proof, error = %Chain(error), "the runner is broken");
        }
    }
}

/// The body of a failure: fal's clients take a text as a plain message, and a list as what is wrong
/// with the input or the model.
fn told(answered: &Answered<'_>, message: &str) -> Value {
    if !answered.is_of_model() {
        return json!({ "detail": message });
    }
    let kind = answered.error_type.unwrap_or("value_error");
    let loc: Vec<_> = std::iter::once("body").chain(answered.field).collect();
    let mut entry = json!({ "loc": loc, "msg": message, "type": kind });
    if let (Some(url), Some(entry)) = (kinds::url(kind), entry.as_object_mut()) {
        entry.insert("url".to_owned(), url.into());
    }
    if let (Some((name, value)), Some(entry)) = (answered.ctx, entry.as_object_mut()) {
        entry.insert("ctx".to_owned(), json!({ name: value }));
    }
    json!({ "detail": [entry] })
}

/// The headers that a failure declares. What fal calls a model error costs nothing unless it says so.
fn mark(answered: &Answered<'_>, response: &mut Response<Body>) {
    let flag = |flag| match flag {
        Flag::Yes => HeaderValue::from_static("1"),
        Flag::No => HeaderValue::from_static("0"),
    };
    let free = answered.is_of_model().then_some("0");
    let units = answered.billable_units.or(free).and_then(|units| units.parse().ok());
    let declared = [
        (NEEDS_RETRY, answered.needs_retry.map(flag)),
        (STOP_RUNNER, answered.stop_runner.map(flag)),
        (ERROR_TYPE, answered.error_type.and_then(|text| text.parse().ok())),
        (BILLABLE_UNITS, units),
    ];
    let headers = response.headers_mut();
    for (name, value) in declared {
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
}

/// What a health check found. Never a 503: a failed check is the platform's to count.
pub(crate) fn checked<E: HealthError>(result: Result<(), E>, version: &str) -> Response<Body> {
    match result {
        Ok(()) => healthy(version),
        Err(reason) => {
            tracing::warn!(%reason, "the health check found the runner unhealthy");
            detail(StatusCode::INTERNAL_SERVER_ERROR, &reason.to_string())
        }
    }
}

/// The answer of `GET /health`.
pub(crate) fn healthy(version: &str) -> Response<Body> {
    json(StatusCode::OK, &json!({ "version": version }))
}

/// The input did not fit.
pub(crate) fn invalid(invalid: &Invalid) -> Response<Body> {
    unbilled(json(StatusCode::UNPROCESSABLE_ENTITY, &invalid.body()))
}

/// Nothing is served at this path.
pub(crate) fn not_found(path: &str) -> Response<Body> {
    unbilled(detail(StatusCode::NOT_FOUND, &format!("Path {path} not found")))
}

/// The path is served, but not with this method.
pub(crate) fn not_allowed(kind: Kind) -> Response<Body> {
    method_not_allowed(kind.allow())
}

/// The path is served, but only with the methods named.
pub(crate) fn method_not_allowed(allow: &'static str) -> Response<Body> {
    let mut response = detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    response
}

/// The request that a cancel names is being told of it.
pub(crate) fn cancelling() -> Response<Body> {
    json(StatusCode::OK, &json!({ "status": "CANCELLATION_REQUESTED" }))
}

/// The request that a cancel names is not here, or nothing here could be told of it.
pub(crate) fn nothing_to_cancel() -> Response<Body> {
    unbilled(detail(StatusCode::NOT_FOUND, "no request with this id can be cancelled here"))
}

//= docs/contract.md#app-handshake
//# A handshake anywhere else MUST be answered with a plain 403, and anything else that is sent to a
//# session's path with 404.
/// No session is to be had here.
pub(crate) fn forbidden() -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::FORBIDDEN;
    response
}

/// A handshake by another version of WebSockets.
pub(crate) fn other_version(ours: &'static str) -> Response<Body> {
    let mut response =
        detail(StatusCode::UPGRADE_REQUIRED, "this is not the version of WebSockets");
    response.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static(ours));
    response
}

/// A handshake without its key.
pub(crate) fn no_key() -> Response<Body> {
    detail(StatusCode::BAD_REQUEST, "the handshake has no sec-websocket-key")
}

/// The runner is broken, as a session has shown.
pub(crate) fn broken(reason: &str) -> Response<Body> {
    detail(StatusCode::INTERNAL_SERVER_ERROR, &format!("the runner is broken: {reason}"))
}

/// The caller did not send its whole body, so it will hardly read this.
pub(crate) fn broken_off() -> Response<Body> {
    detail(StatusCode::BAD_REQUEST, "the request body broke off")
}

/// An endpoint panicked: it is logged, and its caller learns nothing about it. What it had said for
/// its answer is no longer meant.
pub(crate) fn panicked(request: &Request, payload: &(dyn Any + Send)) -> Response<Body> {
    note_panic(request, payload);
    request.retract();
    internal()
}

/// Logs a panic with its place.
pub(crate) fn note_panic(request: &Request, payload: &(dyn Any + Send)) {
    let (panic, at, endpoint) = (panic_text(payload), request.panicked_at(), request.endpoint());
    tracing::error!(endpoint, panic, at, "the endpoint panicked");
}

/// Something went wrong that the caller learns nothing about.
pub(crate) fn internal() -> Response<Body> {
    detail(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
}

/// What the shell itself has to show: a page, a description, figures.
pub(crate) fn shown(content_type: &'static str, text: impl Into<bytes::Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::whole(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn detail(status: StatusCode, detail: &str) -> Response<Body> {
    json(status, &json!({ "detail": detail }))
}

fn unbilled(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(BILLABLE_UNITS, NOTHING);
    response
}

fn json(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::whole(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}
