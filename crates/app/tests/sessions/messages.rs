//! What is said in a session, and what ends it.

use fal_app::{Message, testing::TestApp};
use serde_json::{Value, json};

use crate::app::LiveLab;

/// What a client hears that says this in `/realtime`: the reason of the error that ends it.
#[track_caller]
fn reason_of(message: impl Into<Message>, code: u16) -> impl Future<Output = String> {
    let message = message.into();
    async move {
        let app = TestApp::<LiveLab>::start().await;
        let mut session = app.open("/realtime").await;
        session.say(message).await;
        let Some(Message::Text(word)) = session.heard().await else { panic!("no word") };
        let word: Value = serde_json::from_str(&word).unwrap();
        assert_eq!(word["type"], "x-fal-error");
        assert_eq!(word["error"], "INTERNAL_ERROR");
        session.end().await.without_a_word().code(code);
        word["reason"].as_str().unwrap().to_owned()
    }
}

/// The same for an input, which ends the session with 1000.
async fn reason(input: Value) -> String {
    reason_of(rmp_serde::to_vec_named(&input).unwrap(), 1000).await
}

//= docs/contract.md#app-messages
//= type=test
//# An input MUST be a binary frame with a map in msgpack, and so is every output, with fields by name.
#[tokio::test]
async fn inputs_and_outputs_are_maps_by_name() {
    let app = TestApp::<LiveLab>::start().await;
    let mut session = app.call("/realtime").request_id("r-1").open().await;
    // {"text": "hello", "unknown": nil}
    session.say(b"\x82\xa4text\xa5hello\xa7unknown\xc0".to_vec()).await;
    let Some(Message::Binary(output)) = session.heard().await else { panic!("no output") };
    let expected = b"\x84\xa4text\xa5hello\xa7request\xa3r-1\xa5bytes\x00\xa7address\xc0";
    assert_eq!(output, expected.as_slice());
}

#[tokio::test]
async fn bytes_go_in_as_bytes_and_what_has_a_form_for_people_has_it() {
    let app = TestApp::<LiveLab>::start().await;
    let mut session = app.open("/realtime").await;
    session.say(b"\x83\xa4text\xa0\xa5bytes\xc4\x02\x00\xff\xa7address\xa3::1".to_vec()).await;
    let output: Value = session.output().await;
    assert_eq!(output, json!({ "text": "", "request": null, "bytes": 2, "address": "::1" }));
}

#[tokio::test]
async fn a_session_answers_any_number_of_inputs_in_their_order() {
    let app = TestApp::<LiveLab>::start().await;
    let mut session = app.open("/realtime").await;
    for text in 0..300 {
        session.send(json!({ "text": text.to_string() })).await;
    }
    for text in 0..300 {
        let output: Value = session.output().await;
        assert_eq!(output["text"], text.to_string());
    }
}

//= docs/contract.md#app-session-error
//= type=test
//# A text frame, a frame that is no such map, an input that does not fit, an `Err` of the endpoint and
//# a panic of it MUST end the session: with the text frame
//# `{"type":"x-fal-error","error":"INTERNAL_ERROR","reason":".."}`, and close 1000.
#[tokio::test]
async fn a_text_frame_is_an_error() {
    assert_eq!(reason_of(r#"{"text":"hello"}"#, 1000).await, "'bytes'");
}

#[tokio::test]
async fn a_frame_that_is_no_map_is_an_error() {
    let no_map = "a message is a map in msgpack, and this one is none";
    let cases: [(&[u8], &str); 6] = [
        (b"", no_map),
        (b"\xa5hello", no_map),
        (b"\x91\xa5hello", no_map),
        (b"\x81\xa4text", "the message is no msgpack: IO error while reading marker"),
        (b"\x81\xa4text\xc1", "the message is no msgpack: wrong msgpack marker Reserved"),
        (b"\x81\xa4text\xa0\x00", "the message goes on after its map"),
    ];
    for (message, expected) in cases {
        let reason = reason_of(message.to_vec(), 1000).await;
        assert!(reason.starts_with(expected), "{message:?}: {reason}");
    }
}

#[tokio::test]
async fn a_message_that_is_nested_too_deep_is_an_error() {
    let mut message = b"\x82\xa4text\xa0\xa1x".to_vec();
    message.extend([0x91; 100_000]);
    message.push(0xc0);
    let reason = reason_of(message, 1000).await;
    assert_eq!(reason, "the message is no msgpack: depth limit exceeded");
}

#[tokio::test]
async fn an_input_that_does_not_fit_is_an_error() {
    assert_eq!(reason(json!({})).await, "text: Field required");
    let wrong = reason(json!({ "text": 5 })).await;
    assert_eq!(wrong, "text: Input should be a valid string");
    let wrong = reason(json!({ "text": "", "bytes": [1, "two"] })).await;
    assert_eq!(
        wrong,
        "bytes.1: Input should be a valid integer, unable to parse string as an integer"
    );
    let wrong = reason(json!({ "text": "", "fail": "never" })).await;
    assert_eq!(wrong, "fail: Input should be 'error', 'panic', 'broken', 'infinite' or 'list'");
}

#[tokio::test]
async fn an_error_of_the_endpoint_is_told() {
    assert_eq!(reason(json!({ "text": "", "fail": "error" })).await, "as asked");
}

#[tokio::test]
async fn a_panic_of_the_endpoint_tells_nothing() {
    assert_eq!(reason(json!({ "text": "", "fail": "panic" })).await, "Internal Server Error");
}

#[tokio::test]
async fn an_output_that_cannot_be_written_is_an_error() {
    let infinite = reason(json!({ "text": "", "fail": "infinite" })).await;
    assert_eq!(infinite, "the output could not be serialised");
    let list = reason(json!({ "text": "", "fail": "list" })).await;
    assert_eq!(list, "an output is a map, as of a struct, and this one is none");
}

#[tokio::test]
async fn what_was_answered_before_an_error_is_heard_before_it() {
    let app = TestApp::<LiveLab>::start().await;
    let mut session = app.open("/realtime").await;
    session.send(json!({ "text": "a" })).await;
    session.send(json!({ "text": "b" })).await;
    session.send(json!({ "text": "c", "fail": "error" })).await;
    session.send(json!({ "text": "d" })).await;
    let end = session.end().await.failed("as asked").code(1000);
    let said: Vec<Value> = end.outputs();
    assert_eq!(said.iter().map(|output| &output["text"]).collect::<Vec<_>>(), ["a", "b"]);
}

//= docs/contract.md#app-messages
//= type=test
//# A message of more than 16 MiB MUST end the session as an error does, but with close 1009.
#[tokio::test]
async fn a_message_that_is_too_long_is_an_error() {
    let most = 16 << 20;
    let reason = reason_of(vec![0x80; most + 1], 1009).await;
    assert_eq!(reason, format!("a message has at most {most} bytes"));
}

#[tokio::test]
async fn a_message_that_is_just_not_too_long_is_an_input() {
    let app = TestApp::<LiveLab>::start().await;
    let mut session = app.open("/realtime").await;
    let head = b"\x82\xa4text\xa0\xa5bytes\xc6";
    let length = (16 << 20) - head.len() - 4;
    let mut message = head.to_vec();
    message.extend(u32::try_from(length).unwrap().to_be_bytes());
    message.resize(16 << 20, 0);
    session.say(message).await;
    assert_eq!(session.output::<Value>().await["bytes"], length);
}
