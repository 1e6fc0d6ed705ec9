//! What an endpoint's error says over HTTP.
//!
//! `#[derive(AppError)]` writes [`EndpointError`], so that every variant names its status. The
//! only way to 503 leads through [`Evidence`] that the runner is broken, because a 503 ends the
//! process that sent it.

use std::{any::TypeId, collections::BTreeSet, convert::Infallible, error::Error, sync::Arc};

use fal_policy::{AppStatus, Flag, RunnerBroken};

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

    /// Every way to fail, for the app's description.
    fn failures(failures: &mut Failures);
}

/// Keeps [`EndpointError`] to the derive: only the app shell can make one.
#[derive(Debug)]
pub struct Sealed(pub(crate) ());

/// What a failure answers: a status, and what the platform is told beside it.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct Answered<'e> {
    pub(crate) status: Answer<'e>,
    pub(crate) needs_retry: Option<Flag>,
    pub(crate) stop_runner: Option<Flag>,
    pub(crate) error_type: Option<&'static str>,
    pub(crate) field: Option<&'static str>,
    pub(crate) billable_units: Option<&'static str>,
    /// The number that belongs to the error's type, and its name.
    pub(crate) ctx: Option<(&'static str, u64)>,
}

/// The status of a failure; 503 has no number here, it has evidence.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer<'e> {
    Failed(AppStatus),
    Broken(&'e RunnerBroken),
}

#[expect(
    clippy::fn_params_excessive_bools,
    reason = "the attribute says `needs_retry = true`, and so does what it generates"
)]
impl<'e> Answered<'e> {
    /// The request failed with this status; the runner is fine.
    pub const fn failed(status: AppStatus) -> Self {
        Self::new(Answer::Failed(status))
    }

    /// The runner is broken: 503, and the platform ends this process.
    pub fn broken<E: Evidence + ?Sized>(evidence: &'e E) -> Self {
        Self::new(Answer::Broken(evidence.broken()))
    }

    const fn new(status: Answer<'e>) -> Self {
        let (needs_retry, stop_runner) = (None, None);
        Self {
            status,
            needs_retry,
            stop_runner,
            error_type: None,
            field: None,
            billable_units: None,
            ctx: None,
        }
    }

    /// Tells the platform whether to retry, whatever the status would say.
    pub const fn needs_retry(mut self, needs_retry: bool) -> Self {
        self.needs_retry = Some(flag(needs_retry));
        self
    }

    /// Tells the platform whether to end this runner, whatever the status would say.
    pub const fn stop_runner(mut self, stop_runner: bool) -> Self {
        self.stop_runner = Some(flag(stop_runner));
        self
    }

    /// Names the failure, as in `file_too_large`: in the body, and in a header.
    pub const fn error_type(mut self, error_type: &'static str) -> Self {
        self.error_type = Some(error_type);
        self
    }

    /// Says which field of the input is to blame.
    pub const fn field(mut self, field: &'static str) -> Self {
        self.field = Some(field);
        self
    }

    /// Says the number that belongs to the error's type, as `max_size` to `file_too_large`.
    pub const fn ctx(mut self, name: &'static str, value: u64) -> Self {
        self.ctx = Some((name, value));
        self
    }

    /// Whether the body is the list by which fal tells what is wrong with the input or the model.
    pub(crate) const fn is_of_model(&self) -> bool {
        is_of_model(self.error_type, self.field)
    }

    /// Bills the failure with so many units: a decimal number.
    pub const fn billable_units(mut self, units: &'static str) -> Self {
        self.billable_units = Some(units);
        self
    }
}

#[expect(clippy::fn_params_excessive_bools, reason = "it turns one into what it means")]
const fn flag(yes: bool) -> Flag {
    if yes { Flag::Yes } else { Flag::No }
}

const fn is_of_model(error_type: Option<&str>, field: Option<&str>) -> bool {
    error_type.is_some() || field.is_some()
}

/// Every way to fail that an error type declares.
#[derive(Debug, Default)]
pub struct Failures {
    pub(crate) cases: Vec<Case>,
    /// It takes its status from somewhere else while the program runs.
    pub(crate) any: bool,
    /// The errors that were asked already: one may hold another of its own kind.
    seen: BTreeSet<TypeId>,
}

/// One way to fail.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) status: u16,
    pub(crate) needs_retry: Option<Flag>,
    pub(crate) stop_runner: Option<Flag>,
    pub(crate) error_type: Option<&'static str>,
    pub(crate) field: Option<&'static str>,
}

impl Case {
    /// A status with nothing beside it.
    pub(crate) const fn of(status: u16, name: &'static str, about: &'static str) -> Self {
        let (needs_retry, stop_runner) = (None, None);
        Self { name, about, status, needs_retry, stop_runner, error_type: None, field: None }
    }

    /// Whether the body is a list, as [`Answered`] decides it.
    pub(crate) const fn is_of_model(&self) -> bool {
        is_of_model(self.error_type, self.field)
    }
}

impl Failures {
    /// A failure of the request.
    pub fn add(&mut self, name: &'static str, about: &'static str, answered: Answered<'_>) {
        let status = match answered.status {
            Answer::Failed(status) => status.code(),
            Answer::Broken(_) => BROKEN,
        };
        let Answered { needs_retry, stop_runner, error_type, field, .. } = answered;
        self.cases.push(Case { name, about, status, needs_retry, stop_runner, error_type, field });
    }

    /// A failure that shows a broken runner: 503.
    pub fn broken(&mut self, name: &'static str, about: &'static str) {
        self.cases.push(Case::of(BROKEN, name, about));
    }

    /// Any status: the error takes it from somewhere else while the program runs.
    pub const fn any(&mut self) {
        self.any = true;
    }
}

/// A variant in whose place its payload answers.
///
/// The bound is asked once, where one is made, so that a payload which is no endpoint error is
/// blamed once.
#[derive(Debug)]
pub struct Transparent<E> {
    answer: for<'e> fn(&'e E, Sealed) -> Answered<'e>,
    failures: fn(&mut Failures),
}

impl<E> Transparent<E> {
    /// What this error says.
    ///
    /// The bound is the function's, because one of the impl would hide what the trait says of a type
    /// that does not fit.
    #[expect(clippy::new_without_default, reason = "generated code makes constants of it")]
    #[must_use]
    pub const fn new() -> Self
    where
        E: EndpointError,
    {
        Self { answer: E::answer, failures: E::failures }
    }
}

impl<E: 'static> Transparent<E> {
    /// What the payload answers.
    pub fn answer<'e>(&self, payload: &'e E, seal: Sealed) -> Answered<'e> {
        (self.answer)(payload, seal)
    }

    /// Adds the payload's ways to fail.
    pub fn failures(&self, failures: &mut Failures) {
        if failures.seen.insert(TypeId::of::<E>()) {
            (self.failures)(failures);
        }
    }
}

/// The status that ends a runner.
const BROKEN: u16 = 503;

// A setup or an endpoint that cannot fail.
impl EndpointError for Infallible {
    fn answer(&self, _: Sealed) -> Answered<'_> {
        match *self {}
    }

    fn failures(_: &mut Failures) {}
}

impl<E: EndpointError> EndpointError for Box<E> {
    fn answer(&self, seal: Sealed) -> Answered<'_> {
        (**self).answer(seal)
    }

    fn failures(failures: &mut Failures) {
        E::failures(failures);
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
