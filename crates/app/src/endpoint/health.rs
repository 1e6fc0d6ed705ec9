//! What a health check answers.

use std::fmt;

/// The answer of a health check that found the runner unhealthy: the reason, for people.
///
/// Any error becomes one with `?`. The platform counts it as a failed check; it is no 503, which
/// would end the runner at the first failure and without regard to the threshold.
pub struct Unhealthy(String);

impl Unhealthy {
    /// An unhealthy answer with this reason.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl<E: std::error::Error> From<E> for Unhealthy {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Display for Unhealthy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Unhealthy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unhealthy({:?})", self.0)
    }
}

/// The error type of a health check: anything that can say what is wrong.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a health check: it has no text",
    label = "not a health check's error",
    note = "return `Result<(), Unhealthy>`"
)]
pub trait HealthError: fmt::Display + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: fmt::Display + Send + 'static> HealthError for T {}

/// The error type of a setup or a warm-up: anything that can say what is wrong.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a setup or a warm-up: it has no text",
    label = "no error that ends a start",
    note = "use `SetupError`, which `?` makes of any error, or a type with `Display`"
)]
pub trait StartError: fmt::Display + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: fmt::Display + Send + 'static> StartError for T {}
