//! What passes between callers and runners, and what does not.

use std::time::Duration;

use fal_access::Caller;
use fal_types::{AppId, RequestId, Status};
use http::{HeaderMap, HeaderName, HeaderValue, header};

const HOP: [HeaderName; 7] = [
    header::CONNECTION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
];
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-fal-request-id");
const ENDPOINT: HeaderName = HeaderName::from_static("x-fal-endpoint");
const CALLER: HeaderName = HeaderName::from_static("x-fal-caller-user-id");
const LIFECYCLE: HeaderName = HeaderName::from_static("x-fal-object-lifecycle-preference");
pub(crate) const NEEDS_RETRY: HeaderName = HeaderName::from_static("x-fal-needs-retry");
const STOP_RUNNER: HeaderName = HeaderName::from_static("x-fal-stop-runner");
const HEALTH_CHECK: HeaderName = HeaderName::from_static("x-fal-runner-health-check");
pub(crate) const SERVED_FROM: HeaderName = HeaderName::from_static("x-fal-served-from");

//= docs/contract.md#request-headers
//# The caller's own `x-fal-` headers MUST NOT reach the runner, except `x-fal-object-lifecycle-preference`.
/// Leaves only what a runner may see, and adds what it is told about the request.
pub(crate) fn for_runner(
    headers: &mut HeaderMap,
    id: &HeaderValue,
    (app, path): (&AppId, &str),
    caller: &Caller,
) {
    strip(headers, |name| {
        is_hop_by_hop(name)
            || *name == header::HOST
            || *name == header::EXPECT
            || (name.as_str().starts_with("x-fal-") && *name != LIFECYCLE)
    });
    let is_key = |value: &HeaderValue| {
        value.as_bytes().get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"key "))
    };
    if caller.name().is_some() || headers.get_all(header::AUTHORIZATION).iter().any(is_key) {
        headers.remove(header::AUTHORIZATION);
    }
    if let Some(name) = caller.name() {
        headers.insert(CALLER, text(name));
    }
    join_cookies(headers);
    headers.insert(REQUEST_ID, id.clone());
    let endpoint = [app.as_str(), path.split('?').next().unwrap_or_default()].concat();
    headers.insert(ENDPOINT, text(endpoint.trim_end_matches('/')));
}

/// HTTP/2 may have one for each cookie, and HTTP/1.1 has one for all (RFC 9113, section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let all: Vec<_> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if all.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&all.join(&b"; "[..]))
    {
        headers.insert(header::COOKIE, joined);
    }
}

/// A request's id as it stands in headers.
pub(crate) fn id(request: RequestId) -> HeaderValue {
    // Hexadecimal digits and hyphens are always a header's value.
    HeaderValue::from_bytes(&request.to_ascii()).unwrap_or_else(|_| HeaderValue::from_static(""))
}

//= docs/contract.md#response-headers
//# `x-fal-stop-runner` MUST be stripped before the caller.
/// Leaves only what the caller of a direct call may see.
pub(crate) fn for_caller(headers: &mut HeaderMap, status: Status, id: HeaderValue) {
    let keeps_needs_retry = fal_node::keeps_needs_retry(status);
    strip(headers, |name| {
        is_hop_by_hop(name)
            || *name == STOP_RUNNER
            || *name == HEALTH_CHECK
            || (*name == NEEDS_RETRY && !keeps_needs_retry)
    });
    headers.insert(REQUEST_ID, id);
}

/// The same for a queued request's result, where a retry is no longer the caller's business.
pub(crate) fn for_result(headers: &mut HeaderMap, id: HeaderValue) {
    for_caller(headers, Status::new(200), id);
    // The length is that of the stored body.
    headers.remove(header::CONTENT_LENGTH);
}

/// Headers that belong to one connection (RFC 9110, section 7.6.1).
fn is_hop_by_hop(name: &HeaderName) -> bool {
    HOP.contains(name) || *name == KEEP_ALIVE
}

