//! What a request knows, and how it is cancelled.

use super::*;

fn with(headers: &[(&'static str, &'static str)]) -> Request {
    let pairs = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    Request::new("/", pairs.collect(), Proof::default())
}

#[test]
//= docs/contract.md#request-attempt
//= type=test
//# An endpoint of `fal-app` MUST find both in its request.
fn a_request_knows_its_attempt_and_its_deadline() {
    let request = with(&[("x-fal-attempt", "3"), ("x-fal-time-left", "29.5")]);
    assert_eq!(request.attempt(), 3);
    let left = request.time_left().expect("the platform said it");
    assert!(left <= Duration::from_millis(29_500), "{left:?}");
    assert!(left > Duration::ZERO, "{left:?}");
}

#[test]
fn without_a_platform_there_is_one_attempt_and_no_deadline() {
    for request in [with(&[]), with(&[("x-fal-attempt", "x"), ("x-fal-time-left", "-1")])] {
        assert_eq!((request.attempt(), request.deadline()), (1, None));
        assert_eq!(request.id(), None);
    }
}

#[tokio::test]
async fn a_cancelled_request_stops_its_work() {
    let request = Request::default();
    assert_eq!(request.until_cancelled(async { 7 }).await, Ok(7));
    request.cancel();
    let never = request.until_cancelled(std::future::pending::<()>()).await;
    assert_eq!(never, Err(Cancelled));
    request.cancelled().await;
}

#[tokio::test]
async fn those_who_wait_already_hear_of_it() {
    let request = Request::default();
    let waiting = tokio::spawn({
        let request = request.clone();
        async move { request.cancelled().await }
    });
    tokio::task::yield_now().await;
    request.cancel();
    waiting.await.expect("it was told");
}

#[test]
fn outside_of_a_request_there_is_nothing_to_say_it_on() {
    stop_runner();
    assert!(current().is_none());
    assert_eq!((id(), endpoint(), header("accept")), (None, None, None));
    assert!(!note_panic("here".to_owned()));
}
