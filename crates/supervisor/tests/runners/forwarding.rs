//! Requests and answers.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use fal_supervisor::{BodyError, ForwardError, RequestBody, ResponseBody, Runner, UploadError};
use http::{Method, Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};

use crate::stage::{Stage, within};

fn request(path: &str, body: RequestBody) -> Request<RequestBody> {
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = path.parse().expect("a path");
    request
}

fn whole(path: &str) -> Request<RequestBody> {
    request(path, RequestBody::Whole(Bytes::from_static(b"hello")))
}

async fn ask(runner: &Runner, path: &str) -> Result<Response<ResponseBody>, ForwardError> {
    within(runner.forward(whole(path))).await
}

async fn read(response: Response<ResponseBody>) -> Result<String, BodyError> {
    let bytes = within(response.into_body().collect()).await?.to_bytes();
    Ok(String::from_utf8(bytes.to_vec()).expect("text"))
}

/// Which connection of the server answered, and the how manieth request on it that was.
async fn served_by(runner: &Runner, path: &str) -> (u32, u32) {
    let text = read(ask(runner, path).await.expect("an answer")).await.expect("a body");
    let (connection, number) = text.split_once(' ').expect("two numbers");
    (connection.parse().expect("a number"), number.parse().expect("a number"))
}

#[tokio::test]
async fn a_request_goes_there_and_its_answer_comes_back() {
    let stage = Stage::new();
    let (runner, _news) = stage.server().await;
    let response = ask(&runner, "/echo").await.expect("an answer");
    assert_eq!(response.status(), 200);
    assert_eq!(read(response).await.expect("a body"), "hello");

    let mut request = whole("/head");
    request.headers_mut().insert("x-mine", "1".parse().expect("a value"));
    let head =
        read(within(runner.forward(request)).await.expect("an answer")).await.expect("a body");
    let want = ["POST /head HTTP/1.1", "x-mine: 1", "content-length: 5"];
    assert!(want.iter().all(|line| head.contains(line)), "{head}");
    assert!(head.contains(&format!("host: 127.0.0.1:{}", runner.port())), "{head}");
}

#[tokio::test]
async fn a_connection_is_used_again_and_two_at_once_are_two() {
    let stage = Stage::new();
    let (runner, _news) = stage.server().await;
    let (first, _) = served_by(&runner, "/").await;
    assert_eq!(served_by(&runner, "/").await, (first, 2));
    let held = ask(&runner, "/").await.expect("an answer");
    let (second, number) = served_by(&runner, "/").await;
    assert_eq!((second > first, number), (true, 1));
    assert_eq!(read(held).await.expect("a body"), format!("{first} 3"));
}

#[tokio::test]
async fn an_answer_that_is_not_read_closes_its_connection() {
    let stage = Stage::new();
    let (runner, _news) = stage.server().await;
    let (first, _) = served_by(&runner, "/").await;
    drop(ask(&runner, "/hang-in-body").await.expect("an answer"));
    let (second, number) = served_by(&runner, "/").await;
    assert_eq!((second > first, number), (true, 1));
}

//= docs/contract.md#crash
//= type=test
//# A pooled connection that the runner closed before it answered anything on it MUST be replaced by a new one without blaming the runner.
#[tokio::test]
async fn a_used_connection_that_closes_before_any_answer_is_no_fault() {
    let stage = Stage::new();
    let (runner, _news) = stage.server().await;
    let (first, _) = served_by(&runner, "/").await;
    let (second, number) = served_by(&runner, "/drop-if-used").await;
    assert_eq!((second, number), (first + 1, 1));
}

#[tokio::test]
async fn a_new_connection_that_closes_before_any_answer_is_a_fault() {
    let stage = Stage::new();
    let (runner, _news) = stage.server().await;
    for _used in [false, true] {
        let broken = ask(&runner, "/drop").await.map(|_| ());
        assert!(matches!(broken, Err(ForwardError::Disconnected(_))), "{broken:?}");
        served_by(&runner, "/").await;
    }
}

#[tokio::test]
async fn a_connection_that_closes_within_the_head_is_a_fault_also_when_it_was_used() {
    let stage = Stage::new();
    let (runner, _news) = stage.server().await;
    let (first, _) = served_by(&runner, "/").await;
    let broken = ask(&runner, "/bad-half-head").await.map(|_| ());
    assert!(matches!(broken, Err(ForwardError::Disconnected(_))), "{broken:?}");
    // It was not sent a second time.
    assert_eq!(served_by(&runner, "/").await, (first + 1, 1));
}

#[tokio::test]
async fn a_runner_that_dies_with_the_request_is_a_broken_connection_also_when_it_was_used() {
    let stage = Stage::new();
    for used in [false, true] {
        let (runner, mut news) = stage.server().await;
        if used {
            served_by(&runner, "/").await;
        }
        let broken = ask(&runner, "/die").await.map(|_| ());
        assert!(matches!(broken, Err(ForwardError::Disconnected(_))), "{broken:?}");
        news.exit().await;
        let refused = ask(&runner, "/").await.map(|_| ());
        assert!(matches!(refused, Err(ForwardError::Refused)), "{refused:?}");
    }
}

