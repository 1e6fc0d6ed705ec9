//! Where JSON does not fit the input's type, as one pydantic entry.
//!
//! serde says what it found and what it expected in words; this reads those words. Words it does
//! not know become a `value_error` that repeats them, so nothing is lost.

use serde_json::{Value, json};
use serde_path_to_error::{Path, Segment};

/// pydantic's message for something that is no object where a model is expected.
pub(super) const NOT_AN_OBJECT: &str =
    "Input should be a valid dictionary or object to extract fields from";

/// The entry for what serde said at this path.
pub(super) fn entry(tree: &Value, path: &Path, text: &str) -> Value {
    let (keys, input) = follow(tree, path);
    let mut loc = vec![json!("body")];
    loc.extend(keys);
    if let Some(field) = quoted(text, "missing field `") {
        loc.push(json!(field));
        return fault("missing", &loc, "Field required", input);
    }
    if let Some(field) = quoted(text, "unknown field `") {
        return extra(loc, field, input);
    }
    if let Some((found, expected)) = split(text) {
        return unexpected(&loc, input, found, expected)
            .unwrap_or_else(|| value_error(&loc, text, input));
    }
    if text.starts_with("unknown variant `") {
        return unknown_variant(&loc, text, input);
    }
    value_error(&loc, text, input)
}

/// The path's segments as JSON, and what is found at its end.
fn follow<'t>(tree: &'t Value, path: &Path) -> (Vec<Value>, &'t Value) {
    let mut keys = Vec::new();
    let mut input = tree;
    for segment in path {
        let (key, next) = match segment {
            Segment::Seq { index } => (json!(index), input.get(*index)),
            Segment::Map { key } | Segment::Enum { variant: key } => (json!(key), input.get(key)),
            Segment::Unknown => break,
        };
        let Some(next) = next else { break };
        keys.push(key);
        input = next;
    }
    (keys, input)
}

fn fault(kind: &str, loc: &[Value], msg: &str, input: &Value) -> Value {
    json!({ "type": kind, "loc": loc, "msg": msg, "input": input })
}

fn fault_with(kind: &str, loc: &[Value], msg: &str, (input, ctx): (&Value, Value)) -> Value {
    json!({ "type": kind, "loc": loc, "msg": msg, "input": input, "ctx": ctx })
}

fn value_error(loc: &[Value], text: &str, input: &Value) -> Value {
    let msg = format!("Value error, {text}");
    fault_with("value_error", loc, &msg, (input, json!({ "error": text })))
}

/// A field that a strict type does not know. serde's path ends at the field or at its owner.
fn extra(mut loc: Vec<Value>, field: &str, input: &Value) -> Value {
    let own = loc.last().and_then(Value::as_str) == Some(field) && input.get(field).is_none();
    if !own {
        loc.push(json!(field));
    }
    let value = if own { input } else { input.get(field).unwrap_or(&Value::Null) };
    fault("extra_forbidden", &loc, "Extra inputs are not permitted", value)
}

fn unknown_variant(loc: &[Value], text: &str, input: &Value) -> Value {
    let names: Vec<String> = text
        .split_once("expected ")
        .map_or("", |(_, expected)| expected)
        .split('`')
        .skip(1)
        .step_by(2)
        .map(|name| format!("'{name}'"))
        .collect();
    let expected = match names.split_last() {
        None => return value_error(loc, text, input),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    };
    let msg = format!("Input should be {expected}");
    fault_with("enum", loc, &msg, (input, json!({ "expected": expected })))
}

/// Splits `invalid type: FOUND, expected EXPECTED`, and the same with `invalid value`.
fn split(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("invalid type: ").or(text.strip_prefix("invalid value: "))?;
    rest.rsplit_once(", expected ")
}

fn quoted<'s>(text: &'s str, start: &str) -> Option<&'s str> {
    text.strip_prefix(start)?.split('`').next()
}

fn unexpected(loc: &[Value], input: &Value, found: &str, expected: &str) -> Option<Value> {
    if let Some(range) = integer_range(expected) {
        return Some(integer(loc, input, range));
    }
    let text = found.starts_with("string");
    let (kind, msg) = match expected {
        "f32" | "f64" if text => {
            ("float_parsing", "Input should be a valid number, unable to parse string as a number")
        }
        "f32" | "f64" => ("float_type", "Input should be a valid number"),
        "a boolean" if text => {
            ("bool_parsing", "Input should be a valid boolean, unable to interpret input")
        }
        "a boolean" => ("bool_type", "Input should be a valid boolean"),
        "a string" | "a character" | "string" => ("string_type", "Input should be a valid string"),
        "a sequence" => ("list_type", "Input should be a valid list"),
        "a map" => ("dict_type", "Input should be a valid dictionary"),
        "unit" | "null" => ("none_required", "Input should be None"),
        other if other.starts_with("struct ") => ("model_attributes_type", NOT_AN_OBJECT),
        other if other.starts_with("a tuple") || other.starts_with("tuple ") => {
            ("tuple_type", "Input should be a valid tuple")
        }
        _ => return None,
    };
    Some(fault(kind, loc, msg, input))
}

/// The smallest and the largest value of an integer type, by its name.
fn integer_range(name: &str) -> Option<(i128, u128)> {
    Some(match name {
        "i8" => (i8::MIN.into(), i8::MAX as u128),
        "i16" => (i16::MIN.into(), i16::MAX as u128),
        "i32" => (i32::MIN.into(), i32::MAX as u128),
        "i64" | "isize" => (i64::MIN.into(), i64::MAX as u128),
        "i128" => (i128::MIN, i128::MAX as u128),
        "u8" => (0, u8::MAX.into()),
        "u16" => (0, u16::MAX.into()),
        "u32" => (0, u32::MAX.into()),
        "u64" | "usize" => (0, u64::MAX.into()),
        "u128" => (0, u128::MAX),
        _ => return None,
    })
}

fn integer(loc: &[Value], input: &Value, (low, high): (i128, u128)) -> Value {
    if let Some(text) = input.as_str() {
        let number = text.trim().parse::<i128>().is_ok();
        return if number {
            fault("int_type", loc, "Input should be a valid integer", input)
        } else {
            let msg = "Input should be a valid integer, unable to parse string as an integer";
            fault("int_parsing", loc, msg, input)
        };
    }
    let Some(number) = input.as_number() else {
        return fault("int_type", loc, "Input should be a valid integer", input);
    };
    if number.is_f64() {
        let msg = "Input should be a valid integer, got a number with a fractional part";
        return fault("int_from_float", loc, msg, input);
    }
    if number.is_i64() && number.as_i64().is_some_and(|number| i128::from(number) < low) {
        let msg = format!("Input should be greater than or equal to {low}");
        return fault_with("greater_than_equal", loc, &msg, (input, json!({ "ge": low })));
    }
    let msg = format!("Input should be less than or equal to {high}");
    fault_with("less_than_equal", loc, &msg, (input, json!({ "le": high })))
}
