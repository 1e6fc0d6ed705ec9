//! Taking a request into the queue.

use fal_access::Caller;
use fal_node::{App, CallerRules, Content, Handle, Key, Priority, Storage, Submission, Submitted};
use fal_types::{Condition, PerCondition, Problem, RequestId};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, request::Parts,
};
use hyper::body::Incoming;

use crate::{
    Gateway,
    body::Body,
    direct, entry, headers, problem,
    queue::{self, Base, path},
    wire,
};

pub(crate) async fn submit(
    gateway: &Gateway,
    (app, base, caller): (&App, &Base, &Caller),
    tail: &str,
    id: RequestId,
    request: Request<Incoming>,
) -> Response<Body> {
    if request.method() != Method::POST {
        return problem::not_allowed("POST", id);
    }
    if gateway.node().is_stopping() {
        return queue::failed(&fal_node::QueueError::Stopping, id);
    }
    // Only as long as the submit itself takes: what waits is not in flight.
    let _pass = match entry::enter(gateway, caller) {
        Ok(pass) => pass,
        Err(why) => return entry::busy(why, id),
    };
    let (head, body) = request.into_parts();
    let wanted = match Wanted::read(&head, gateway.node()) {
        Ok(wanted) => wanted,
        Err(detail) => return problem::platform_with(Problem::BadRequest, &detail, id),
    };
    let body = match direct::whole(gateway, body).await {
        Ok(body) => body,
        Err(refused) => return refused.respond(gateway, id),
    };
    let submission = wanted.submission((head.headers, caller), (app, tail, id), body.into());
    match app.submit(submission).await {
        Ok(submitted) => accepted(base, submitted),
        Err(error) => queue::failed(&error, id),
    }
}

