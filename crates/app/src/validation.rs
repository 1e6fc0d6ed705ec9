//! A body that does not fit, told as pydantic v2 tells it.
//!
//! fal's clients know the shape `{"detail": [{"type", "loc", "msg", "input"}]}` and show it next
//! to the field that is wrong. This runs only after the straight read has failed, so it can
//! afford to read the body again, as a tree.

use std::fmt;

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

/// As one line: where, and what is wrong there.
impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.0.get("loc").and_then(Value::as_array).into_iter().flatten().skip(1);
        let place: Vec<_> =
            place.map(|key| key.as_str().map_or_else(|| key.to_string(), str::to_owned)).collect();
        if !place.is_empty() {
            write!(f, "{}: ", place.join("."))?;
        }
        f.write_str(self.0.get("msg").and_then(Value::as_str).unwrap_or_default())
    }
}

/// Why a tree is no input; `None` if it is one.
pub(crate) fn unfit<T: DeserializeOwned>(tree: &Value) -> Option<Invalid> {
    fitted::<T>(tree).err()
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
    fitted(&tree).map_err(|invalid| if tree.is_null() { missing_body() } else { invalid })
}

fn fitted<T: DeserializeOwned>(tree: &Value) -> Result<T, Invalid> {
    serde_path_to_error::deserialize(tree).map_err(|error| misfit(tree, &error))
}

/// What serde said, told with the tree of what it read.
pub(crate) fn misfit<E: fmt::Display>(
    tree: &Value,
    error: &serde_path_to_error::Error<E>,
) -> Invalid {
    Invalid(mismatch::entry(tree, error.path(), &error.inner().to_string()))
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
