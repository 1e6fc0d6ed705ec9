//! The answers that the platform gives in its own name.

use fal_types::{Problem, RequestId};
use http::{HeaderName, HeaderValue, Response, StatusCode, header};

use crate::{body::Body, headers, wire};

pub(crate) const ERROR_TYPE: HeaderName = HeaderName::from_static("x-fal-error-type");
const TIMEOUT_TYPE: HeaderName = HeaderName::from_static("x-fal-request-timeout-type");

//= docs/contract.md#platform-errors
//# A platform error MUST have the body `{"detail", "error_type"}` and the header `X-Fal-Error-Type` with the same type.
/// A platform error as its caller sees it.
pub(crate) fn platform(problem: Problem, request: RequestId) -> Response<Body> {
    platform_with(problem, problem.detail(), request)
}

/// The same with a detail that says more.
pub(crate) fn platform_with(problem: Problem, detail: &str, request: RequestId) -> Response<Body> {
    let error_type = problem.error_type();
    let body = wire::Problem { detail, error_type: Some(error_type) };
    let mut response = json(status(problem.status().code()), &body, request);
    let headers = response.headers_mut();
    headers.insert(ERROR_TYPE, HeaderValue::from_static(error_type));
    if problem.is_user_timeout() {
        headers.insert(TIMEOUT_TYPE, HeaderValue::from_static("user"));
    }
    response
}

/// An error about the request itself.
pub(crate) fn plain(status: StatusCode, detail: &str, request: RequestId) -> Response<Body> {
    json(status, &wire::Problem { detail, error_type: None }, request)
}

/// A method that is not for this URL.
pub(crate) fn not_allowed(allow: &'static str, request: RequestId) -> Response<Body> {
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed", request);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
    response
}

/// Any value as JSON.
pub(crate) fn json<T: serde::Serialize>(
    status: StatusCode,
    body: &T,
    request: RequestId,
) -> Response<Body> {
    // The wire forms are structs of strings and numbers, which always serialize.
    let bytes = serde_json::to_vec(body).unwrap_or_default();
    let mut response = Response::new(Body::whole(bytes.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(headers::REQUEST_ID, headers::id(request));
    response
}

/// A status that HTTP can carry; anything else is the platform's own fault.
pub(crate) fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
