//! Sessions with a program, over sockets.

use std::{sync::Arc, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _, future::join_all};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Error, Message, client::IntoClientRequest as _, handshake::client::Response,
        protocol::CloseFrame,
    },
};

use crate::process::Program;

/// How long anything may take before a test gives up.
const BOUND: Duration = Duration::from_secs(20);

type Client = WebSocketStream<TcpStream>;

async fn handshake(program: &Program, path: &str) -> Result<(Client, Response), Error> {
    let stream = TcpStream::connect(program.address()).await.unwrap();
    let mut request = format!("ws://{}{path}", program.address()).into_client_request().unwrap();
    request.headers_mut().insert("x-fal-request-id", "r-7".parse().unwrap());
    timeout(BOUND, client_async(request, stream)).await.unwrap()
}

async fn open(program: &Program, path: &str) -> Client {
    handshake(program, path).await.unwrap().0
}

async fn say(client: &mut Client, input: &Value) {
    let message = rmp_serde::to_vec_named(input).unwrap();
    client.send(Message::Binary(message.into())).await.unwrap();
}

async fn heard(client: &mut Client) -> Message {
    timeout(BOUND, client.next()).await.unwrap().unwrap().unwrap()
}

async fn output(client: &mut Client) -> Value {
    let heard = heard(client).await;
    assert!(heard.is_binary(), "no output but {heard:?}");
    rmp_serde::from_slice(&heard.into_data()).unwrap()
}

/// The last words of a session: its text, and its close.
async fn end(client: &mut Client) -> (Option<Value>, Option<CloseFrame>) {
    let mut word = None;
    let close = loop {
        let heard = heard(client).await;
        if let Message::Close(close) = heard {
            break close;
        }
        assert!(heard.is_text(), "no end but {heard:?}");
        word = Some(serde_json::from_slice(&heard.into_data()).unwrap());
    };
    assert!(timeout(BOUND, client.next()).await.unwrap().is_none(), "the runner hangs up");
    (word, close)
}

fn code(close: Option<CloseFrame>) -> u16 {
    close.unwrap().code.into()
}

#[tokio::test]
async fn hello_greets_in_a_session() {
    let program = Program::ready("hello", &[]);
    let (mut client, response) = handshake(&program, "/realtime").await.unwrap();
    assert_eq!(response.status(), 101);
    assert_eq!(response.headers().get("sec-websocket-protocol"), None);
    for name in ["you", "me"] {
        say(&mut client, &json!({ "prompt": name })).await;
        assert_eq!(output(&mut client).await, json!({ "text": format!("Hello, {name}!") }));
    }
    say(&mut client, &json!({ "prompt": "" })).await;
    let (word, close) = end(&mut client).await;
    let expected =
        json!({ "type": "x-fal-error", "error": "INTERNAL_ERROR", "reason": "prompt is empty" });
    assert_eq!((word, code(close)), (Some(expected), 1000));
}

