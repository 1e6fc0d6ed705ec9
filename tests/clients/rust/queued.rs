//! Requests in the queue.

use std::time::Duration;

use fal_client::{
    Abandoned, Cancel, Error, ErrorType, Follow, Handle, Logs, Priority, State, Status,
};
use fal_tests::{App, Platform, Value, eventually, json};

use crate::rust::{answer, at, client, error, flaky::Flaky, platform};

/// A request that keeps the app's one runner busy until the file of this name is there.
async fn busy(platform: &Platform, name: &str) -> Handle {
    let asked = json!({ "hold": name, "tag": name });
    let handle = client(platform).submit("demo/lab", &asked).await.expect("it is accepted");
    platform.lab().called(name);
    handle
}

async fn state(handle: &Handle) -> State {
    handle.status(Logs::LeftOut).await.expect("it is known").state
}

const fn word(status: &Status) -> &'static str {
    match status.state {
        State::InQueue { .. } => "queued",
        State::InProgress => "running",
        State::Completed(_) => "over",
        State::Other(_) => "else",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_goes_its_way() {
    let platform = platform(App::unruly());
    let running = busy(&platform, "busy").await;
    let client = client(&platform);
    let asked = json!({ "hold": "held", "print": "a line", "body": "[7]" });
    let first = client.submit("demo/lab/deep", &asked).await.unwrap();
    let second = client.submit("demo/lab", &json!({ "body": "8" })).await.unwrap();
    assert_eq!((first.queue_position(), second.queue_position()), (Some(0), Some(1)));
    assert_eq!(state(&running).await, State::InProgress);
    assert_eq!(state(&first).await, State::InQueue { position: Some(0) });
    assert_eq!(state(&second).await, State::InQueue { position: Some(1) });
    assert_eq!(first.try_result::<Value>().await.unwrap(), None);
    platform.lab().create("busy");
    assert!(running.result::<Value>().await.unwrap()["pid"].is_number());
    eventually("its line is there", || {
        let status = platform.queued(first.request_id()).lines();
        (status == ["a line"]).then_some(())
    });
    let status = first.status(Logs::Wanted).await.unwrap();
    assert_eq!((word(&status), status.logs[0].message.as_str()), ("running", "a line"));
    assert_eq!(status.logs[0].level.as_deref(), Some("STDOUT"));
    platform.lab().create("held");
    let answer = first.answer::<Vec<u32>>().await.unwrap();
    assert_eq!((answer.output, answer.reply.request_id()), (vec![7], Some(first.request_id())));
    assert_eq!(second.result::<u32>().await.unwrap(), 8);
    let State::Completed(ended) = state(&first).await else { panic!("it has a result") };
    assert!(ended.inference_time.is_some() && ended.error.is_none(), "{ended:?}");
    let again = client.handle("demo/lab", first.request_id()).unwrap();
    assert_eq!(again.try_result::<Vec<u32>>().await.unwrap(), Some(vec![7]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_followed_both_ways() {
    let platform = platform(App::unruly());
    let client = client(&platform);
    for (number, follow) in
        [Follow::streaming(), Follow::polling(Duration::from_millis(10))].into_iter().enumerate()
    {
        let (before, held) = (format!("before {number}"), format!("held {number}"));
        let running = busy(&platform, &before).await;
        let asked = json!({ "hold": held, "print": "a line", "print_late": "another" });
        let handle = client.submit("demo/lab", &asked).await.unwrap();
        let mut events = handle.events(follow.with_logs());
        let (mut words, mut lines) = (Vec::new(), Vec::new());
        while let Some(status) = events.next().await {
            let status = status.unwrap();
            if words.last() != Some(&word(&status)) {
                words.push(word(&status));
            }
            lines.extend(status.logs.iter().map(|line| line.message.clone()));
            if word(&status) == "queued" {
                platform.lab().create(&before);
            }
            if !lines.is_empty() {
                platform.lab().create(&held);
            }
        }
        assert_eq!(words, ["queued", "running", "over"]);
        assert_eq!(lines, ["a line", "another"], "each line once");
        running.result::<Value>().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_cancelled_in_every_state() {
    let platform = platform(App::unruly());
    let client = client(&platform);
    let held = json!({ "hold_cancel": true, "status": 499, "body": "{}", "tag": "held" });
    let running = client.submit("demo/lab", &held).await.unwrap();
    platform.lab().called("held");
    let waiting = client.submit("demo/lab", &json!({ "tag": "waiting" })).await.unwrap();
    assert_eq!(waiting.cancel().await.unwrap(), Cancel::Requested);
    let ended = error(waiting.result::<Value>().await);
    assert_eq!(ended.error_type(), Some(&ErrorType::ClientCancelled));
    assert!(matches!(ended, Error::Cancelled(_)), "{ended:?}");
    assert_eq!(running.cancel().await.unwrap(), Cancel::Requested);
    let ended = error(running.result::<Value>().await);
    assert!(matches!(&ended, Error::Cancelled(_)) && ended.error_type().is_none(), "{ended:?}");
    for over in [&running, &waiting] {
        assert_eq!(over.cancel().await.unwrap(), Cancel::AlreadyCompleted);
    }
    let unknown = client.handle("demo/lab", "0190d1a2-0000-7000-8000-0000000000ff").unwrap();
    assert!(matches!(unknown.cancel().await, Err(Error::NotFound(_))));
    assert!(matches!(unknown.status(Logs::LeftOut).await, Err(Error::NotFound(_))));
    assert!(matches!(unknown.result::<Value>().await, Err(Error::NotFound(_))));
    let elsewhere = client.handle("demo/other", running.request_id()).unwrap();
    assert!(matches!(elsewhere.result::<Value>().await, Err(Error::NotFound(_))));
    assert_eq!(
        platform.lab().tags(),
        ["held", ""],
        "the cancel is the second: {:?}",
        platform.lab().calls()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_request_came_to_is_its_error() {
    let platform = platform(App::unruly());
    let client = client(&platform);
    for status in [422, 500, 503, 504] {
        let asked = answer(status, &json!({ "detail": "mine" }));
        let handle = client.queued("demo/lab").no_retry().submit(&asked).await.unwrap();
        let ended = error(handle.result::<Value>().await);
        assert!(matches!(&ended, Error::App(refusal) if refusal.detail == "mine"), "{ended:?}");
        assert_eq!(ended.status(), Some(status));
        let State::Completed(completed) = state(&handle).await else { panic!("it has ended") };
        assert_eq!(completed.error, Some(format!("Invalid status code: {status}")));
        assert_eq!(platform.lab().attempts(handle.request_id()).len(), 1);
    }
    let call = client.queued("demo/lab").no_retry();
    let handle = call.submit(&json!({ "crash": "kill" })).await.unwrap();
    let ended = error(handle.result::<Value>().await);
    let Error::Platform(problem) = ended else { panic!("{ended:?}") };
    assert_eq!((problem.kind, problem.reply.status()), (ErrorType::RunnerDisconnected, 503));
    // With retries, the client waits as long as they take.
    let asked = json!({ "script": [{ "status": 503 }, { "crash": "kill" }], "body": "9" });
    assert_eq!(client.subscribe::<_, u32>("demo/lab", &asked).await.unwrap(), 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_for_the_start_is_the_callers_own() {
    let platform = platform(App::unruly());
    let running = busy(&platform, "busy").await;
    let call = client(&platform).queued("demo/lab").start_timeout(Duration::from_millis(200));
    let handle = call.submit(&json!({})).await.unwrap();
    let ended = error(handle.result::<Value>().await);
    assert!(ended.is_user_timeout() && !ended.is_retryable(), "{ended:?}");
    assert_eq!((ended.status(), ended.error_type()), (Some(504), Some(&ErrorType::StartupTimeout)));
    platform.lab().create("busy");
    running.result::<Value>().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn low_priority_waits_for_normal_and_a_full_queue_refuses() {
    let platform = platform(App::unruly());
    let running = busy(&platform, "busy").await;
    let client = client(&platform);
    let submit = async |priority: Priority| {
        client.queued("demo/lab").priority(priority).submit(&json!({})).await.unwrap()
    };
    let (low, normal) = (submit(Priority::Low).await, submit(Priority::Normal).await);
    assert_eq!(state(&normal).await, State::InQueue { position: Some(0) });
    assert_eq!(state(&low).await, State::InQueue { position: Some(1) });
    let call = client.queued("demo/lab").max_queue_length(1);
    let refused = error(call.submit(&json!({})).await);
    assert!(matches!(&refused, Error::TooManyRequests(_)), "{refused:?}");
    platform.lab().create("busy");
    for handle in [running, low, normal] {
        handle.result::<Value>().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_is_the_same_request() {
    let platform = platform(App::unruly());
    let client = client(&platform);
    let submit = async |key: &str, input: &Value| {
        client.queued("demo/lab").idempotency_key(key).submit(input).await
    };
    let first = submit("one", &json!({ "body": "1" })).await.unwrap();
    let again = submit("one", &json!({ "body": "1" })).await.unwrap();
    assert_eq!(first.request_id(), again.request_id());
    assert_eq!((first.is_replay(), again.is_replay()), (false, true));
    let other = error(submit("one", &json!({ "body": "2" })).await);
    assert!(matches!(&other, Error::App(refusal) if refusal.reply.status() == 422), "{other:?}");
    assert_ne!(
        submit("two", &json!({ "body": "1" })).await.unwrap().request_id(),
        first.request_id()
    );
    let bad = error(submit(&"x".repeat(256), &json!({})).await);
    assert_eq!(bad.error_type(), Some(&ErrorType::BadRequest));
}

//= docs/contract.md#rust-client-retries
//= type=test
//# A submit MUST NOT be sent again unless nothing of it was sent, or the platform honours the idempotency key that it has.
#[tokio::test(flavor = "multi_thread")]
async fn a_submit_whose_answer_is_lost_is_one_request() {
    let platform = platform(App::unruly());
    let flaky = Flaky::start(platform.addr()).await.unwrap();
    let handle = at(&flaky.url()).submit("demo/lab", &json!({ "tag": "once" })).await.unwrap();
    assert!(handle.is_replay(), "the first answer was lost");
    handle.result::<Value>().await.unwrap();
    assert_eq!(platform.lab().tags(), ["once"]);
    // A direct call whose answer is lost is an error, and not made again.
    let flaky = Flaky::start(platform.addr()).await.unwrap();
    let lost =
        error(at(&flaky.url()).run::<_, Value>("demo/lab", &json!({ "tag": "twice" })).await);
    assert!(matches!(&lost, Error::Transport(_)) && !lost.is_unsent(), "{lost:?}");
    assert_eq!(platform.lab().tags(), ["once", "twice"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscribe_tells_of_the_way() {
    let platform = platform(App::unruly());
    let mut words = Vec::new();
    let call = client(&platform).queued("demo/lab").follow(Follow::streaming().with_logs());
    let asked = json!({ "print": "a line", "body": "{\"so\": \"it is\"}", "sleep_ms": 20 });
    let told = |status: &Status| {
        words.push(word(status).to_owned());
        words.extend(status.logs.iter().map(|line| line.message.clone()));
    };
    let output: Value = call.subscribe(&asked, told).await.unwrap();
    assert_eq!(output, json!({ "so": "it is" }));
    for wanted in ["a line", "over"] {
        assert_eq!(words.iter().filter(|word| *word == wanted).count(), 1, "{wanted}: {words:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscribe_that_is_given_up_cancels_where_it_is_told() {
    let platform = platform(App::unruly());
    let asked = json!({ "hold_cancel": true, "status": 499, "body": "{}", "tag": "held" });
    let call = client(&platform).queued("demo/lab").timeout(Duration::from_secs(2));
    let call = call.abandoned(Abandoned::Cancelled);
    let given_up = error(call.subscribe::<_, Value>(&asked, |_| ()).await);
    assert!(matches!(&given_up, Error::Timeout(_)), "{given_up:?}");
    let id = given_up.request_id().expect("it was submitted").to_owned();
    platform.queued(&id).ends(499);
    // Dropped, and left alone.
    let client = client(&platform);
    let asked = json!({ "hold": "let go", "tag": "left", "body": "7" });
    let subscribe = client.subscribe::<_, u32>("demo/lab", &asked);
    let called = tokio::task::spawn_blocking({
        let lab = platform.lab().clone();
        move || lab.called("left").request_id
    });
    let id = tokio::select! {
        ended = subscribe => panic!("{ended:?}"),
        id = called => id.unwrap(),
    };
    platform.lab().create("let go");
    let handle = client.handle("demo/lab", &id).unwrap();
    assert_eq!(handle.result::<u32>().await.unwrap(), 7, "it goes on");
}
