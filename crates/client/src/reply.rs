//! What was answered: a status, headers and a body.

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode, header, response::Parts};
use serde::de::DeserializeOwned;

use crate::{
    error::{DecodeError, Error, ErrorType},
    headers,
};

/// An answer as it came, of a call that went well or of one that did not.
#[derive(Clone)]
pub struct Reply(Box<Inner>);

#[derive(Clone)]
struct Inner {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    error_type: Option<ErrorType>,
}

/// What an app has answered, as a value, and the answer that it stood in.
#[derive(Debug, Clone)]
pub struct Answer<O> {
    /// The body as a value.
    pub output: O,
    /// The answer it stood in, for its headers.
    pub reply: Reply,
}

impl Reply {
    pub(crate) fn new(head: Parts, body: Bytes) -> Self {
        let error_type = headers::ERROR_TYPE;
        let error_type = head.headers.get(error_type).and_then(|value| value.to_str().ok());
        let error_type = error_type.map(|name| ErrorType::from_name(name.trim()));
        Self(Box::new(Inner { status: head.status, headers: head.headers, body, error_type }))
    }

    /// The HTTP status. 499 is among them, which has no name in the standard.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.0.status.as_u16()
    }

    /// Whether the status is one of success, 200 to 299.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.0.status.is_success()
    }

    /// The request's id, for questions about it. Everything that the platform answers has one; an answer without
    /// one came from something in front of it.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.text(&headers::REQUEST_ID)
    }

    /// The error's type, from the header or the body.
    #[must_use]
    pub fn error_type(&self) -> Option<&ErrorType> {
        self.0.error_type.as_ref()
    }

    /// What `X-Fal-Needs-Retry` says, or `X-Fal-Retryable`: whether the same request is worth another try.
    #[must_use]
    pub fn needs_retry(&self) -> Option<bool> {
        let word =
            self.text(&headers::NEEDS_RETRY).or_else(|| self.text(&headers::RETRYABLE))?.trim();
        let is = |words: [&str; 2]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
        match (is(["1", "true"]), is(["0", "false"])) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            (false, false) => None,
        }
    }

    /// How long to wait before another try, from `Retry-After`. A date is counted from the answer's own `Date`, so
    /// that it does not matter how this machine's clock goes.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.text(&header::RETRY_AFTER)?.trim();
        if let Ok(seconds) = text.parse::<u64>() {
            return Some(Duration::from_secs(seconds));
        }
        let date = |text| httpdate::parse_http_date(text).ok();
        let (until, now) = (date(text)?, date(self.text(&header::DATE)?)?);
        Some(until.duration_since(now).unwrap_or_default())
    }

    /// Whether a 504 is the caller's own deadline for the start, which has passed.
    #[must_use]
    pub fn is_user_timeout(&self) -> bool {
        let kind = self.text(&headers::TIMEOUT_TYPE);
        self.status() == 504 && kind.is_some_and(|kind| kind.eq_ignore_ascii_case("user"))
    }

    /// What the answer is billed as, from `x-fal-billable-units`.
    #[must_use]
    pub fn billable_units(&self) -> Option<f64> {
        self.text(&headers::BILLABLE_UNITS)?.trim().parse().ok()
    }

    /// The runner that answered, where the platform says.
    #[must_use]
    pub fn served_from(&self) -> Option<&str> {
        self.text(&headers::SERVED_FROM)
    }

    /// A header as text; none where it is not there or no text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.headers.get(name)?.to_str().ok()
    }

    /// All headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// The body as it came. Empty for a stream, and for an answer that was cut short.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.0.body
    }

    /// The body as a value; an empty body counts as `null`.
    ///
    /// # Errors
    /// [`Error::Decode`] where it is no JSON, or other JSON than the type wants.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let body: &[u8] = if self.body().is_empty() { b"null" } else { self.body() };
        DecodeError::read(body, self)
    }

    pub(crate) fn into_answer<O: DeserializeOwned>(self) -> Result<Answer<O>, Error> {
        Ok(Answer { output: self.json()?, reply: self })
    }

    /// Keeps the type that the body names, where no header did.
    pub(crate) fn note_type(&mut self, name: &str) {
        if self.0.error_type.is_none() {
            self.0.error_type = Some(ErrorType::from_name(name));
        }
    }

    fn text(&self, name: &HeaderName) -> Option<&str> {
        self.0.headers.get(name)?.to_str().ok()
    }
}

/// Headers are shown, since no answer holds the caller's key; of the body only the length.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status())
            .field("headers", &self.0.headers)
            .field("body", &format_args!("{} bytes", self.0.body.len()))
            .finish()
    }
}
