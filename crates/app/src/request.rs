//! The request that the running task is serving.
//!
//! These functions work inside an endpoint and inside the stream it returned; elsewhere (also on a
//! thread that the endpoint started) they know of no request and do nothing.

use std::{cell::RefCell, mem, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, header};

tokio::task_local! {
    static CURRENT: RefCell<Serving>;
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-fal-request-id");
const STOP_RUNNER: HeaderName = HeaderName::from_static("x-fal-stop-runner");
const HEALTH_CHECK: HeaderName = HeaderName::from_static("x-fal-runner-health-check");
const BILLABLE_UNITS: HeaderName = HeaderName::from_static("x-fal-billable-units");

/// What is known of a request while it is served, and what its answer will carry.
#[derive(Debug, Default)]
pub(crate) struct Serving {
    pub(crate) endpoint: &'static str,
    pub(crate) headers: HeaderMap,
    pub(crate) outgoing: Vec<(HeaderName, HeaderValue)>,
    /// Where the endpoint panicked: the panic hook knows it, the answer is made elsewhere.
    pub(crate) panicked_at: Option<String>,
}

impl Serving {
    pub(crate) fn new(endpoint: &'static str, headers: HeaderMap) -> Self {
        Self { endpoint, headers, ..Self::default() }
    }
}

/// The platform's id of this attempt's request.
#[must_use]
pub fn id() -> Option<String> {
    read(|serving| text(&serving.headers, &REQUEST_ID)).flatten()
}

/// The path of the endpoint that is running.
#[must_use]
pub fn endpoint() -> Option<&'static str> {
    read(|serving| serving.endpoint).filter(|endpoint| !endpoint.is_empty())
}

/// A header of the request; `None` if there is none, or if it is not text.
#[must_use]
pub fn header(name: &str) -> Option<String> {
    read(|serving| serving.headers.get(name)?.to_str().ok().map(str::to_owned)).flatten()
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
    write(|serving| {
        serving.outgoing.retain(|(earlier, _)| *earlier != name);
        serving.outgoing.push((name, value));
    });
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn read<T>(look: impl FnOnce(&Serving) -> T) -> Option<T> {
    CURRENT.try_with(|serving| look(&serving.borrow())).ok()
}

fn write(change: impl FnOnce(&mut Serving)) {
    // Outside of a request there is nothing to change, as the module's text says.
    let _outside = CURRENT.try_with(|serving| change(&mut serving.borrow_mut()));
}

/// Notes where the running request panicked; `false` if no request is running here.
pub(crate) fn note_panic(at: String) -> bool {
    let note = |serving: &RefCell<Serving>| match serving.try_borrow_mut() {
        Ok(mut serving) => serving.panicked_at = Some(at),
        Err(_busy) => {}
    };
    CURRENT.try_with(note).is_ok()
}

/// Where the running request panicked, if it did and the panic hook is ours.
pub(crate) fn panicked_at() -> Option<String> {
    read(|serving| serving.panicked_at.clone()).flatten()
}

/// Takes what is known of the current request, for the stream that outlives its endpoint.
pub(crate) fn take() -> Serving {
    CURRENT.try_with(|serving| mem::take(&mut *serving.borrow_mut())).unwrap_or_default()
}

/// Runs a future as the one that serves this request.
pub(crate) fn scope<F: Future>(serving: Serving, future: F) -> impl Future<Output = F::Output> {
    CURRENT.scope(RefCell::new(serving), future)
}

/// Runs a step of a stream as the one that serves this request, and gives the request back.
pub(crate) fn step<T>(serving: &mut Serving, step: impl FnOnce() -> T) -> T {
    let (result, after) = CURRENT.sync_scope(RefCell::new(mem::take(serving)), || (step(), take()));
    *serving = after;
    result
}