#[tokio::test]
async fn what_a_runner_answered_before_it_died_arrives() {
    let stage = Stage::new();
    let (runner, mut news) = stage.server().await;
    let asked = ask(&runner, "/answer-and-die");
    let ended = async {
        news.exit().await;
        runner.cut();
    };
    let (response, ()) = tokio::join!(asked, ended);
    assert_eq!(read(response.expect("an answer")).await.expect("a body"), "last words");
    let refused = ask(&runner, "/").await.map(|_| ());
    assert!(matches!(refused, Err(ForwardError::Cut)), "{refused:?}");
}

//= docs/contract.md#truncation
//= type=test
//# Streams and longer bodies are forwarded as they come, and a cut MUST show as a cut.
#[tokio::test]
async fn a_body_cut_short_is_truncated_and_a_body_framed_badly_is_not() {
    let stage = Stage::new();
    let (runner, _news) = stage.server().await;
    for path in ["/bad-short", "/bad-short-chunked"] {
        let cut = read(ask(&runner, path).await.expect("a head")).await;
        assert!(matches!(cut, Err(BodyError::Truncated(_))), "{path}: {cut:?}");
    }
    let bad = read(ask(&runner, "/bad-chunk").await.expect("a head")).await;
    assert!(matches!(bad, Err(BodyError::Malformed(_))), "{bad:?}");
    let whole = read(ask(&runner, "/until-close").await.expect("a head")).await;
    assert_eq!(whole.expect("its end is the connection's"), "to the end");
}

#[tokio::test]
async fn a_head_has_a_limit() {
    let stage = Stage::new();
    let (runner, _news) = stage.server().await;
    for path in ["/bad-large-head", "/bad-huge-head", "/bad-many-headers"] {
        let refused = ask(&runner, path).await.map(|_| ());
        assert!(matches!(refused, Err(ForwardError::HeadTooLarge)), "{path}: {refused:?}");
    }
    let allowed = ask(&runner, "/bad-allowed-head").await.expect("an answer");
    assert_eq!(allowed.headers().len(), 16);
}

#[tokio::test]
async fn what_is_not_http_is_told_apart() {
    let stage = Stage::new();
    let (runner, _news) = stage.server().await;
    for path in ["/bad-garbage", "/bad-switch"] {
        let refused = ask(&runner, path).await.map(|_| ());
        assert!(matches!(refused, Err(ForwardError::Malformed(_))), "{path}: {refused:?}");
    }
    let after_hints = read(ask(&runner, "/hints").await.expect("an answer")).await;
    assert_eq!(after_hints.expect("a body"), "after hints");
}

//= docs/contract.md#in-flight-on-death
//= type=test
//# When a runner is terminated, its connections MUST be cut with it.
#[tokio::test]
async fn a_cut_ends_all_that_is_in_flight_and_refuses_the_rest() {
    let stage = Stage::new();
    let (runner, mut news) = stage.server().await;
    let begun = ask(&runner, "/hang-in-body").await.expect("a head");
    let hanging = ask(&runner, "/hang");
    let cutting = async {
        news.after("hanging").await;
        runner.cut();
    };
    let (hung, ()) = tokio::join!(hanging, cutting);
    let hung = hung.map(|_| ());
    assert!(matches!(hung, Err(ForwardError::Cut)), "{hung:?}");
    let body = read(begun).await;
    assert!(matches!(body, Err(BodyError::Cut)), "{body:?}");
    let refused = ask(&runner, "/").await.map(|_| ());
    assert!(matches!(refused, Err(ForwardError::Cut)), "{refused:?}");
}

/// A body in two parts, whose second may be an error.
struct Parts(Vec<Result<&'static str, UploadError>>);

impl Body for Parts {
    type Data = Bytes;
    type Error = UploadError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        Poll::Ready(
            self.0
                .pop()
                .map(|part| part.map(|part| Frame::data(Bytes::from_static(part.as_bytes())))),
        )
    }
}

#[tokio::test]
async fn a_streamed_body_goes_on_a_new_connection() {
    let stage = Stage::new();
    let (runner, _news) = stage.server().await;
    let (first, _) = served_by(&runner, "/").await;
    let body = RequestBody::Stream(Parts(vec![Ok("lo"), Ok("hel")]).boxed_unsync());
    let echoed = within(runner.forward(request("/echo", body))).await.expect("an answer");
    assert_eq!(read(echoed).await.expect("a body"), "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n");
    assert_eq!(served_by(&runner, "/").await, (first, 2));

    let sized = Full::new(Bytes::from_static(b"sized")).map_err(|never: Infallible| match never {});
    let body = RequestBody::Stream(sized.boxed_unsync());
    let echoed = within(runner.forward(request("/echo", body))).await.expect("an answer");
    assert_eq!(read(echoed).await.expect("a body"), "sized");
}

#[tokio::test]
async fn a_streamed_body_that_breaks_is_not_the_runner_s_fault() {
    let stage = Stage::new();
    let (runner, _news) = stage.server().await;
    let gone = UploadError("the caller hung up".to_owned());
    let body = RequestBody::Stream(Parts(vec![Err(gone.clone()), Ok("hel")]).boxed_unsync());
    let broken = within(runner.forward(request("/echo", body))).await;
    assert!(matches!(broken, Err(ForwardError::Upload(ref error)) if *error == gone), "{broken:?}");
}
