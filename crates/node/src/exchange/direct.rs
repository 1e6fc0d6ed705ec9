//! A direct call: one attempt, and the runner's answer as it is.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use fal_access::Pass;
use fal_engine::{Input, Reported};
use fal_policy::{Call, Outcome, Reply};
use fal_supervisor::{ForwardError, UploadError};
use fal_types::{LeaseId, Moment, Problem, RequestId};
use http::{HeaderMap, HeaderValue, Method, Request, Response, uri::PathAndQuery};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::time::Sleep;

use crate::{
    Body, RequestBody, UploadBody,
    body::Open,
    conductor::{Admitted, Conductor},
    exchange::{self, HELD, Lease},
    runners::Slot,
};

/// A direct call, as the gateway hands it over: headers are already those that a runner may see.
#[derive(Debug)]
pub struct DirectCall {
    /// The id that caller and runner know the call by.
    pub request: RequestId,
    /// The method.
    pub method: Method,
    /// The path below the app, with the query.
    pub path: PathAndQuery,
    /// The headers for the runner.
    pub headers: HeaderMap,
    /// The body.
    pub body: RequestBody,
    /// How long the call may wait for a runner, where its caller said so.
    pub start_timeout: Option<Duration>,
    /// Its place among the calls of its key, which it has until its slot is free.
    pub pass: Option<Pass>,
}

/// What [`Refusal::upload`] says when `request_timeout` has passed before the caller had sent its body.
pub const LATE_UPLOAD: &str = "the request body did not arrive within request_timeout";

/// Why a direct call has no answer of a runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The platform's error.
    pub problem: Problem,
    /// The runner it was sent to, if it was sent.
    pub runner: Option<fal_types::RunnerId>,
    /// What was wrong with the caller's own body, if that was the reason.
    pub upload: Option<UploadError>,
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self { problem, runner: None, upload: None }
    }
}

type Answered = Result<(Response<Body>, HeaderValue), Refusal>;

/// Sends a call to a runner of this app, once.
pub(crate) async fn call(conductor: &Arc<Conductor>, mut call: DirectCall) -> Answered {
    let lease = take_slot(conductor, &mut call).await?;
    let slot = Arc::clone(lease.slot());
    let (path, request) = (call.path.clone(), call.request);
    let held = lease.id().map(|lease| (Arc::clone(conductor), lease));
    let limit = conductor.current().options.request_timeout;
    let task = Box::pin(attempt(lease, Arc::clone(&slot), call, limit));
    Attended { task: Some(task), slot, path, request, held }.await
}

/// Waits for a slot, and tells the call about its attempt.
pub(super) async fn take_slot(
    conductor: &Arc<Conductor>,
    call: &mut DirectCall,
) -> Result<Lease, Problem> {
    let mut lease = wait(conductor, call.start_timeout).await?;
    lease.enter(call.request, Call::Direct);
    lease.carry(call.pass.take());
    exchange::tell_attempt(&mut call.headers, 1, &conductor.current().time_left);
    Ok(lease)
}

/// Waits for a slot, at most until the call's deadline.
async fn wait(conductor: &Arc<Conductor>, start: Option<Duration>) -> Result<Lease, Problem> {
    let (until, late) = deadline(conductor, start);
    match conductor.admit(until, late) {
        Admitted::Granted(lease) => Ok(lease),
        Admitted::Refused(problem) => Err(problem),
        Admitted::Waiting(call, word) => {
            let mut waiter = Waiter { conductor, call: Some(call) };
            let word = word.await;
            waiter.call = None;
            word.unwrap_or(Err(Problem::Internal))
        }
    }
}

//= docs/contract.md#direct-wait
//# A direct call that finds no ready runner MUST wait for one, at most `startup_timeout`, and then get 504 `startup_timeout`.
fn deadline(conductor: &Arc<Conductor>, start: Option<Duration>) -> (Moment, Problem) {
    let now = conductor.clock().now();
    let current = conductor.current();
    let platform = current.options.settings.limits.startup_timeout;
    match start.or(current.options.request_start_timeout) {
        Some(caller) if caller <= platform => (now + caller, Problem::StartDeadline),
        Some(_) | None => (now + platform, Problem::StartupTimeout),
    }
}

/// Withdraws the call when its caller leaves while it waits.
struct Waiter<'a> {
    conductor: &'a Arc<Conductor>,
    call: Option<fal_engine::CallId>,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        if let Some(call) = self.call {
            self.conductor.withdraw(call);
        }
    }
}

/// The attempt itself, which goes on without its caller if it must: the runner works whether anybody waits or
/// not, and its slot is free only when it is done.
struct Attended<F: Future<Output = Answered> + Send + 'static> {
    task: Option<Pin<Box<F>>>,
    slot: Arc<Slot>,
    path: PathAndQuery,
    request: RequestId,
    held: Option<(Arc<Conductor>, LeaseId)>,
}

impl<F: Future<Output = Answered> + Send + 'static> Future for Attended<F> {
    type Output = Answered;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answered> {
        let Some(task) = self.task.as_mut() else { return Poll::Pending };
        let answered = task.as_mut().poll(cx);
        if answered.is_ready() {
            self.task = None;
        }
        answered
    }
}

