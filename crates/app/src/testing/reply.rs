//! What a call was answered, and what the platform would make of it.

use std::fmt;

use bytes::Bytes;
use fal_policy::{Answer, Impact, Outcome, Retry, Rules, Verdict, headers};
use fal_types::Status;
use http::response::Parts;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::describe::verdict;

/// One answer, read to its end, with the platform's verdict on it.
///
/// Its checks give the answer back, so that they stand in a row and it can be kept.
pub struct Reply {
    asked: String,
    head: Parts,
    /// `None`: the body was cut, as by a panic in a stream.
    body: Option<Bytes>,
    verdict: Verdict,
}

#[expect(clippy::return_self_not_must_use, reason = "a check is made for its panic")]
impl Reply {
    pub(super) fn new(asked: String, head: Parts, body: Option<Bytes>, rules: Rules) -> Self {
        let verdict = judge(&head, body.as_ref(), &rules);
        Self { asked, head, body, verdict }
    }

    /// The status' code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.head.status.as_u16()
    }

    /// A header's value, if it is there and text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// The body; empty where it was cut.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.body.as_deref().unwrap_or_default()
    }

    /// The body as JSON; null where it is none.
    #[must_use]
    pub fn value(&self) -> Value {
        serde_json::from_slice(self.body()).unwrap_or_default()
    }

    /// The body as an output.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    #[track_caller]
    pub fn output<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(self.body())
            .unwrap_or_else(|error| self.fail(format_args!("is no such output: {error}")))
    }

    /// What the platform would do, if this were a queued request's first attempt.
    pub const fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// # Panics
    /// When the status is another.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        self.check(|reply| reply.status() == status, format_args!("was to answer {status}"))
    }

    /// # Panics
    /// When the body is other JSON, is none, or was cut.
    #[expect(clippy::needless_pass_by_value, reason = "so that `json!` stands there as it is")]
    #[track_caller]
    pub fn json(self, expected: Value) -> Self {
        let found = self.body.as_ref().and_then(|body| serde_json::from_slice::<Value>(body).ok());
        self.check(|_| found.as_ref() == Some(&expected), format_args!("was to answer {expected}"))
    }

    /// # Panics
    /// When the answer's `detail` is another text, or says its text otherwise in its first entry.
    #[track_caller]
    pub fn detail(self, expected: &str) -> Self {
        let body = self.value();
        let message = body.pointer("/detail/0/msg").or_else(|| body.get("detail"));
        let found = message.and_then(Value::as_str) == Some(expected);
        self.check(|_| found, format_args!("was to say {expected:?}"))
    }

    /// # Panics
    /// When the header is missing or other.
    #[track_caller]
    pub fn has_header(self, name: &str, value: &str) -> Self {
        self.check(
            |reply| reply.header(name) == Some(value),
            format_args!("was to say `{name}: {value}`"),
        )
    }

    /// The runner goes on, at most after a check that its port is open.
    ///
    /// # Panics
    /// When the answer would end it.
    #[track_caller]
    pub fn keeps_the_runner(self) -> Self {
        let kept = !matches!(self.verdict.impact, Impact::Terminate(_));
        self.check(|_| kept, format_args!("was to keep the runner"))
    }

    /// The runner is ended and replaced.
    ///
    /// # Panics
    /// When the answer would keep it.
    #[track_caller]
    pub fn kills_the_runner(self) -> Self {
        let ended = matches!(self.verdict.impact, Impact::Terminate(_));
        self.check(|_| ended, format_args!("was to end the runner"))
    }

    /// A queued request goes again.
    ///
    /// # Panics
    /// When it is done.
    #[track_caller]
    pub fn is_retried(self) -> Self {
        let again = matches!(self.verdict.retry, Retry::Again { .. });
        self.check(|_| again, format_args!("was to be retried"))
    }

    /// A queued request is done.
    ///
    /// # Panics
    /// When it would go again.
    #[track_caller]
    pub fn is_not_retried(self) -> Self {
        let done = matches!(self.verdict.retry, Retry::Never(_));
        self.check(|_| done, format_args!("was not to be retried"))
    }

    #[track_caller]
    fn check(self, holds: impl FnOnce(&Self) -> bool, what: fmt::Arguments<'_>) -> Self {
        assert!(holds(&self), "{what}: {self:?}");
        self
    }

    #[track_caller]
    #[expect(clippy::panic, reason = "a check of a test that does not hold")]
    fn fail(&self, what: fmt::Arguments<'_>) -> ! {
        panic!("{what}: {self:?}")
    }
}

/// The sentence that a failed check shows.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (asked, status) = (&self.asked, self.status());
        let runner = match self.verdict.impact {
            Impact::Keep => "keep the runner",
            Impact::Probe => "keep the runner if its port is open",
            Impact::Terminate(_) => "KILL THE RUNNER",
        };
        let queued = match self.verdict.retry {
            Retry::Never(_) => "end a queued request",
            Retry::Again { .. } => "let a queued request go again",
        };
        let (runner_clause, queued_clause) =
            (self.verdict.runner_clause(), self.verdict.request_clause());
        write!(
            f,
            "{asked} answered {status}, which would {runner} ({runner_clause}) and {queued} \
             ({queued_clause}): "
        )?;
        match &self.body {
            Some(body) => f.write_str(&String::from_utf8_lossy(body)),
            None => f.write_str("(the body was cut)"),
        }
    }
}

fn judge(head: &Parts, body: Option<&Bytes>, rules: &Rules) -> Verdict {
    let value = |name: &str| head.headers.get(name).map(http::HeaderValue::as_bytes);
    let answer = Answer {
        needs_retry: value("x-fal-needs-retry").and_then(headers::parse_flag),
        stop_runner: value("x-fal-stop-runner").and_then(headers::parse_flag),
        retry_after: value("retry-after").and_then(headers::parse_retry_after),
        ..Answer::new(Status::new(head.status.as_u16()))
    };
    let outcome = body.map_or(Outcome::Truncated, |_whole| Outcome::Responded(answer));
    verdict::first(&outcome, rules)
}
