//! What an endpoint's error says over HTTP.
//!
//! `#[derive(AppError)]` writes [`EndpointError`], so that every variant names its status. The
//! only way to 503 leads through [`Evidence`] that the runner is broken, because a 503 ends the
//! process that sent it.

use std::{error::Error, sync::Arc};

use fal_policy::{AppStatus, RunnerBroken};

/// An endpoint's error type: `#[derive(AppError)]` writes this.
///
/// The message a caller sees is the error's `Display`; its `source` goes to the log only.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an endpoint's error: it does not say which status each failure \
               has",
    label = "not an endpoint error",
    note = "write an enum with `#[derive(Debug, thiserror::Error, AppError)]` and put \
            `#[status(..)]` on each variant"
)]
pub trait EndpointError: Error + Send + 'static {
    /// The status and the headers of this failure.
    fn answer(&self, seal: Sealed) -> Answered<'_>;
}

/// Keeps [`EndpointError`] to the derive: only the app shell can make one.
#[derive(Debug)]
pub struct Sealed(pub(crate) ());

/// What a failure answers: a status, and what the platform is told about a retry.
#[derive(Debug)]
#[must_use]
pub struct Answered<'e> {
    pub(crate) status: Answer<'e>,
    pub(crate) needs_retry: Option<bool>,
    pub(crate) error_type: Option<&'static str>,
}

/// The status of a failure; 503 has no number here, it has evidence.
#[derive(Debug)]
pub(crate) enum Answer<'e> {
    Failed(AppStatus),
    Broken(&'e RunnerBroken),
}

impl<'e> Answered<'e> {
    /// The request failed with this status; the runner is fine.
    pub const fn failed(status: AppStatus) -> Self {
        Self { status: Answer::Failed(status), needs_retry: None, error_type: None }
    }

    /// The runner is broken: 503, and the platform ends this process.
    pub fn broken<E: Evidence + ?Sized>(evidence: &'e E) -> Self {
        Self { status: Answer::Broken(evidence.broken()), needs_retry: None, error_type: None }
    }

    /// Tells the platform whether to retry, whatever the status would say.
    #[expect(
        clippy::fn_params_excessive_bools,
        reason = "the attribute says `needs_retry = true`, and so does what it generates"
    )]
    pub const fn needs_retry(mut self, needs_retry: bool) -> Self {
        self.needs_retry = Some(needs_retry);
        self
    }

    /// Names the failure in the header `x-fal-error-type`: a token such as `quota_exceeded`.
    pub const fn error_type(mut self, error_type: &'static str) -> Self {
        self.error_type = Some(error_type);
        self
    }
}

/// A payload that proves the runner broken: what a variant marked `#[runner_broken]` must carry.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not prove that the runner is broken",
    label = "no evidence",
    note = "a 503 ends this process and its loaded model: carry a `RunnerBroken`, which \
            `RunnerBroken::declare(\"why\")` makes",
    note = "if only this request failed, use `#[status(500)]` instead"
)]
pub trait Evidence {
    /// The proof itself.
    fn broken(&self) -> &RunnerBroken;
}

impl Evidence for RunnerBroken {
    fn broken(&self) -> &RunnerBroken {
        self
    }
}

impl<E: Evidence + ?Sized> Evidence for Box<E> {
    fn broken(&self) -> &RunnerBroken {
        (**self).broken()
    }
}

impl<E: Evidence + ?Sized> Evidence for Arc<E> {
    fn broken(&self) -> &RunnerBroken {
        (**self).broken()
    }
}