impl<F: Future<Output = Answered> + Send + 'static> Drop for Attended<F> {
    //= docs/contract.md#abandoned
    //# A caller that hangs up MUST NOT count as a fault of the runner, and the runner is kept.
    fn drop(&mut self) {
        let Some(task) = self.task.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (slot, path, request) = (Arc::clone(&self.slot), self.path.clone(), self.request);
        tracing::debug!(%request, runner = %slot.name, "caller left; the runner gets the cancel signal");
        runtime.spawn(async move { exchange::signal_cancel(&slot, path.path(), request).await });
        runtime.spawn(async move { drop(task.await) });
        // In a task of its own: this may be dropped by a caller that holds the engine's lock.
        if let Some((conductor, lease)) = self.held.take() {
            runtime.spawn(async move { conductor.drive(Input::CallerLeft { lease }) });
        }
    }
}

async fn attempt(lease: Lease, slot: Arc<Slot>, call: DirectCall, limit: Duration) -> Answered {
    let mut deadline = Box::pin(tokio::time::sleep(limit));
    let (call, uploaded) = attend_upload(call);
    let (path, request) = (call.path.clone(), call.request);
    let sent = tokio::select! {
        biased;
        sent = slot.runner.forward(outgoing(call)) => sent,
        () = &mut deadline => return late(lease, &slot, uploaded.as_deref()),
    };
    match sent {
        Ok(response) => answered((lease, &slot), response, (path, request), &mut deadline).await,
        Err(ForwardError::Upload(upload)) => {
            let refusal = refused(lease, &slot, exchange::reported(Outcome::Abandoned));
            Err(Refusal { upload: Some(upload), ..refusal })
        }
        Err(error) => Err(refused(lease, &slot, exchange::failure(&error))),
    }
}

/// Passes on what a runner has begun to answer.
pub(super) async fn answered(
    (lease, slot): (Lease, &Slot),
    response: Response<fal_supervisor::ResponseBody>,
    (path, request): (PathAndQuery, RequestId),
    deadline: &mut Pin<Box<Sleep>>,
) -> Answered {
    let (head, body) = response.into_parts();
    let reported = exchange::answer(head.status, &head.headers);
    let body = match body.size_hint().exact() {
        Some(length) if length <= HELD => match whole(body, deadline).await {
            Ok(bytes) => {
                let _direct_calls_have_none = lease.settle(reported);
                Body::whole(bytes)
            }
            Err(outcome) => return Err(refused(lease, slot, exchange::reported(outcome))),
        },
        Some(_) | None => {
            let open = Open { inner: body, lease, reported, path, request };
            Body::stream(open, deadline.deadline())
        }
    };
    Ok((Response::from_parts(head, body), slot.served_from.clone()))
}

//= docs/contract.md#truncation
//# A body of known length up to 64 KiB MUST be read whole before its status is passed on, so that a cut is 502 `runner_incomplete_response`.
async fn whole(
    body: fal_supervisor::ResponseBody,
    deadline: &mut Pin<Box<Sleep>>,
) -> Result<Bytes, Outcome> {
    tokio::select! {
        biased;
        collected = body.collect() => {
            collected.map(http_body_util::Collected::to_bytes).map_err(|error| exchange::cut_short(&error))
        }
        () = deadline => Err(Outcome::TimedOut),
    }
}

/// Notes when a streamed body has been sent to its end.
fn attend_upload(mut call: DirectCall) -> (DirectCall, Option<Arc<AtomicBool>>) {
    let inner = match call.body {
        RequestBody::Whole(_) => return (call, None),
        RequestBody::Stream(inner) => inner,
    };
    let whole = Arc::new(AtomicBool::new(false));
    let body = Upload { inner, whole: Arc::clone(&whole) };
    call.body = RequestBody::Stream(body.boxed_unsync());
    (call, Some(whole))
}

/// A body on its way to the runner.
struct Upload {
    inner: UploadBody,
    whole: Arc<AtomicBool>,
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = UploadError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        let this = self.get_mut();
        let frame = Pin::new(&mut this.inner).poll_frame(cx);
        if matches!(frame, Poll::Ready(None)) || this.inner.is_end_stream() {
            this.whole.store(true, Ordering::Release);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// `request_timeout` has passed. While the caller still sends its body, the silence is not the runner's.
fn late(lease: Lease, slot: &Slot, uploaded: Option<&AtomicBool>) -> Answered {
    if uploaded.is_none_or(|whole| whole.load(Ordering::Acquire)) {
        return Err(refused(lease, slot, exchange::reported(Outcome::TimedOut)));
    }
    let upload = UploadError(LATE_UPLOAD.to_owned());
    let refusal = refused(lease, slot, exchange::reported(Outcome::Abandoned));
    Err(Refusal { upload: Some(upload), ..refusal })
}

/// Settles an attempt that ended without a response, and answers what the caller gets.
pub(super) fn refused(lease: Lease, slot: &Slot, reported: Reported) -> Refusal {
    let problem = match (reported.problem, fal_policy::reply(&reported.outcome)) {
        (Some(problem), _) | (None, Reply::Platform(problem)) => problem,
        (None, Reply::Verbatim) => Problem::Internal,
    };
    let _direct_calls_have_none = lease.settle(reported);
    Refusal { problem, runner: Some(slot.id), upload: None }
}

pub(super) fn outgoing(call: DirectCall) -> Request<RequestBody> {
    let mut request = Request::new(call.body);
    *request.method_mut() = call.method;
    *request.uri_mut() = call.path.into();
    *request.headers_mut() = call.headers;
    request
}