//= docs/contract.md#queue-submit
//# A submit MUST answer 200 with `status`, `request_id`, `response_url`, `status_url`, `cancel_url` and `queue_position`.
fn accepted(base: &Base, submitted: Submitted) -> Response<Body> {
    let Submitted { id, ahead, is_repeated } = submitted;
    let body = wire::Submitted {
        status: "IN_QUEUE",
        request_id: id.to_string(),
        gateway_request_id: id.to_string(),
        urls: base.urls(id),
        queue_position: ahead,
    };
    let mut response = problem::json(StatusCode::OK, &body, id);
    if is_repeated {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// Says that a submit was made before, under the same key.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

fn length(value: &str) -> Result<u64, String> {
    let refuse = |_| format!("fal_max_queue_length must be a whole number, and is `{value}`");
    value.parse().map_err(refuse)
}

/// What a submit's headers and query say.
struct Wanted {
    start_timeout: Option<std::time::Duration>,
    priority: Priority,
    caller: CallerRules,
    hint: Option<String>,
    max_ahead: Option<u64>,
    key: Option<String>,
    webhook: Option<String>,
    storage: Storage,
    /// The query without what is the queue's.
    query: String,
}

impl Wanted {
    /// Reads what can be read, or says what is wrong.
    fn read(head: &Parts, node: &Handle) -> Result<Self, String> {
        let start_timeout =
            headers::start_timeout(&head.headers).map_err(|error| error.to_string())?;
        let (mut max_ahead, mut hook) = (None, None);
        let is_ours = |name: &str| name.starts_with("fal_");
        for (name, value) in path::parameters(head.uri.query()) {
            match name {
                "fal_max_queue_length" => max_ahead = Some(length(value)?),
                "fal_webhook" => hook = Some(webhook(value, node)?),
                _ => {}
            }
        }
        let parts = head.uri.query().unwrap_or_default().split('&');
        let kept: Vec<_> = parts.filter(|part| !is_ours(part)).collect();
        Ok(Self {
            start_timeout,
            priority: priority(&head.headers),
            caller: caller(&head.headers),
            hint: word(&head.headers, "x-fal-runner-hint").map(str::to_owned),
            max_ahead,
            key: key(&head.headers)?,
            webhook: hook,
            storage: storage(&head.headers),
            query: kept.join("&"),
        })
    }

    fn submission(
        self,
        (mut seen, caller): (HeaderMap, &Caller),
        (app, tail, id): (&App, &str, RequestId),
        body: Vec<u8>,
    ) -> Submission {
        let path = if self.query.is_empty() {
            tail.to_owned()
        } else {
            let path = if tail.is_empty() { "/" } else { tail };
            format!("{path}?{}", self.query)
        };
        let key = self.key.map(|text| Key { text, digest: digest(&path, &body) });
        headers::for_runner(&mut seen, &headers::id(id), (app.id(), tail), caller);
        seen.remove(http::header::CONTENT_LENGTH);
        let kept = seen.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
        let content = Content { headers: kept.collect(), body };
        Submission {
            id,
            path,
            priority: self.priority,
            start_timeout: self.start_timeout,
            caller: self.caller,
            hint: self.hint,
            content,
            max_ahead: self.max_ahead,
            key,
            webhook: self.webhook,
            storage: self.storage,
        }
    }
}

/// What tells one submit from another under the same key.
fn digest(path: &str, body: &[u8]) -> [u8; 32] {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    context.update(path.as_bytes());
    // A path has no line end, so nothing of it can be taken for the body.
    context.update(b"\n");
    context.update(body);
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

/// The longest key, in bytes.
const LONGEST_KEY: usize = 255;

fn key(headers: &HeaderMap) -> Result<Option<String>, String> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().map(str::trim).unwrap_or_default();
    let is_one = headers.get_all("idempotency-key").iter().count() == 1;
    if !is_one || text.is_empty() || text.len() > LONGEST_KEY {
        return Err(format!(
            "Idempotency-Key must be one, of 1 to {LONGEST_KEY} characters of ASCII; a new UUID for each request is a good one"
        ));
    }
    Ok(Some(text.to_owned()))
}

//= docs/contract.md#store-io
//# With `X-Fal-Store-IO: 1` the input and the result MUST be kept for 30 days.
fn storage(headers: &HeaderMap) -> Storage {
    match word(headers, "x-fal-store-io") {
        Some("1" | "true") => Storage::Long,
        Some(_) | None => Storage::Usual,
    }
}

fn webhook(value: &str, node: &Handle) -> Result<String, String> {
    let refuse = |detail: String| format!("fal_webhook cannot be used: {detail}");
    let url =
        path::unescape(value).ok_or_else(|| refuse("it is not URL-encoded text".to_owned()))?;
    // Its text holds that of its source.
    node.webhook_url(&url).map_err(|error| refuse(error.to_string()))
}

fn word<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn priority(headers: &HeaderMap) -> Priority {
    let low =
        word(headers, "x-fal-queue-priority").is_some_and(|word| word.eq_ignore_ascii_case("low"));
    if low { Priority::Low } else { Priority::Normal }
}

//= docs/contract.md#no-retry
//# `X-Fal-No-Retry` with `1`, `true` or `yes` MUST forbid every retry of the request.
fn caller(headers: &HeaderMap) -> CallerRules {
    let no_retry = headers.get("x-fal-no-retry");
    let no_retry = no_retry.is_some_and(|value| fal_node::parse_no_retry(value.as_bytes()));
    let budgets =
        headers.get("x-fal-retry-config").and_then(|value| retry_config(value.as_bytes()));
    CallerRules { no_retry, budgets }
}

/// `{"server_error": {"retries": 3}, ...}`; anything that is not of this form is ignored as a whole.
fn retry_config(text: &[u8]) -> Option<PerCondition<Option<u8>>> {
    let parsed: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(text).ok()?;
    let mut budgets = PerCondition::default();
    for (name, value) in parsed {
        let condition = Condition::from_name(&name)?;
        let retries = value.as_object()?.get("retries")?.as_i64()?;
        *budgets.get_mut(condition) = Some(u8::try_from(retries.max(0)).unwrap_or(u8::MAX));
    }
    Some(budgets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_config_is_taken_whole_or_not_at_all() {
        let some = PerCondition { server_error: Some(3), timeout: Some(0), ..Default::default() };
        let good = br#"{"server_error":{"retries":3},"timeout":{"retries":-2}}"#;
        assert_eq!(retry_config(good), Some(some));
        assert_eq!(retry_config(b"{}"), Some(PerCondition::default()));
        for bad in [
            &b"{\"server_error\":3}"[..],
            b"{\"other\":{\"retries\":1}}",
            b"{\"timeout\":{\"retries\":\"x\"}}",
            b"[1]",
            b"nonsense",
            b"",
        ] {
            assert_eq!(retry_config(bad), None, "{}", String::from_utf8_lossy(bad));
        }
    }
}
