//! What may be tried again.

use crate::error::{Error, ModelError, TransportError, Worth};

impl Error {
    /// Whether the same call may go well another time.
    ///
    /// This is about hope, not about safety: a [`run`](crate::Client::run) that broke off may have run, and to call
    /// again is to pay again. What is safe the client has repeated already, as [`Retries`](crate::Retries) says;
    /// [`is_unsent`](Self::is_unsent) is the case in which nothing happened.
    ///
    /// Where the answer says so itself, in `X-Fal-Needs-Retry`, that counts. Otherwise 429, 503, 504, a connection
    /// that failed or broke, and the client's own timeout may go well another time; the caller's own deadline for the
    /// start, a refused input, a missing key and an answer that cannot be read will not.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        if self.is_user_timeout() {
            return false;
        }
        let told = self.reply().and_then(crate::Reply::needs_retry);
        match self {
            Self::TooManyRequests(_) => told.unwrap_or(true),
            Self::Platform(problem) => told
                .or_else(|| problem.kind.is_transient())
                .unwrap_or_else(|| matches!(problem.reply.status(), 502..=504)),
            Self::Validation(refused) => {
                let (status, errors) = (refused.reply.status(), refused.errors.as_slice());
                told.unwrap_or_else(|| is_worth_it(errors, status))
            }
            // A 502 without an id is not the app's: it is of something in front of the platform.
            Self::App(refusal) => told.unwrap_or_else(|| match refusal.reply.status() {
                503 | 504 => true,
                502 => refusal.reply.request_id().is_none(),
                _ => false,
            }),
            Self::Transport(TransportError::Tls { .. } | TransportError::OutOfReach { .. }) => {
                false
            }
            Self::Transport(_) | Self::Timeout(_) | Self::Cut(_) => true,
            Self::BadCall(_)
            | Self::Unauthorized(_)
            | Self::Forbidden(_)
            | Self::NotFound(_)
            | Self::Cancelled(_)
            | Self::Redirect(_)
            | Self::Decode(_)
            | Self::NotAStream(_)
            | Self::TooLarge { .. }
            | Self::File(_) => false,
        }
    }

    /// Whether the caller's own deadline for the start has passed, which
    /// [`start_timeout`](crate::Call::start_timeout) sets: a 504 with `X-Fal-Request-Timeout-Type: user`.
    #[must_use]
    pub fn is_user_timeout(&self) -> bool {
        self.reply().is_some_and(crate::Reply::is_user_timeout)
    }
}

/// Whether none of the items is there to stay.
fn is_worth_it(errors: &[ModelError], status: u16) -> bool {
    if errors.is_empty() {
        return matches!(status, 503 | 504);
    }
    errors.iter().all(|error| match error.kind.worth_a_retry() {
        Worth::Yes | Worth::Maybe => true,
        Worth::No => false,
        Worth::Unknown => matches!(status, 503 | 504),
    })
}
