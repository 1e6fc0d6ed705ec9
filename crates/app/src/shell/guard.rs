//! The last look at every answer: a 503 that nobody earned becomes a 500.
//!
//! A 503 ends this process. Types keep endpoints from sending one by accident; a layer or a route
//! that the author added can still do it, as load shedders do by habit, and only the running
//! program sees that. So the guard is applied last, outside of everything else.

use fal_policy::RunnerBroken;
use http::{Response, StatusCode};

use crate::shell::{answer, body::Body};

/// Marks a response whose 503 rests on evidence. Only [`earned`] makes one.
#[derive(Debug, Clone)]
struct Proof(());

/// The same response, marked: the evidence was seen.
pub(crate) fn earned(_: &RunnerBroken, mut response: Response<Body>) -> Response<Body> {
    response.extensions_mut().insert(Proof(()));
    response
}

/// Whether this is a 503 that rests on nothing.
pub(crate) fn is_unearned(response: &Response<Body>) -> bool {
    response.status() == StatusCode::SERVICE_UNAVAILABLE
        && response.extensions().get::<Proof>().is_none()
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
