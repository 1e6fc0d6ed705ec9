//! Each entry as pydantic 2 and Python's decoder give it for the same body.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Invalid, not_json, read};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Input {
    text: String,
    number: i32,
    small: u8,
    real: f64,
    flag: bool,
    list: Vec<Inner>,
    map: BTreeMap<String, i64>,
    colour: Option<Colour>,
    pair: Option<(u8, u8)>,
    strict: Option<Strict>,
    even: Option<Even>,
}

#[derive(Debug, Deserialize)]
struct Inner {
    #[expect(dead_code, reason = "only read from JSON")]
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Colour {
    Red,
    Green,
    Blue,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Strict {}

#[derive(Debug, Deserialize)]
#[serde(try_from = "u8")]
struct Even;

impl TryFrom<u8> for Even {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, &'static str> {
        if number.is_multiple_of(2) { Ok(Self) } else { Err("not even") }
    }
}

fn check(body: &str, expected: &Value) {
    let entry = read::<Input>(body.as_bytes()).map(|_| ()).unwrap_err();
    assert_eq!(entry, Invalid(expected.clone()), "{body}");
}

fn check_fault(body: &str, kind: &str, loc: &Value, msg: &str, input: &Value) {
    let loc = [vec![json!("body")], loc.as_array().unwrap().clone()].concat();
    check(body, &json!({ "type": kind, "loc": loc, "msg": msg, "input": input }));
}

fn check_malformed(body: &str, offset: usize, reason: &str) {
    let expected = json!({
        "type": "json_invalid",
        "loc": ["body", offset],
        "msg": "JSON decode error",
        "input": {},
        "ctx": { "error": reason },
    });
    check(body, &expected);
}

//= docs/contract.md#validation-422
//= type=test
//# An app of `fal-app` MUST answer an input that does not fit with 422 and a `detail` array of `type`,
//# `loc`, `msg` and `input`.
#[test]
fn a_wrong_type_names_its_place_and_what_was_sent() {
    let string = "Input should be a valid string";
    check_fault(r#"{"text":5}"#, "string_type", &json!(["text"]), string, &json!(5));
    check_fault(r#"{"text":null}"#, "string_type", &json!(["text"]), string, &json!(null));
    let deep = r#"{"list":[{"name":"a"},{"name":[]}]}"#;
    check_fault(deep, "string_type", &json!(["list", 1, "name"]), string, &json!([]));
    let list = "Input should be a valid list";
    check_fault(r#"{"list":"a"}"#, "list_type", &json!(["list"]), list, &json!("a"));
    let dict = "Input should be a valid dictionary";
    check_fault(r#"{"map":[]}"#, "dict_type", &json!(["map"]), dict, &json!([]));
    let tuple = "Input should be a valid tuple";
    check_fault(r#"{"pair":1}"#, "tuple_type", &json!(["pair"]), tuple, &json!(1));
    let object = "Input should be a valid dictionary or object to extract fields from";
    check_fault("7", "model_attributes_type", &json!([]), object, &json!(7));
    check_fault(r#"{"list":[1]}"#, "model_attributes_type", &json!(["list", 0]), object, &json!(1));
}

#[test]
fn numbers_and_booleans_tell_text_from_other_types() {
    let int = "Input should be a valid integer";
    check_fault(r#"{"number":[]}"#, "int_type", &json!(["number"]), int, &json!([]));
    check_fault(r#"{"number":"5"}"#, "int_type", &json!(["number"]), int, &json!("5"));
    let parse = "Input should be a valid integer, unable to parse string as an integer";
    check_fault(r#"{"number":"x"}"#, "int_parsing", &json!(["number"]), parse, &json!("x"));
    let part = "Input should be a valid integer, got a number with a fractional part";
    check_fault(r#"{"number":1.5}"#, "int_from_float", &json!(["number"]), part, &json!(1.5));
    let real = "Input should be a valid number";
    check_fault(r#"{"real":{}}"#, "float_type", &json!(["real"]), real, &json!({}));
    let parse = "Input should be a valid number, unable to parse string as a number";
    check_fault(r#"{"real":"x"}"#, "float_parsing", &json!(["real"]), parse, &json!("x"));
    let flag = "Input should be a valid boolean";
    check_fault(r#"{"flag":7}"#, "bool_type", &json!(["flag"]), flag, &json!(7));
    let parse = "Input should be a valid boolean, unable to interpret input";
    check_fault(r#"{"flag":"x"}"#, "bool_parsing", &json!(["flag"]), parse, &json!("x"));
}

#[test]
fn a_number_out_of_range_names_the_bound() {
    check(
        r#"{"small":300}"#,
        &json!({
            "type": "less_than_equal", "loc": ["body", "small"], "input": 300,
            "msg": "Input should be less than or equal to 255", "ctx": { "le": 255 },
        }),
    );
    check(
        r#"{"small":-1}"#,
        &json!({
            "type": "greater_than_equal", "loc": ["body", "small"], "input": -1,
            "msg": "Input should be greater than or equal to 0", "ctx": { "ge": 0 },
        }),
    );
}

#[test]
fn a_choice_lists_what_it_could_be() {
    check(
        r#"{"colour":"pink"}"#,
        &json!({
            "type": "enum", "loc": ["body", "colour"], "input": "pink",
            "msg": "Input should be 'red', 'green' or 'blue'",
            "ctx": { "expected": "'red', 'green' or 'blue'" },
        }),
    );
}

#[test]
fn an_author_s_own_check_is_a_value_error() {
    check(
        r#"{"even":3}"#,
        &json!({
            "type": "value_error", "loc": ["body", "even"], "input": 3,
            "msg": "Value error, not even", "ctx": { "error": "not even" },
        }),
    );
}

#[test]
fn missing_and_extra_fields_are_named() {
    let object = json!({});
    check_fault(
        r#"{"list":[{}]}"#,
        "missing",
        &json!(["list", 0, "name"]),
        "Field required",
        &object,
    );
    let extra = "Extra inputs are not permitted";
    let loc = json!(["strict", "a"]);
    check_fault(r#"{"strict":{"a":1}}"#, "extra_forbidden", &loc, extra, &json!(1));
}

#[test]
fn a_missing_body_is_a_missing_field() {
    check_fault("", "missing", &json!([]), "Field required", &json!(null));
    check_fault("null", "missing", &json!([]), "Field required", &json!(null));
}

#[test]
fn another_content_type_is_told_by_its_length() {
    let expected = json!({
        "type": "model_attributes_type",
        "loc": ["body"],
        "msg": "Input should be a valid dictionary or object to extract fields from",
        "input": "<binary 5 bytes>",
    });
    assert_eq!(not_json(b"hello"), Invalid(expected));
}

#[test]
fn malformed_json_is_told_as_python_tells_it() {
    check_malformed("not json", 0, "Expecting value");
    check_malformed(r#"{"a": }"#, 6, "Expecting value");
    check_malformed(r#"{"a":"#, 5, "Expecting value");
    check_malformed("[1,", 3, "Expecting value");
    check_malformed("{a:1}", 1, "Expecting property name enclosed in double quotes");
    check_malformed("{", 1, "Expecting property name enclosed in double quotes");
    check_malformed(r#"{"a" 1}"#, 5, "Expecting ':' delimiter");
    check_malformed("[1 2]", 3, "Expecting ',' delimiter");
    check_malformed(r#"{"a": 1} x"#, 9, "Extra data");
    check_malformed(r#"{"a": "x\"y"#, 6, "Unterminated string starting at");
    check_malformed("{\n \"ä\": tru}", 8, "Expecting value");
    check_malformed(r#"{"a":1,}"#, 7, "Expecting property name enclosed in double quotes");
    check_malformed("[1,]", 3, "Expecting value");
    check_malformed("[", 1, "Expecting value");
    check_malformed("[1", 2, "Expecting ',' delimiter");
    check_malformed(r#"{"a":1"#, 6, "Expecting ',' delimiter");
    check_malformed(r#""\x""#, 1, "Invalid \\escape");
    check_malformed("\"\u{1}\"", 1, "Invalid control character at");
}

#[test]
fn of_two_equal_keys_the_last_one_counts() {
    let input: Input = read(br#"{"number":1,"number":2}"#).unwrap();
    assert_eq!(input.number, 2);
    assert!(input.colour.is_none() && input.pair.is_none() && input.strict.is_none());
    drop((input.text, input.small, input.real, input.flag, input.list, input.map, input.even));
}
