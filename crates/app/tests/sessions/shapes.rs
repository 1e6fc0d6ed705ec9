//! The five shapes of a session.

use fal_app::{Message, openapi, testing::TestApp};
use serde_json::{Value, json};

use crate::app::{LiveLab, Number, Text};

//= docs/contract.md#app-shapes
//= type=test
//# An endpoint that takes one input and returns a stream MUST answer each input with all that its
//# stream yields.
#[tokio::test]
async fn a_server_stream_answers_each_input_with_all_its_events() {
    let app = TestApp::<LiveLab>::start().await;
    let mut session = app.open("/count").await;
    for to in [3, 0, 2] {
        session.send(Number { number: to }).await;
    }
    for number in [0, 1, 2, 0, 1] {
        assert_eq!(session.output::<Number>().await.number, number);
    }
}

//= docs/contract.md#app-shapes
//= type=test
//# An endpoint that takes `Inputs` is called once for a session, which MUST end as if it had been idle
//# when the endpoint has returned and all that it returned is said.
#[tokio::test(start_paused = true)]
async fn a_client_stream_is_answered_once() {
    let app = TestApp::<LiveLab>::start().await;
    let mut session = app.open("/sum").await;
    for number in [1, 2, 3] {
        session.send(Number { number }).await;
    }
    let end = session.end().await.timed_out().code(1000);
    assert_eq!(end.outputs::<Number>()[0].number, 6);
}

#[tokio::test]
async fn both_sides_talk_as_they_like_until_the_endpoint_has_nothing_more_to_say() {
    let app = TestApp::<LiveLab>::start().await;
    let mut session = app.open("/chat").await;
    for text in ["hello", "you"] {
        session.send(Text { text: text.to_owned() }).await;
        let heard: Text = session.output().await;
        assert_eq!(heard.text, text.chars().rev().collect::<String>());
    }
    session.send(Text { text: "bye".to_owned() }).await;
    session.end().await.timed_out().code(1000);
}

//= docs/contract.md#app-raw-session
//= type=test
//# The messages of a raw session MUST pass as they are, text and binary.
#[tokio::test]
async fn a_raw_session_is_the_endpoints_own() {
    let app = TestApp::<LiveLab>::start().await;
    let mut session = app.call("/raw").request_id("r-1").open().await;
    let messages = [Message::from("text"), Message::from(""), Message::from(vec![0, 0xc1, 0xff])];
    for message in messages {
        session.say(message.clone()).await;
        assert_eq!(session.heard().await, Some(message));
    }
    session.say("id").await;
    assert_eq!(session.heard().await, Some(Message::from("r-1")), "it knows its request");
    session.say("bye").await;
    session.end().await.without_a_word().code(4000).reason("as asked");
}

//= docs/contract.md#app-raw-session
//= type=test
//# It MUST end with close 1000 when its endpoint has returned `Ok`, and with 1011 after an `Err` or a
//# panic, unless the endpoint has closed it itself.
#[tokio::test]
async fn a_raw_session_ends_with_its_endpoint() {
    let app = TestApp::<LiveLab>::start().await;
    for (word, code, reason) in
        [("done", 1000, ""), ("fail", 1011, "as asked"), ("panic", 1011, "Internal Server Error")]
    {
        let mut session = app.open("/raw").await;
        session.say(word).await;
        session.end().await.without_a_word().code(code).reason(reason);
    }
}

#[tokio::test]
async fn a_raw_message_that_is_too_long_ends_its_session() {
    let app = TestApp::<LiveLab>::start().await;
    let mut session = app.open("/raw").await;
    session.say(vec![0; (16 << 20) + 1]).await;
    session.end().await.without_a_word().code(1009);
}

#[test]
fn the_mode_follows_from_the_signature() {
    let document = openapi::<LiveLab>().unwrap();
    let protocol = |path: &str| document["paths"][path]["x-fal-protocol"].clone();
    for (path, mode) in [
        ("/realtime", "unary"),
        ("/together", "unary"),
        ("/count", "server_streaming"),
        ("/sum", "client_streaming"),
        ("/chat", "bidi"),
    ] {
        assert_eq!(protocol(path)["realtimeMode"], mode, "{path}");
    }
    let config = |path: &str| protocol(path)["config"].clone();
    let all = |buffering: Value, timeout: Value, batch: u32| json!({ "buffering": buffering, "sessionTimeout": timeout, "maxBatchSize": batch });
    assert_eq!(config("/sum"), all(json!(null), json!(5), 1));
    assert_eq!(config("/together"), all(json!(null), json!(null), 4));
    assert_eq!(config("/latest"), all(json!(2), json!(null), 1));
    assert_eq!(
        document["paths"]["/raw"],
        json!({ "x-fal-protocol": {
            "type": "websocket", "operationId": "raw", "config": all(json!(null), json!(null), 1),
        } })
    );
    // What is described are the inputs themselves, not how many of them there are.
    let schema = |path: &str| {
        let post = &document["paths"][path]["post"];
        post["requestBody"]["content"]["application/json"]["schema"]["$ref"].clone()
    };
    assert_eq!(schema("/sum"), "#/components/schemas/Number");
    assert_eq!(schema("/together"), "#/components/schemas/Input");
}
