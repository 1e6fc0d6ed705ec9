//! The request that is being served: as a value, and for code that has none at hand.
//!
//! An endpoint that takes a [`Request`] may ask it for its id, its attempt, its headers, its
//! deadline and whether it was cancelled. The functions of this module are for code further inside:
//! they speak of the request that the running task serves, also on the thread of a blocking
//! endpoint and inside a stream. Elsewhere they know of none and do nothing.
//!
//! What they say for the answer goes out with its head, so inside a stream it is too late for that.
//! An error's own `#[status(..)]` counts more than what was said before, and a panic takes it back.

use std::{
    fmt, mem,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use fal_policy::AppStatus;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use parking_lot::Mutex;
use tokio::{pin, select, sync::Notify};

use crate::{
    endpoint::error::{Answered, EndpointError, Failures, Sealed},
    shell::guard::Proof,
};

tokio::task_local! {
    static CURRENT: Request;
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-fal-request-id");
const ATTEMPT: HeaderName = HeaderName::from_static("x-fal-attempt");
const TIME_LEFT: HeaderName = HeaderName::from_static("x-fal-time-left");
const STOP_RUNNER: HeaderName = HeaderName::from_static("x-fal-stop-runner");
const HEALTH_CHECK: HeaderName = HeaderName::from_static("x-fal-runner-health-check");
const BILLABLE_UNITS: HeaderName = HeaderName::from_static("x-fal-billable-units");

/// A request while it is served. Cheap to clone; a clone is the same request.
///
/// ```
/// use fal_app::prelude::*;
///
/// # struct Painter;
/// # #[derive(Debug, thiserror::Error, AppError)]
/// # #[error("failed")]
/// # #[status(500)]
/// # struct Failed;
/// # impl Painter {
/// async fn paint(&self, request: &Request) -> Result<u32, Failed> {
///     let mut steps = 0;
///     while steps < 50 && !request.is_cancelled() {
///         steps += 1;
///     }
///     Ok(steps)
/// }
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Request(Arc<Inner>);

#[derive(Default)]
struct Inner {
    endpoint: &'static str,
    headers: HeaderMap,
    /// When its head was read; `None` for one that never arrived.
    arrived: Option<Instant>,
    proof: Proof,
    cancelled: AtomicBool,
    /// Wakes those who wait for the cancellation; told only after the flag is set.
    word: Notify,
    told: Mutex<Told>,
}

/// What a request's own code said about its answer.
#[derive(Debug, Default)]
struct Told {
    outgoing: Vec<(HeaderName, HeaderValue)>,
    /// Whether the answer's head is gone.
    is_sent: bool,
    /// Where the endpoint panicked: the panic hook knows it, the answer is made elsewhere.
    panicked_at: Option<String>,
}

impl Request {
    pub(crate) fn new(endpoint: &'static str, headers: HeaderMap, proof: Proof) -> Self {
        #[expect(clippy::disallowed_methods, reason = "its deadline is counted from its arrival")]
        let arrived = Some(Instant::now());
        Self(Arc::new(Inner { endpoint, headers, arrived, proof, ..Inner::default() }))
    }

    /// Whether it may be answered with 503.
    pub(crate) fn proof(&self) -> &Proof {
        &self.0.proof
    }

    /// The platform's id of this request; every attempt at it has the same. `None` without a
    /// platform.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        text(&self.0.headers, &REQUEST_ID)
    }

    /// The path of the endpoint that serves it.
    #[must_use]
    pub fn endpoint(&self) -> &'static str {
        self.0.endpoint
    }

    /// Which attempt at the request this is: 1 for the first. A direct call has one.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.number(&ATTEMPT).unwrap_or(1)
    }

    /// A header's value; `None` if there is none, or if it is not text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.headers.get(name)?.to_str().ok()
    }

    /// All headers, as they came from the platform.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// When the platform stops waiting for this attempt, and ends the runner. `None` without a
    /// platform.
    //= docs/contract.md#request-attempt
    //# An endpoint of `fal-app` MUST find both in its request.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let left = self.number::<f64>(&TIME_LEFT)?;
        self.0.arrived?.checked_add(Duration::try_from_secs_f64(left).ok()?)
    }

    /// What is left until the [deadline](Self::deadline); nothing when it has passed.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        #[expect(clippy::disallowed_methods, reason = "what is left depends on when one asks")]
        let now = Instant::now();
        Some(self.deadline()?.saturating_duration_since(now))
    }

    /// Whether nobody wants the answer any more: the request was cancelled, or its caller left.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Acquire)
    }

    /// Returns when nobody wants the answer any more. Safe to drop and to call again.
    pub async fn cancelled(&self) {
        let word = self.0.word.notified();
        pin!(word);
        // Registered before the flag is read, so that no word is missed in between.
        word.as_mut().enable();
        if !self.is_cancelled() {
            word.await;
        }
    }

    /// Works until the request is cancelled: then the work is dropped where it awaits.
    ///
    /// # Errors
    /// [`Cancelled`], which answers 499, when the request was cancelled first.
    pub async fn until_cancelled<F: Future>(&self, work: F) -> Result<F::Output, Cancelled> {
        select! {
            biased;
            done = work => Ok(done),
            () = self.cancelled() => Err(Cancelled),
        }
    }

    /// Tells everybody who works for this request that they need not.
    pub(crate) fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Release);
        self.0.word.notify_waiters();
    }

    /// Takes the headers that its code wants on the answer, whose head is sent now.
    pub(crate) fn take_outgoing(&self) -> Vec<(HeaderName, HeaderValue)> {
        let mut told = self.0.told.lock();
        told.is_sent = true;
        mem::take(&mut told.outgoing)
    }

    /// The endpoint did not get to its answer, so what it said for it is not meant any more. Its wish
    /// for a health check stands.
    pub(crate) fn retract(&self) {
        self.0.told.lock().outgoing.retain(|(name, _)| *name == HEALTH_CHECK);
    }

    /// Where its endpoint panicked, if it did and the panic hook is ours.
    pub(crate) fn panicked_at(&self) -> Option<String> {
        self.0.told.lock().panicked_at.clone()
    }

    /// Runs a future as the one that serves this request.
    pub(crate) fn scope<F: Future>(&self, future: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self.clone(), future)
    }

    /// Runs a function as the one that serves this request.
    pub(crate) fn enter<T>(&self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self.clone(), work)
    }

    fn number<T: std::str::FromStr>(&self, name: &HeaderName) -> Option<T> {
        text(&self.0.headers, name)?.trim().parse().ok()
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("id", &self.id())
            .field("endpoint", &self.endpoint())
            .field("attempt", &self.attempt())
            .field("cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}

/// The request was cancelled before its work was done: answers 499.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request was cancelled")]
pub struct Cancelled;

impl EndpointError for Cancelled {
    fn answer(&self, _: Sealed) -> Answered<'_> {
        const { Answered::failed(AppStatus::CLIENT_CLOSED_REQUEST) }
    }

    fn failures(failures: &mut Failures) {
        let answered = Answered::failed(AppStatus::CLIENT_CLOSED_REQUEST);
        failures.add("Cancelled", "the request was cancelled", answered);
    }
}

/// What an endpoint takes beside its input: the request, and nothing else.
#[diagnostic::on_unimplemented(
    message = "an endpoint cannot take `{Self}` as its request",
    label = "not the request of `fal_app`",
    note = "take `request: &Request` with `use fal_app::prelude::*;`",
    note = "an argument whose type is called `Request` is taken as the request: if this is the \
            endpoint's input, give the type another name"
)]
pub trait TakenRequest {
    /// The request itself.
    fn taken(request: Request) -> Self;
}