/// Removes what `is_ours` names, and what `Connection` names. Looks at each header once: there are few.
fn strip(headers: &mut HeaderMap, is_ours: impl Fn(&HeaderName) -> bool) {
    let listed = |value: &HeaderValue| {
        let names = value.to_str().unwrap_or_default().split(',');
        let parsed = names.filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok());
        parsed.collect::<Vec<_>>()
    };
    // A body that comes in chunks has no other length, whatever a header beside it says.
    if headers.contains_key(header::TRANSFER_ENCODING) {
        headers.remove(header::CONTENT_LENGTH);
    }
    let mut gone: Vec<_> = headers.get_all(header::CONNECTION).iter().flat_map(listed).collect();
    gone.extend(headers.keys().filter(|name| is_ours(name)).cloned());
    for name in gone {
        headers.remove(name);
    }
}

/// A header value from text that is known to be printable; anything else becomes empty.
pub(crate) fn text(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Why a header of the caller cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} must be a number of seconds above 0.1, and is `{value}`")]
pub(crate) struct BadTimeout {
    name: &'static str,
    value: String,
}

const START_TIMEOUTS: [&str; 2] = ["x-fal-request-start-timeout", "x-fal-request-timeout"];

//= docs/contract.md#start-deadline
//# `X-Fal-Request-Start-Timeout` and its older name `X-Fal-Request-Timeout` set the deadline in seconds, and the new name wins.
pub(crate) fn start_timeout(headers: &HeaderMap) -> Result<Option<Duration>, BadTimeout> {
    let found =
        START_TIMEOUTS.iter().find_map(|name| headers.get(*name).map(|value| (*name, value)));
    let Some((name, value)) = found else { return Ok(None) };
    let value = String::from_utf8_lossy(value.as_bytes()).trim().to_owned();
    let seconds = value.parse::<f64>().ok().filter(|seconds| *seconds > 0.1);
    let wait = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    wait.map(Some).ok_or(BadTimeout { name, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn a_runner_sees_no_header_that_is_the_platforms() {
        let mut seen = headers(&[
            ("x-fal-no-retry", "1"),
            ("x-fal-caller-user-id", "me"),
            ("x-fal-object-lifecycle-preference", "{}"),
            ("x-app-fal-mode", "x"),
            ("connection", "close, x-once"),
            ("x-once", "1"),
            ("authorization", "Key a:b"),
            ("accept", "*/*"),
        ]);
        let app: AppId = "acme/sketch".parse().unwrap();
        let caller = Caller::default();
        for_runner(&mut seen, &id(RequestId::from_bits(1)), (&app, "/v2?x=1"), &caller);
        let mut names: Vec<_> = seen.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "accept",
                "x-app-fal-mode",
                "x-fal-endpoint",
                "x-fal-object-lifecycle-preference",
                "x-fal-request-id"
            ]
        );
        assert_eq!(seen["x-fal-endpoint"], "acme/sketch/v2");
    }

    #[test]
    fn needs_retry_reaches_the_caller_on_5xx_and_429_only() {
        for (status, kept) in [(200, false), (404, false), (429, true), (500, true), (503, true)] {
            let mut seen = headers(&[("x-fal-needs-retry", "1"), ("x-fal-stop-runner", "1")]);
            for_caller(&mut seen, Status::new(status), id(RequestId::from_bits(1)));
            assert_eq!(seen.contains_key("x-fal-needs-retry"), kept, "{status}");
            assert!(!seen.contains_key("x-fal-stop-runner"));
        }
    }

    #[test]
    fn the_new_name_of_the_start_deadline_wins() {
        let both =
            headers(&[("x-fal-request-timeout", "5.0"), ("x-fal-request-start-timeout", "2")]);
        assert_eq!(start_timeout(&both), Ok(Some(Duration::from_secs(2))));
        let old = headers(&[("x-fal-request-timeout", "5.0")]);
        assert_eq!(start_timeout(&old), Ok(Some(Duration::from_secs(5))));
        for bad in ["", "x", "-1", "0", "0.1", "inf", "nan"] {
            assert!(start_timeout(&headers(&[("x-fal-request-timeout", bad)])).is_err(), "{bad}");
        }
    }
}
