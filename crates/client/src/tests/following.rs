//! Requests that are followed to their end.

use std::{future::pending, time::Duration};

use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::{
    Abandoned, Client, Error, ErrorType, Follow, Handle, State, Status,
    tests::{
        AT_ONCE, client,
        server::{self, Say, Server},
        submitted,
    },
};

const QUEUED: &str = r#"{"status":"IN_QUEUE","queue_position":1}"#;
const RUNNING: &str = r#"{"status":"IN_PROGRESS","logs":null}"#;
const OVER: &str = r#"{"status":"COMPLETED","logs":null,"metrics":{"inference_time":0.5}}"#;

/// A stream of these statuses, whole.
fn stream(statuses: &[&str]) -> Say {
    server::events(&text(statuses))
}

fn text(statuses: &[&str]) -> String {
    statuses.iter().map(|status| format!("data: {status}\n\n: ping\n\n")).collect()
}

fn with_logs(status: &str, lines: &[&str]) -> String {
    let lines: Vec<_> =
        lines.iter().map(|line| json!({ "message": line, "timestamp": line })).collect();
    json!({ "status": status, "logs": lines }).to_string()
}

fn handle(server: &Server) -> Handle {
    client(server).handle("demo/lab", "r-1").unwrap()
}

/// One word for each state, and each line.
fn words(status: &Status) -> Vec<String> {
    let word = match &status.state {
        State::InQueue { position } => format!("queued {position:?}"),
        State::InProgress => "running".to_owned(),
        State::Completed(ended) => format!("over {:?}", ended.error),
        State::Other(word) => word.clone(),
    };
    std::iter::once(word).chain(status.logs.iter().map(|line| line.message.clone())).collect()
}

async fn heard(server: &Server, follow: Follow) -> Vec<Vec<String>> {
    let mut events = handle(server).events(follow);
    let mut heard = Vec::new();
    while let Some(status) = events.next().await {
        heard.push(words(&status.unwrap()));
    }
    heard
}

const WAY: [&str; 3] = ["queued Some(1)", "running", "over None"];

#[tokio::test]
async fn a_request_is_followed_by_its_stream() {
    let server = Server::start([stream(&[QUEUED, QUEUED, RUNNING, OVER])]).await;
    assert_eq!(heard(&server, Follow::streaming()).await, WAY.map(|word| [word]));
    let [seen] = server.seen().try_into().unwrap();
    assert_eq!(seen.target, "/queue/demo/lab/requests/r-1/status/stream?logs=0");
    assert_eq!(seen.header("accept"), Some("text/event-stream"));
}

#[tokio::test]
async fn a_request_is_followed_by_asking() {
    let statuses = [(202, QUEUED), (202, QUEUED), (202, RUNNING), (202, RUNNING), (200, OVER)];
    let server = Server::start(statuses.map(|(status, text)| server::json(status, text))).await;
    let follow = Follow::polling(Duration::from_millis(1)).with_logs();
    assert_eq!(heard(&server, follow).await, WAY.map(|word| [word]), "each change once");
    assert_eq!(server.asked(), ["GET /queue/demo/lab/requests/r-1/status?logs=1"; 5]);
}

#[tokio::test]
async fn a_stream_that_cannot_be_had_is_replaced_by_asking() {
    let Say::Bytes(half) = server::begun(&text(&[QUEUED])) else { panic!() };
    for first in [
        server::json(200, OVER),
        server::json(405, "{}"),
        server::json(503, "{}"),
        stream(&[QUEUED]),
        stream(&["no JSON"]),
        Say::Last(half),
        Say::Last(Vec::new()),
    ] {
        let server = Server::start([first.clone(), server::json(200, OVER)]).await;
        let mut words = heard(&server, Follow::streaming()).await;
        assert_eq!(words.pop(), Some(vec!["over None".to_owned()]), "{first:?}");
        assert!(words.iter().all(|word| word == &["queued Some(1)"]), "{words:?}");
    }
}