#[tokio::test]
async fn the_words_of_an_end_are_those_of_fal() {
    let program = Program::ready("hello", &[]);
    let mut client = open(&program, "/realtime").await;
    client.send(Message::Text("{}".into())).await.unwrap();
    let Message::Text(word) = heard(&mut client).await else { panic!("no word") };
    assert_eq!(word, r#"{"type":"x-fal-error","error":"INTERNAL_ERROR","reason":"'bytes'"}"#);
}

#[tokio::test]
async fn other_answers_are_those_of_http() {
    let program = Program::ready("live_lab", &[]);
    let Err(Error::Http(refused)) = handshake(&program, "/unknown").await else {
        panic!("no session is there")
    };
    assert_eq!(refused.status(), 403);
    assert_eq!(refused.headers()["content-length"], "0");
    let answer = program.call("/realtime", "{}");
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    assert!(answer.ends_with(r#"{"detail":"Path /realtime not found"}"#), "{answer}");
}

#[tokio::test]
async fn a_ping_is_answered() {
    let program = Program::ready("live_lab", &[]);
    for path in ["/realtime", "/raw", "/sum"] {
        let mut client = open(&program, path).await;
        client.send(Message::Ping("still there?".into())).await.unwrap();
        assert_eq!(heard(&mut client).await, Message::Pong("still there?".into()), "{path}");
    }
}

#[tokio::test]
async fn a_message_in_many_frames_is_one_input() {
    use tokio_tungstenite::tungstenite::protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    };
    let program = Program::ready("hello", &[]);
    let mut client = open(&program, "/realtime").await;
    let message = rmp_serde::to_vec_named(&json!({ "prompt": "you" })).unwrap();
    for (at, byte) in message.iter().enumerate() {
        let data = if at == 0 { Data::Binary } else { Data::Continue };
        let is_last = at + 1 == message.len();
        let frame = Frame::message(vec![*byte], OpCode::Data(data), is_last);
        client.send(Message::Frame(frame)).await.unwrap();
    }
    assert_eq!(output(&mut client).await, json!({ "text": "Hello, you!" }));
}

#[tokio::test]
async fn a_client_that_breaks_the_protocol_is_told_so() {
    use tokio_tungstenite::tungstenite::protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    };
    let program = Program::ready("live_lab", &[]);
    for (frame, expected) in [
        (Frame::message(vec![], OpCode::Data(Data::Continue), true), 1002),
        (Frame::message(vec![0xff], OpCode::Data(Data::Text), true), 1007),
    ] {
        for path in ["/realtime", "/raw"] {
            let mut client = open(&program, path).await;
            client.send(Message::Frame(frame.clone())).await.unwrap();
            let (word, close) = end(&mut client).await;
            assert_eq!((word, code(close)), (None, expected), "{path}");
        }
    }
}

#[tokio::test]
async fn a_message_that_is_too_long_is_refused_while_it_comes() {
    let program = Program::ready("live_lab", &[]);
    let mut client = open(&program, "/realtime").await;
    let (mut sink, mut stream) = client.split();
    let longest = vec![0x80; 64 << 20];
    let sending = async {
        // It is refused before all of it is there.
        drop(sink.send(Message::Binary(longest.into())).await);
    };
    let hearing = async {
        let mut codes = Vec::new();
        while let Some(Ok(message)) = timeout(BOUND, stream.next()).await.unwrap() {
            if let Message::Close(close) = message {
                codes.push(code(close));
            } else {
                let word = message.into_text().unwrap();
                assert!(word.contains("at most 16777216 bytes"), "{word}");
            }
        }
        codes
    };
    let ((), codes) = tokio::join!(sending, hearing);
    assert_eq!(codes, [1009]);
    client = open(&program, "/realtime").await;
    say(&mut client, &json!({ "text": "a" })).await;
    assert_eq!(output(&mut client).await["text"], "a", "the runner is as well as before");
}

#[tokio::test]
async fn a_connection_that_breaks_frees_its_slot() {
    let program = Program::ready("live_lab", &[("FAL_MAX_MULTIPLEXING", "1")]);
    for _ in 0..3 {
        let mut client = open(&program, "/gated").await;
        say(&mut client, &json!({ "text": "a" })).await;
        let socket = client.into_inner();
        // So that the connection is reset and not just ended.
        socket.set_zero_linger().unwrap();
        drop(socket);
    }
    let answer = program.call("/open", "0");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_never_stops_talking_is_answered_all_the_same() {
    let program = Program::ready("live_lab", &[]);
    assert!(program.call("/open", "1000000").starts_with("HTTP/1.1 200"));
    let (mut sink, mut stream) = open(&program, "/latest").await.split();
    let input = rmp_serde::to_vec_named(&json!({ "text": "a", "bytes": vec![0; 4096] })).unwrap();
    let message = Message::Binary(input.into());
    let talking = tokio::spawn(async move { while sink.send(message.clone()).await.is_ok() {} });
    for _ in 0..20 {
        assert!(timeout(BOUND, stream.next()).await.unwrap().unwrap().unwrap().is_binary());
    }
    talking.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_sessions_go_on_at_once() {
    const ALL: usize = 200;
    let program = Arc::new(Program::ready("live_lab", &[("FAL_MAX_MULTIPLEXING", "200")]));
    let talks = (0..ALL).map(|number| {
        let program = Arc::clone(&program);
        tokio::spawn(async move {
            let mut client = open(&program, "/realtime").await;
            for round in 0..20 {
                let text = format!("{number}/{round}");
                say(&mut client, &json!({ "text": text })).await;
                assert_eq!(output(&mut client).await["text"], text);
            }
            client.close(None).await.unwrap();
            while client.next().await.is_some_and(|read| read.is_ok()) {}
        })
    });
    for talk in join_all(talks).await {
        talk.unwrap();
    }
    let answer = program.call("/open", "0");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

//= docs/contract.md#app-session-life
//= type=test
//# When the runner stops, a session takes no more inputs, and MUST close with 1001 when it has answered
//# those that it has.
#[tokio::test]
async fn sigterm_ends_sessions_with_what_they_have_begun() {
    let program = Program::ready("live_lab", &[]);
    let mut idle = open(&program, "/realtime").await;
    say(&mut idle, &json!({ "text": "a" })).await;
    output(&mut idle).await;
    let mut chatting = open(&program, "/chat").await;
    say(&mut chatting, &json!({ "text": "olleh" })).await;
    assert_eq!(output(&mut chatting).await, json!({ "text": "hello" }));
    program.signal("-TERM");
    for client in [&mut idle, &mut chatting] {
        let (word, close) = end(client).await;
        assert_eq!((word, code(close)), (None, 1001));
    }
    assert_eq!(program.end().0.code(), Some(0));
}

//= docs/contract.md#app-broken-session
//= type=test
//# The program MUST then close its port, end within two seconds with exit code 5, and cut whatever is
//# in flight on it.
#[tokio::test]
async fn a_broken_runner_ends_with_5() {
    let program = Program::ready("live_lab", &[]);
    let mut busy = open(&program, "/gated").await;
    say(&mut busy, &json!({ "text": "a" })).await;
    let mut client = open(&program, "/realtime").await;
    say(&mut client, &json!({ "text": "", "fail": "broken" })).await;
    let (word, close) = end(&mut client).await;
    assert_eq!(word.unwrap()["reason"], "the device is gone");
    assert_eq!(code(close), 1011);
    let (word, close) = end(&mut busy).await;
    assert_eq!((word, code(close)), (None, 1001));
    let (status, log) = program.end();
    assert_eq!(status.code(), Some(5));
    assert!(log.contains("the runner is broken endpoint=\"/realtime\""), "{log}");
    assert!(log.contains("request_id=r-7"), "{log}");
}