impl TakenRequest for Request {
    fn taken(request: Request) -> Self {
        request
    }
}

/// The request that the running task serves.
#[must_use]
pub fn current() -> Option<Request> {
    CURRENT.try_with(Request::clone).ok()
}

/// The platform's id of the running task's request.
#[must_use]
pub fn id() -> Option<String> {
    read(|request| request.id().map(str::to_owned)).flatten()
}

/// The path of the endpoint that is running.
#[must_use]
pub fn endpoint() -> Option<&'static str> {
    read(Request::endpoint).filter(|endpoint| !endpoint.is_empty())
}

/// A header of the request; `None` if there is none, or if it is not text.
#[must_use]
pub fn header(name: &str) -> Option<String> {
    read(|request| request.header(name).map(str::to_owned)).flatten()
}

/// Asks the platform to end this runner after the answer, whatever the status says.
pub fn stop_runner() {
    send(STOP_RUNNER, HeaderValue::from_static("1"));
}

/// Asks the platform to keep this runner after the answer, whatever the status says.
pub fn keep_runner() {
    send(STOP_RUNNER, HeaderValue::from_static("0"));
}

/// Asks the platform to probe this runner's health now.
pub fn ask_health_check() {
    send(HEALTH_CHECK, HeaderValue::from_static("true"));
}

/// Says when a retry makes sense, in whole seconds; the platform heeds it on 429.
pub fn retry_after(wait: Duration) {
    send(header::RETRY_AFTER, HeaderValue::from(wait.as_secs()));
}

/// Bills this answer with so many units.
pub fn billable_units(units: u64) {
    send(BILLABLE_UNITS, HeaderValue::from(units));
}

fn send(name: HeaderName, value: HeaderValue) {
    // Outside of a request there is nothing to say it on, as the module's text says.
    let _outside = CURRENT.try_with(|request| {
        let mut told = request.0.told.lock();
        if told.is_sent {
            tracing::warn!(%name, "too late: the head of the answer has been sent");
        }
        told.outgoing.retain(|(earlier, _)| *earlier != name);
        told.outgoing.push((name, value));
    });
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn read<T>(look: impl FnOnce(&Request) -> T) -> Option<T> {
    CURRENT.try_with(look).ok()
}

/// Notes where the running request panicked; `false` if no request is running here.
pub(crate) fn note_panic(at: String) -> bool {
    // A panic while this very lock is held finds it taken, and is then told without its place.
    read(|request| {
        if let Some(mut told) = request.0.told.try_lock() {
            told.panicked_at = Some(at);
        }
    })
    .is_some()
}

#[cfg(test)]
mod tests;