#[tokio::test]
async fn a_stream_that_is_held_back_is_replaced_by_asking() {
    let server = Server::start([server::begun(&text(&[QUEUED])), server::json(200, OVER)]).await;
    let builder = Client::builder().base(&server.url()).retries(AT_ONCE);
    let client = builder.read_timeout(Duration::from_millis(100)).build().unwrap();
    let mut events = client.handle("demo/lab", "r-1").unwrap().events(Follow::default());
    assert_eq!(words(&events.next().await.unwrap().unwrap()), ["queued Some(1)"]);
    assert_eq!(words(&events.next().await.unwrap().unwrap()), ["over None"]);
    assert!(events.next().await.is_none() && events.next().await.is_none());
}

#[tokio::test]
async fn what_cannot_be_asked_after_is_an_error_once() {
    let gone = || server::json(404, r#"{"status":"NOT_FOUND"}"#);
    let server = Server::start([gone(), gone()]).await;
    for follow in [Follow::streaming(), Follow::polling(Duration::ZERO)] {
        let mut events = handle(&server).events(follow);
        let error = events.next().await.unwrap().unwrap_err();
        assert!(matches!(error, Error::NotFound(_)), "{error:?}");
        assert!(events.next().await.is_none());
    }
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn lines_are_given_once_however_they_are_told() {
    let all = [
        with_logs("IN_PROGRESS", &["a"]),
        with_logs("IN_PROGRESS", &["a", "b"]),
        with_logs("COMPLETED", &["a", "b"]),
    ];
    let new = [
        with_logs("IN_PROGRESS", &["a"]),
        with_logs("IN_PROGRESS", &["b"]),
        with_logs("COMPLETED", &[]),
    ];
    for statuses in [all, new] {
        let server = Server::start([stream(&statuses.each_ref().map(String::as_str))]).await;
        let heard = heard(&server, Follow::streaming().with_logs()).await;
        assert_eq!(heard, [vec!["running", "a"], vec!["running", "b"], vec!["over None"]]);
        assert!(server.asked()[0].ends_with("stream?logs=1"));
    }
}

#[tokio::test]
async fn a_state_that_is_new_is_not_the_end() {
    let server = Server::start([stream(&[r#"{"status":"DREAMING"}"#, OVER])]).await;
    assert_eq!(heard(&server, Follow::streaming()).await, [["DREAMING"], ["over None"]]);
}

#[tokio::test]
async fn a_failed_end_says_why() {
    let over = r#"{"status":"COMPLETED","error_type":"runner_disconnected","logs":null}"#;
    let server = Server::start([stream(&[over])]).await;
    let status = handle(&server).events(Follow::default()).next().await.unwrap().unwrap();
    let State::Completed(ended) = status.state else { panic!() };
    assert_eq!(ended.error_type, Some(ErrorType::RunnerDisconnected));
    assert_eq!(ended.error.as_deref(), Some("runner_disconnected"), "a type is a failure");
}

#[tokio::test]
async fn a_subscribe_submits_follows_and_reads() {
    let script = [submitted(), stream(&[QUEUED, RUNNING, OVER]), server::json(200, "7")];
    let server = Server::start(script).await;
    let mut told = Vec::new();
    let call = client(&server).queued("demo/lab");
    let output: u32 = call.subscribe(&json!(1), |status| told.extend(words(status))).await.unwrap();
    assert_eq!((output, told.as_slice()), (7, &WAY.map(str::to_owned)[..]));
    let below = |tail: &str| format!("GET /queue/demo/lab/requests/r-1{tail}");
    let wanted = ["POST /queue/demo/lab".to_owned(), below("/status/stream?logs=0"), below("")];
    assert_eq!(server.asked(), wanted);
}

#[tokio::test]
async fn what_a_request_came_to_is_the_error_of_its_subscribe() {
    let over = r#"{"status":"COMPLETED","error":"Invalid status code: 422","logs":null}"#;
    let body = r#"{"detail":[{"type":"missing","loc":["body","prompt"],"msg":"Field required"}]}"#;
    let server = Server::start([submitted(), stream(&[over]), server::json(422, body)]).await;
    let call = client(&server).queued("demo/lab").abandoned(Abandoned::Cancelled);
    let error = call.subscribe::<_, Value>(&json!(1), |_| ()).await.unwrap_err();
    assert!(matches!(error, Error::Validation(_)), "{error:?}");
    // Another request, to see that there was no cancel before it.
    server.say([server::json(202, RUNNING)]);
    handle(&server).status(crate::Logs::LeftOut).await.unwrap();
    assert_eq!(server.seen().len(), 4, "{:?}", server.asked());
}

#[tokio::test]
async fn a_subscribe_that_takes_too_long_cancels_where_it_is_told() {
    let limit = Duration::from_millis(1200);
    for abandoned in [Abandoned::Runs, Abandoned::Cancelled] {
        let accepted = server::json(202, r#"{"status":"CANCELLATION_REQUESTED"}"#);
        let server = Server::start([submitted(), server::begun(&text(&[RUNNING])), accepted]).await;
        let call = client(&server).queued("demo/lab").timeout(limit).abandoned(abandoned);
        let error = call.subscribe::<_, Value>(&json!(1), |_| ()).await.unwrap_err();
        assert_eq!(error.request_id(), Some("r-1"));
        assert!(matches!(&error, Error::Timeout(up) if up.after == limit), "{error:?}");
        let cancels = server.asked().iter().filter(|asked| asked.ends_with("/cancel")).count();
        let deadline = server.seen()[0].header("x-fal-request-start-timeout").map(str::to_owned);
        match abandoned {
            Abandoned::Runs => assert_eq!((cancels, deadline), (0, None)),
            Abandoned::Cancelled => assert_eq!((cancels, deadline.as_deref()), (1, Some("1.2"))),
        }
    }
}

#[tokio::test]
async fn a_subscribe_that_is_dropped_cancels_where_it_is_told() {
    let accepted = server::json(202, r#"{"status":"CANCELLATION_REQUESTED"}"#);
    let server = Server::start([submitted(), server::begun(&text(&[RUNNING])), accepted]).await;
    let (call, told) = (client(&server).queued("demo/lab"), Mutex::new(None));
    let (running, runs) = tokio::sync::oneshot::channel();
    *told.lock() = Some(running);
    let on_update = |_: &Status| {
        if let Some(told) = told.lock().take() {
            let _nobody_else_listens = told.send(());
        }
    };
    let (call, input) = (call.abandoned(Abandoned::Cancelled), json!(1));
    tokio::select! {
        ended = call.subscribe::<_, Value>(&input, on_update) => panic!("{ended:?}"),
        _runs = runs => {}
    }
    let seen = server.was_asked(3).await;
    assert_eq!(
        (seen[2].method.as_str(), seen[2].target.as_str()),
        ("PUT", "/queue/demo/lab/requests/r-1/cancel")
    );
}

#[tokio::test]
async fn a_guard_cancels_unless_it_is_disarmed() {
    let accepted = || server::json(202, r#"{"status":"CANCELLATION_REQUESTED"}"#);
    let server = Server::start([accepted(), accepted(), accepted()]).await;
    let handle = handle(&server);
    handle.cancel_on_drop().disarm();
    assert_eq!(handle.cancel_on_drop().cancel().await.unwrap(), crate::Cancel::Requested);
    assert_eq!(server.seen().len(), 1, "it asks once");
    drop(handle.cancel_on_drop());
    drop(server.was_asked(2).await);
    // A guard whose own cancel is given up still cancels.
    let guard = handle.cancel_on_drop();
    tokio::select! {
        biased;
        () = std::future::ready(()) => drop(guard.cancel()),
        () = pending() => {}
    }
    drop(server.was_asked(3).await);
}

#[tokio::test]
async fn all_calls_can_be_made_by_tasks() {
    fn is_send<T: Send>(future: T) -> T {
        future
    }
    let server = Server::start([]).await;
    let (client, handle) = (client(&server), handle(&server));
    drop(is_send(client.run::<_, Value>("a/b", &json!(1))));
    drop(is_send(client.stream::<_, Value>("a/b", &json!(1))));
    drop(is_send(client.subscribe::<_, Value>("a/b", &json!(1))));
    drop(is_send(client.upload(crate::Upload::bytes("a", "b"))));
    drop(is_send(client.download("http://a.test", 1)));
    drop(is_send(handle.result::<Value>()));
    drop(is_send(handle.cancel()));
    drop(is_send(handle.events(Follow::default())));
}
