//! Direct calls: `/run/{owner}/{alias}[/path]`, any method.

use bytes::Bytes;
use fal_access::{Caller, Pass};
use fal_node::{App, DirectCall, Refusal, RequestBody};
use fal_types::{AppId, Problem, RequestId, Status};
use http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode, header, request::Parts,
    uri::PathAndQuery,
};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::sync::watch;

use crate::{
    Gateway,
    body::Body,
    entry, headers, limits, problem,
    route::{Route, route},
    service,
    websocket::{self, Opening},
};

/// Request bodies of known length up to this many bytes are taken whole before a runner is asked for, so that a
/// slow caller holds no runner up.
const HELD: u64 = 64 * 1024;

pub(crate) async fn call(
    gateway: &Gateway,
    id: RequestId,
    mut request: Request<Incoming>,
    closing: &watch::Receiver<bool>,
) -> Response<Body> {
    let handshake = match websocket::wanted(&mut request) {
        Ok(handshake) => handshake,
        Err(detail) => return websocket::malformed(detail, id),
    };
    let (mut head, body) = request.into_parts();
    let Route::Run(rest) = route(&head.uri, &head.headers) else {
        return service::no_app(head.uri.path(), id);
    };
    let Ok((name, path)) = AppId::split_path(rest) else { return service::no_app(rest, id) };
    let Some(app) = gateway.node().app(&name) else { return service::no_app(name.as_str(), id) };
    let (caller, pass) = match let_in(gateway, (&app, path), &head, id) {
        Ok(entered) => entered,
        Err(refused) => return *refused,
    };
    let start_timeout = match headers::start_timeout(&head.headers) {
        Ok(wait) => wait,
        Err(error) => {
            return problem::platform_with(Problem::BadRequest, &error.to_string(), id);
        }
    };
    let query = entry::without_token(head.uri.query());
    let Some(path) = below(path, query.as_deref()) else {
        return problem::platform(Problem::BadRequest, id);
    };
    if let Some(handshake) = handshake {
        headers::for_runner(&mut head.headers, &headers::id(id), (&name, path.as_str()), &caller);
        let call = DirectCall {
            request: id,
            method: head.method,
            path,
            headers: head.headers,
            body: RequestBody::Whole(Bytes::new()),
            start_timeout,
            pass,
        };
        let opening = Opening { app, call, closing: closing.clone() };
        return websocket::open(gateway, handshake, opening).await;
    }
    let body = match take(gateway, &head.headers, body).await {
        Ok(taken) => taken,
        Err(refused) => return refused.respond(gateway, id),
    };
    let id_header = headers::id(id);
    headers::for_runner(&mut head.headers, &id_header, (&name, path.as_str()), &caller);
    let call = DirectCall {
        request: id,
        method: head.method,
        path,
        headers: head.headers,
        body,
        start_timeout,
        pass,
    };
    match app.call(call).await {
        Ok(answer) => answered(answer, id_header),
        Err(refusal) => refused(gateway, &refusal, id),
    }
}

/// Who calls, and the place that the call takes.
fn let_in(
    gateway: &Gateway,
    called: (&App, &str),
    head: &Parts,
    id: RequestId,
) -> Result<(Caller, Option<Pass>), Box<Response<Body>>> {
    let caller = entry::admit(gateway, called, (&head.uri, &head.headers))
        .map_err(|why| entry::denied(&why, id))?;
    let pass = entry::enter(gateway, &caller).map_err(|why| entry::busy(why, id))?;
    Ok((caller, pass))
}

/// A runner's answer as its caller sees it.
pub(crate) fn answered(
    (response, runner): (Response<fal_node::Body>, HeaderValue),
    id: HeaderValue,
) -> Response<Body> {
    let mut response = response.map(Body::Node);
    let status = Status::new(response.status().as_u16());
    headers::for_caller(response.headers_mut(), status, id);
    response.headers_mut().insert(headers::SERVED_FROM, runner);
    response
}

pub(crate) fn refused(gateway: &Gateway, refusal: &Refusal, id: RequestId) -> Response<Body> {
    if let Some(error) = &refusal.upload {
        return limits::refused(error).respond(gateway, id);
    }
    let mut response = problem::platform(refusal.problem, id);
    if refusal.problem.status().code() == 503 {
        // A transient error of the platform: the caller may try again, and is told so.
        response.headers_mut().insert(headers::NEEDS_RETRY, HeaderValue::from_static("1"));
    }
    if let Some(runner) = refusal.runner {
        response.headers_mut().insert(headers::SERVED_FROM, headers::text(&runner.to_string()));
    }
    response
}

/// The path and query that the runner gets.
fn below(path: &str, query: Option<&str>) -> Option<PathAndQuery> {
    let path = if path.is_empty() { "/" } else { path };
    match query {
        None => path.parse().ok(),
        Some(query) => format!("{path}?{query}").parse().ok(),
    }
}

/// Why a body was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    TooLarge,
    TooSlow,
    Broken,
}

impl Refused {
    pub(crate) fn respond(self, gateway: &Gateway, id: RequestId) -> Response<Body> {
        match self {
            //= docs/contract.md#request-limits
            //# A request body over the limit MUST get 413.
            Self::TooLarge => {
                let most = gateway.limits().body;
                let detail = format!("The request body is larger than {most} bytes");
                problem::plain(StatusCode::PAYLOAD_TOO_LARGE, &detail, id)
            }
            Self::TooSlow => {
                let detail = "The request body did not arrive in time";
                problem::plain(StatusCode::REQUEST_TIMEOUT, detail, id)
            }
            Self::Broken => problem::platform(Problem::BadRequest, id),
        }
    }
}

async fn take(
    gateway: &Gateway,
    headers: &HeaderMap,
    body: Incoming,
) -> Result<RequestBody, Refused> {
    let most = u64::try_from(gateway.limits().body).unwrap_or(u64::MAX);
    if body.is_end_stream() {
        return Ok(RequestBody::Whole(Bytes::new()));
    }
    match body.size_hint().exact() {
        Some(length) if length > most => Err(Refused::TooLarge),
        Some(length) if length <= HELD && !headers.contains_key(header::EXPECT) => {
            Ok(RequestBody::Whole(whole(gateway, body).await?))
        }
        Some(_) | None => Ok(RequestBody::Stream(limits::limited(body, gateway.limits()))),
    }
}

/// Takes a whole body, within the limits of size and time.
pub(crate) async fn whole(gateway: &Gateway, body: Incoming) -> Result<Bytes, Refused> {
    let limited = http_body_util::Limited::new(body, gateway.limits().body);
    match tokio::time::timeout(gateway.limits().body_timeout, limited.collect()).await {
        Err(_) => Err(Refused::TooSlow),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(Refused::TooLarge),
        Ok(Err(_)) => Err(Refused::Broken),
    }
}
