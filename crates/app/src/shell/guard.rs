//! The last look at every answer: a 503 that nobody earned becomes a 500.
//!
//! A 503 ends this process. Types keep endpoints from sending one by accident; a layer or a route
//! that the author added can still do it, as load shedders do by habit, and only the running
//! program sees that. So the guard is applied last, outside of everything else.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use fal_policy::RunnerBroken;
use http::{Response, StatusCode};

use crate::shell::{answer, body::Body};

/// Whether this request has seen evidence. It stands with the request and not with an answer, which
/// a layer may copy, keep for others, or build anew. It travels through the author's layers among the
/// request's extensions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proof(Arc<AtomicBool>);

impl Proof {
    /// The evidence was seen.
    pub(crate) fn earn(&self, _: &RunnerBroken) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether this is a 503 that rests on nothing.
    pub(crate) fn is_missing(&self, response: &Response<Body>) -> bool {
        response.status() == StatusCode::SERVICE_UNAVAILABLE && !self.0.load(Ordering::Acquire)
    }
}

/// The 500 that goes out in place of it.
pub(crate) fn refuse(endpoint: &str) -> Response<Body> {
    //= docs/contract.md#unearned-503
    //# A 503 from anywhere else in such an app MUST be turned into a 500, with an error in the log
    //# that names the endpoint.
    tracing::error!(
        endpoint,
        "a 503 without evidence was turned into a 500: it would have ended this runner; only an \
         error variant marked #[runner_broken] may send it"
    );
    answer::internal()
}
