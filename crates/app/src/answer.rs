//! Answers in fal's shape: `{"detail": ..}`, and 503 only with evidence.

use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE},
};
use serde_json::json;

use crate::{
    body::Body,
    chain::Chain,
    error::{Answer, EndpointError, Sealed},
    guard,
    health::HealthError,
    output::{EndpointOutput, Written},
    request,
    routes::Kind,
    validation::Invalid,
};

const NEEDS_RETRY: HeaderName = HeaderName::from_static("x-fal-needs-retry");
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
            let content_type = HeaderValue::from_static(content_type);
            response.headers_mut().insert(CONTENT_TYPE, content_type);
            response
        }
        Ok(Err(error)) => {
            let endpoint = request::endpoint();
            tracing::error!(endpoint, %error, "the endpoint's output could not be serialised");
            internal()
        }
        Err(error) => failed(&error),
    }
}

fn failed<E: EndpointError>(error: &E) -> Response<Body> {
    let answered = error.answer(Sealed(()));
    let endpoint = request::endpoint();
    let mut response = match answered.status {
        Answer::Failed(status) => {
            let status =
                StatusCode::from_u16(status.code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            if status.is_server_error() {
                let code = status.as_u16();
                tracing::error!(endpoint, status = code, error = %Chain(error), "the endpoint failed");
            }
            detail(status, &error.to_string())
        }
        //= docs/contract.md#unearned-503
        //# An app of `fal-app` MUST NOT answer 503 except by a path that is marked
        //# `#[runner_broken]`.
        Answer::Broken(evidence) => {
            let reason = evidence.reason();
            tracing::error!(endpoint, reason, error = %Chain(error), "the runner is broken");
            guard::earned(evidence, detail(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()))
        }
    };
    let headers = response.headers_mut();
    if let Some(needs_retry) = answered.needs_retry {
        headers.insert(NEEDS_RETRY, HeaderValue::from_static(if needs_retry { "1" } else { "0" }));
    }
    if let Some(error_type) = answered.error_type.and_then(|text| text.parse().ok()) {
        headers.insert(ERROR_TYPE, error_type);
    }
    response
}

/// What a health check found. Never a 503: a failed check is the platform's to count.
pub(crate) fn checked<E: HealthError>(result: Result<(), E>) -> Response<Body> {
    match result {
        Ok(()) => healthy(),
        Err(reason) => {
            tracing::warn!(%reason, "the health check found the runner unhealthy");
            detail(StatusCode::INTERNAL_SERVER_ERROR, &reason.to_string())
        }
    }
}

/// The answer of `GET /health`.
pub(crate) fn healthy() -> Response<Body> {
    json(StatusCode::OK, &json!({ "version": "unknown" }))
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

/// The caller did not send its whole body, so it will hardly read this.
pub(crate) fn broken_off() -> Response<Body> {
    detail(StatusCode::BAD_REQUEST, "the request body broke off")
}

/// Something went wrong that the caller learns nothing about.
pub(crate) fn internal() -> Response<Body> {
    detail(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
}

fn detail(status: StatusCode, detail: &str) -> Response<Body> {
    json(status, &json!({ "detail": detail }))
}

fn unbilled(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(BILLABLE_UNITS, NOTHING);
    response
}

fn json(status: StatusCode, body: &serde_json::Value) -> Response<Body> {
    let mut response = Response::new(Body::whole(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}
