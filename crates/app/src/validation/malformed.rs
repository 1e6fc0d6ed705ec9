//! Where a body stops being JSON, in the words and with the offsets of Python's decoder.

use serde_json::{Error, Value, json};

/// The entry for a body that is not JSON.
pub(super) fn entry(body: &[u8], error: &Error) -> Value {
    let (reason, byte) = reason(body, error);
    json!({
        "type": "json_invalid",
        "loc": ["body", characters(body, byte)],
        "msg": "JSON decode error",
        "input": {},
        "ctx": { "error": reason },
    })
}

/// What is wrong, and at which byte.
fn reason(body: &[u8], error: &Error) -> (&'static str, usize) {
    let text = error.to_string();
    let says = |start: &str| text.starts_with(start);
    let at = offset(body, error);
    if says("EOF while parsing a string") {
        return ("Unterminated string starting at", last_quote(body));
    }
    if error.is_eof() {
        return (ending(body, &text), body.len());
    }
    if says("expected ident") {
        return (VALUE, word_start(body, at));
    }
    let reason = if says("trailing characters") {
        "Extra data"
    } else if says("key must be") || (says("trailing comma") && body.get(at) == Some(&b'}')) {
        "Expecting property name enclosed in double quotes"
    } else if says("expected `,`") {
        "Expecting ',' delimiter"
    } else if says("expected `:`") {
        "Expecting ':' delimiter"
    } else if says("control character") {
        "Invalid control character at"
    } else if says("invalid escape") {
        return ("Invalid \\escape", at.saturating_sub(1));
    } else {
        VALUE
    };
    (reason, at)
}

/// What is missing where the body just ends.
fn ending(body: &[u8], text: &str) -> &'static str {
    match body.trim_ascii_end().last() {
        Some(b'{' | b',') if text.starts_with("EOF while parsing an object") => {
            "Expecting property name enclosed in double quotes"
        }
        None | Some(b'{' | b'[' | b',' | b':') => VALUE,
        Some(_) => "Expecting ',' delimiter",
    }
}

const VALUE: &str = "Expecting value";

/// The byte that serde's line and column mean; both count from 1, and the column counts bytes.
fn offset(body: &[u8], error: &Error) -> usize {
    let lines = body.split_inclusive(|&byte| byte == b'\n').take(error.line().saturating_sub(1));
    let before: usize = lines.map(<[u8]>::len).sum();
    (before + error.column().saturating_sub(1)).min(body.len())
}

/// Python counts characters, serde counts bytes.
fn characters(body: &[u8], byte: usize) -> usize {
    String::from_utf8_lossy(body.get(..byte).unwrap_or(body)).chars().count()
}

fn word_start(body: &[u8], at: usize) -> usize {
    let before = body.get(..at).unwrap_or(body);
    before.iter().rposition(|byte| !byte.is_ascii_alphabetic()).map_or(0, |last| last + 1)
}

/// The last quote that no backslash escapes: the string that it opens has no end.
fn last_quote(body: &[u8]) -> usize {
    let opens = |&at: &usize| {
        let before = body.get(..at).unwrap_or_default();
        let backslashes = before.iter().rev().take_while(|&&byte| byte == b'\\').count();
        body.get(at) == Some(&b'"') && backslashes % 2 == 0
    };
    (0..body.len()).rev().find(opens).unwrap_or(0)
}
