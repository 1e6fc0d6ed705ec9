//! The body of a webhook: how a request ended.

use fal_types::{Problem, RequestId, Status, StatusClass};
use serde::Serialize;
use serde_json::value::RawValue;

/// Why a body is not under `payload`.
const NOT_JSON: &str = "The response is not JSON and cannot be sent in a webhook: \
                        fetch it as the result of the request";

/// What a webhook tells of one request.
///
/// ```
/// use fal_types::{RequestId, Status};
/// use fal_webhook::{Outcome, Payload};
///
/// let outcome = Outcome::Answered { status: Status::new(200), body: br#"{"seed": 7}"# };
/// let payload = Payload { request_id: RequestId::from_bits(1), gateway_request_id: "g1", outcome };
/// assert_eq!(
///     payload.to_json(),
///     br#"{"request_id":"00000000-0000-0000-0000-000000000001","gateway_request_id":"g1","status":"OK","payload":{"seed": 7}}"#
/// );
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Payload<'a> {
    /// The request's id in the queue.
    pub request_id: RequestId,
    /// The id of its last attempt.
    pub gateway_request_id: &'a str,
    /// How it ended.
    pub outcome: Outcome<'a>,
}

/// How a request ended.
#[derive(Debug, Clone, Copy)]
pub enum Outcome<'a> {
    /// The app answered.
    Answered {
        /// The answer's status. 2XX is success, everything else is an error.
        status: Status,
        /// The answer's body, which stands in the webhook byte for byte if it is JSON.
        body: &'a [u8],
    },
    /// The platform ended it in its own name.
    Failed {
        /// What happened.
        problem: Problem,
        /// One sentence about it: [`Problem::detail`], or one that says more.
        detail: &'a str,
    },
}

/// The wire form.
#[derive(Serialize)]
struct Wire<'a> {
    request_id: String,
    gateway_request_id: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    payload: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_error: Option<&'static str>,
}

/// The body that the platform's own errors have everywhere.
#[derive(Serialize)]
struct Trouble<'a> {
    detail: &'a str,
    error_type: &'static str,
}

impl Payload<'_> {
    /// The JSON that is signed and sent.
    ///
    /// `payload` is null where the answer is not JSON, and `payload_error` says so; `status` stays what it is.
    //= docs/contract.md#webhook-payload
    //# The body of a webhook MUST have `request_id`, `gateway_request_id`, `status` (`OK` or `ERROR`) and `payload`, which is the result's JSON, byte for byte.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        match self.outcome {
            Outcome::Answered { status, body } => {
                self.wire(status, serde_json::from_slice(body).ok())
            }
            Outcome::Failed { problem, detail } => {
                let trouble = json(&Trouble { detail, error_type: problem.error_type() });
                self.wire(problem.status(), serde_json::from_slice(&trouble).ok())
            }
        }
    }

    fn wire(&self, status: Status, payload: Option<&RawValue>) -> Vec<u8> {
        let is_success = status.class() == StatusClass::Success;
        json(&Wire {
            request_id: self.request_id.to_string(),
            gateway_request_id: self.gateway_request_id,
            status: if is_success { "OK" } else { "ERROR" },
            error: (!is_success).then(|| format!("Invalid status code: {status}")),
            payload,
            payload_error: payload.is_none().then_some(NOT_JSON),
        })
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("texts and raw JSON under fixed names can be written")
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: &str =
        r#"{"request_id":"00000000-0000-0000-0000-000000000001","gateway_request_id":"g1","#;

    fn sent(outcome: Outcome<'_>) -> String {
        let payload =
            Payload { request_id: RequestId::from_bits(1), gateway_request_id: "g1", outcome };
        let text = String::from_utf8(payload.to_json()).unwrap();
        text.strip_prefix(IDS).unwrap().to_owned()
    }

    fn answered(status: u16, body: &[u8]) -> String {
        sent(Outcome::Answered { status: Status::new(status), body })
    }

    #[test]
    fn a_result_stands_in_it_byte_for_byte() {
        let body = br#"{ "b": 1.50e+2, "a":"\u00e9", "big": 123456789012345678901234567890 }"#;
        let text = std::str::from_utf8(body).unwrap();
        assert_eq!(answered(200, body), format!(r#""status":"OK","payload":{text}}}"#));
        assert_eq!(answered(201, b"null"), r#""status":"OK","payload":null}"#);
    }

    #[test]
    fn an_error_has_its_status_and_its_body() {
        assert_eq!(
            answered(422, br#"{"detail":[]}"#),
            r#""status":"ERROR","error":"Invalid status code: 422","payload":{"detail":[]}}"#
        );
        assert_eq!(
            answered(500, b"Internal Server Error"),
            format!(
                r#""status":"ERROR","error":"Invalid status code: 500","payload":null,"payload_error":"{NOT_JSON}"}}"#
            )
        );
    }

    #[test]
    fn the_platforms_own_error_has_the_body_that_callers_get() {
        let problem = Problem::StartupTimeout;
        assert_eq!(
            sent(Outcome::Failed { problem, detail: "No \"GPU\" was free" }),
            r#""status":"ERROR","error":"Invalid status code: 504","payload":{"detail":"No \"GPU\" was free","error_type":"startup_timeout"}}"#
        );
    }

    #[test]
    fn a_result_that_is_not_json_is_told_apart_from_an_error() {
        for body in [&b""[..], b"\x89PNG", b"{\"a\":1} x", b"{\"a\":\"\xff\"}", b"NaN"] {
            assert_eq!(
                answered(200, body),
                format!(r#""status":"OK","payload":null,"payload_error":"{NOT_JSON}"}}"#)
            );
        }
    }
}
