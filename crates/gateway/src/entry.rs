//! Who may come in, and with how much.

use std::borrow::Cow;

use fal_access::{Busy, Caller, Denied, Pass, Proof};
use fal_node::App;
use fal_types::RequestId;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};

use crate::{Gateway, body::Body, headers, problem, queue::path, wire};

/// What stands in a URL for the header that a browser cannot send.
const TOKEN: &str = "fal_jwt_token";
/// What a caller is told whose key has too much under way.
const LIMIT: &str = "concurrent_requests_limit";
const WWW_AUTHENTICATE: HeaderValue = HeaderValue::from_static("Key");

/// What a page of a stranger's is told, or whoever uses a stranger's name for this machine.
pub(crate) fn stranger<B>(
    gateway: &Gateway,
    request: &Request<B>,
) -> Result<(), (StatusCode, &'static str)> {
    if !gateway.access().is_open() {
        return Ok(());
    }
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let host = text("host");
    if !fal_access::is_own_name(host.unwrap_or_default(), gateway.public_url()) {
        let detail = "Without keys the platform answers to names of this machine only: use localhost or an IP address, or set public_url or api_keys";
        return Err((StatusCode::MISDIRECTED_REQUEST, detail));
    }
    // What is stored may be read from anywhere, and has its own rules for the rest.
    if request.uri().path().starts_with("/cdn/") {
        return Ok(());
    }
    let is_foreign = text("origin").is_some_and(|origin| !fal_access::is_own_page(origin, host));
    let is_elsewhere =
        text("sec-fetch-site") == Some("cross-site") && request.method() != Method::GET;
    if is_foreign || (is_elsewhere && text("origin").is_none()) {
        let detail = "A page of another site may not do this where no key is needed: set api_keys to let pages in that have one";
        return Err((StatusCode::FORBIDDEN, detail));
    }
    Ok(())
}

/// Lets a request for a path of an app in, or says why not.
pub(crate) fn admit(
    gateway: &Gateway,
    (app, path): (&App, &str),
    (uri, seen): (&Uri, &HeaderMap),
) -> Result<Caller, Denied> {
    if gateway.access().is_open() {
        return Ok(Caller::default());
    }
    let token = path::parameters(uri.query()).find(|(name, _)| *name == TOKEN);
    let token = token.map(|(_, token)| token);
    let proof = Proof { authorization: authorization(seen), token };
    let now = gateway.node().now().micros() / 1_000_000;
    gateway.access().admit(app.auth(), (app.id(), path), proof, now)
}

pub(crate) fn authorization(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes)
}

/// A place for one more call of this caller.
pub(crate) fn enter(gateway: &Gateway, caller: &Caller) -> Result<Option<Pass>, Busy> {
    caller.enter(gateway.node().now())
}

/// What whoever may not come in is told.
pub(crate) fn denied(why: &Denied, id: RequestId) -> Response<Body> {
    let mut response = problem::plain(StatusCode::UNAUTHORIZED, &why.to_string(), id);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, WWW_AUTHENTICATE);
    response
}

//= docs/contract.md#key-limits
//# A call beyond its key's limits MUST get 429 of the type `concurrent_requests_limit` with `X-Fal-Needs-Retry: 1`, and reach no runner.
/// What a caller is told whose key has too much under way.
pub(crate) fn busy(why: Busy, id: RequestId) -> Response<Body> {
    let detail = why.to_string();
    let body = wire::Problem { detail: &detail, error_type: Some(LIMIT) };
    let mut response = problem::json(StatusCode::TOO_MANY_REQUESTS, &body, id);
    let seen = response.headers_mut();
    seen.insert(problem::ERROR_TYPE, HeaderValue::from_static(LIMIT));
    seen.insert(headers::NEEDS_RETRY, HeaderValue::from_static("1"));
    if let Busy::Rate { again } = why {
        seen.insert(header::RETRY_AFTER, HeaderValue::from(again.as_secs().saturating_add(1)));
    }
    response
}

/// A query without what only the platform reads of it.
pub(crate) fn without_token(query: Option<&str>) -> Option<Cow<'_, str>> {
    let query = query?;
    if !query.contains(TOKEN) {
        return Some(Cow::Borrowed(query));
    }
    let is_kept = |part: &&str| part.split('=').next() != Some(TOKEN);
    let kept: Vec<_> = query.split('&').filter(is_kept).collect();
    (!kept.is_empty()).then(|| Cow::Owned(kept.join("&")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: &str, expected: Option<&str>) {
        assert_eq!(without_token(Some(query)).as_deref(), expected);
    }

    #[test]
    fn a_token_goes_no_further() {
        check("a=1&fal_jwt_token=x.y.z&max_buffering=2", Some("a=1&max_buffering=2"));
        check("fal_jwt_token=x", None);
        check("a=fal_jwt_token", Some("a=fal_jwt_token"));
        check("my_fal_jwt_token=x", Some("my_fal_jwt_token=x"));
        assert_eq!(without_token(None), None);
    }
}
