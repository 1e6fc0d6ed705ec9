//! A body that does not fit, told as pydantic v2 tells it.
//!
//! fal's clients know the shape `{"detail": [{"type", "loc", "msg", "input"}]}` and show it next
//! to the field that is wrong. This runs only after the straight read has failed, so it can
//! afford to read the body again, as a tree.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

mod malformed;
mod mismatch;

/// Why a body is no input.
#[derive(Debug, PartialEq, Eq)]
pub struct Invalid(Value);

impl Invalid {
    /// The body of the 422.
    //= docs/contract.md#validation-422
    //# An app of `fal-app` MUST answer an input that does not fit with 422 and a `detail` array of
    //# `type`, `loc`, `msg` and `input`.
    pub(crate) fn body(&self) -> Value {
        json!({ "detail": [self.0] })
    }
}

/// Reads a body that the straight read has refused, to say where it does not fit.
///
/// It may fit after all: a tree keeps the last of two equal keys, as fal does, where the straight
/// read refuses the second.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Invalid> {
    if body.is_empty() {
        return Err(missing_body());
    }
    let tree: Value =
        serde_json::from_slice(body).map_err(|error| Invalid(malformed::entry(body, &error)))?;
    match serde_path_to_error::deserialize(&tree) {
        Ok(input) => Ok(input),
        Err(_) if tree.is_null() => Err(missing_body()),
        Err(error) => {
            let text = error.inner().to_string();
            Err(Invalid(mismatch::entry(&tree, error.path(), &text)))
        }
    }
}

/// The body came as something else than JSON.
pub(crate) fn not_json(body: &[u8]) -> Invalid {
    Invalid(json!({
        "type": "model_attributes_type",
        "loc": ["body"],
        "msg": mismatch::NOT_AN_OBJECT,
        "input": format!("<binary {} bytes>", body.len()),
    }))
}

fn missing_body() -> Invalid {
    Invalid(json!({ "type": "missing", "loc": ["body"], "msg": "Field required", "input": null }))
}

#[cfg(test)]
mod tests;
