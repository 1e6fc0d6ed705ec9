//! Telling from an answer that is no success what it is.

use serde_json::Value;

use crate::{
    error::{
        Error, ErrorType, ModelError, PlatformError, Refusal, ValidationError, decode::excerpt,
    },
    reply::Reply,
};

impl Error {
    //= docs/contract.md#rust-client-errors
    //# Every `error_type` of the platform and every type of a model's error MUST be a variant of its own, and one that is not known MUST be kept by its name.
    /// What an answer means whose status is no success.
    ///
    /// A `detail` that is a list is always a validation or a model's error. Then the statuses count that mean the same
    /// whoever answers, then the type, which only the platform's own errors have, and the rest is the app's word.
    pub(crate) fn answered(mut reply: Reply) -> Self {
        let body: Value = serde_json::from_slice(reply.body()).unwrap_or(Value::Null);
        if let Some(name) = body.get("error_type").and_then(Value::as_str) {
            reply.note_type(name);
        }
        if let Some(Value::Array(items)) = body.get("detail") {
            let errors = items.iter().map(ModelError::read).collect();
            return Self::Validation(ValidationError { errors, reply });
        }
        let refusal = Refusal { detail: detail(&body, &reply), reply };
        match (refusal.reply.status(), refusal.reply.error_type()) {
            (300..=399, _) => Self::Redirect(refusal),
            (401, _) => Self::Unauthorized(refusal),
            (403, _) => Self::Forbidden(refusal),
            (404, _) => Self::NotFound(refusal),
            (429, _) => Self::TooManyRequests(refusal),
            (499, None | Some(ErrorType::ClientCancelled)) => Self::Cancelled(refusal),
            (_, Some(kind)) => {
                let kind = kind.clone();
                Self::Platform(PlatformError { kind, detail: refusal.detail, reply: refusal.reply })
            }
            (_, None) => Self::App(refusal),
        }
    }
}

/// The text of `detail`, or of what else stands where it should be.
fn detail(body: &Value, reply: &Reply) -> String {
    match body.get("detail") {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => excerpt(reply.body()),
    }
}
