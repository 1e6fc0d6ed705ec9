//! `fal-server why`: what happened to a request or a runner, and why.

use serde_json::Value;

use super::{Platform, refusal, say};
use crate::{Failure, cli::Why};

const FOUND: u16 = 200;

/// Prints the plain lines that the platform has about a request or a runner.
pub(crate) fn why(arguments: &Why) -> Result<(), Failure> {
    let platform = Platform::find(&arguments.found)?;
    let id = &arguments.id;
    // A request's id is a UUID; a runner's is shorter.
    let kinds = match id.len() {
        32.. => ["requests", "runners"],
        _ => ["runners", "requests"],
    };
    let mut said = Value::Null;
    for kind in kinds {
        let (status, body) = platform.get(&format!("/api/{kind}/{}", plain(id)))?;
        if status == FOUND {
            return lines(&body);
        }
        if said.is_null() {
            said = body;
        }
    }
    Err(refusal(&said))
}

/// An id as a part of a URL: what could not be in one is left out, so nothing is found under it.
pub(super) fn plain(id: &str) -> String {
    id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect()
}

fn lines(body: &Value) -> Result<(), Failure> {
    let why = body.get("why").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    say(why.iter().filter_map(Value::as_str))
}
