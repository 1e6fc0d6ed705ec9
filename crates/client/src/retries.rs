//! What is repeated, and when.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use crate::{
    content::Outgoing,
    error::{Error, TransportError},
};

/// How often and how soon the client repeats what is safe to repeat.
///
/// | what | is repeated after |
/// |---|---|
/// | `run`, `stream` | a connection that was never made |
/// | `submit` | the same; with an idempotency key that is [honoured](crate::Idempotency), as a status |
/// | status, events, cancel, uploads, downloads | a connection that failed or broke, a silence of [`read_timeout`](crate::Builder::read_timeout), 429, 502, 503, 504 |
/// | the result of a request that went well | the same |
/// | the result of one that failed | a connection that failed or broke: the statuses are the result itself |
///
/// Never a 504 that is the caller's own deadline, and never for a certificate that is not trusted.
///
/// Before each repetition is a random wait between nothing and a bound, which doubles each time. `Retry-After` is
/// waited for at least; where it is longer than [`patience`](Self::patience), the error is returned at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// How many repetitions there may be of one request; 0 for none.
    pub most: u32,
    /// The bound of the first wait.
    pub first: Duration,
    /// The bound of every wait.
    pub longest: Duration,
    /// The longest `Retry-After` that is waited for.
    pub patience: Duration,
}

/// 4 repetitions, after up to 0.25 s, 0.5 s, 1 s and 2 s; a `Retry-After` of up to a minute.
impl Default for Retries {
    fn default() -> Self {
        Self {
            most: 4,
            first: Duration::from_millis(250),
            longest: Duration::from_secs(10),
            patience: Duration::from_secs(60),
        }
    }
}

impl Retries {
    /// No repetition of anything.
    #[must_use]
    pub const fn none() -> Self {
        let none = Duration::ZERO;
        Self { most: 0, first: none, longest: none, patience: none }
    }

    /// How long to wait before a request is repeated that was repeated so often before; none if it is not.
    pub(crate) fn wait(&self, before: u32, allowed: Repeat, error: &Error) -> Option<Duration> {
        if before >= self.most || Repeat::needed(error)? > allowed {
            return None;
        }
        let bound = self.first.saturating_mul(2_u32.saturating_pow(before)).min(self.longest);
        let wait = bound.mul_f64(random());
        //= docs/contract.md#rust-client-retries
        //# A `Retry-After` MUST be waited for, or the error returned.
        match error.reply().and_then(crate::Reply::retry_after) {
            Some(told) if told > self.patience => None,
            Some(told) => Some(wait.max(told)),
            None => Some(wait),
        }
    }
}

/// After what a request may be repeated; each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Repeat {
    /// Only where nothing of it was sent.
    Unsent,
    /// Where there is no answer, or only a part of one.
    Unanswered,
    /// Where the answer is 502, 503 or 504.
    Failed,
    /// Where it is 429, too.
    Refused,
}

impl Repeat {
    /// What must be allowed so that a request may be repeated after this; none where it never is.
    fn needed(error: &Error) -> Option<Self> {
        //= docs/contract.md#rust-client-retries
        //# A 504 that is the caller's own deadline MUST NOT lead to a repetition.
        if error.is_user_timeout() {
            return None;
        }
        match error {
            Error::Transport(TransportError::Connect { .. }) => Some(Self::Unsent),
            Error::Transport(TransportError::Tls { .. } | TransportError::OutOfReach { .. }) => {
                None
            }
            Error::Transport(TransportError::Broken { .. }) | Error::Cut(_) | Error::Timeout(_) => {
                Some(Self::Unanswered)
            }
            Error::TooManyRequests(_) => Some(Self::Refused),
            Error::Platform(_) | Error::App(_) | Error::Validation(_) => {
                matches!(error.status(), Some(502..=504)).then_some(Self::Failed)
            }
            Error::BadCall(_)
            | Error::Unauthorized(_)
            | Error::Forbidden(_)
            | Error::NotFound(_)
            | Error::Cancelled(_)
            | Error::Redirect(_)
            | Error::Decode(_)
            | Error::NotAStream(_)
            | Error::TooLarge { .. }
            | Error::File(_) => None,
        }
    }
}

/// The tries at one request.
#[derive(Debug)]
pub(crate) struct Tries {
    retries: Retries,
    allowed: Repeat,
    /// How many repetitions there were.
    before: u32,
}

impl Tries {
    pub(crate) const fn new(retries: Retries, allowed: Repeat) -> Self {
        Self { retries, allowed, before: 0 }
    }

    /// Waits until it is time for another one, or gives the error back.
    pub(crate) async fn again(&mut self, outgoing: &Outgoing, error: Error) -> Result<(), Error> {
        let Some(wait) = self.retries.wait(self.before, self.allowed, &error) else {
            return Err(error);
        };
        self.before += 1;
        // Without the query, which may hold a webhook's secret or a signature.
        let (method, path) = (&outgoing.method, outgoing.uri.path());
        tracing::debug!(%method, path, %error, ?wait, "asking again");
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

/// A number from 0 up to 1. Each `RandomState` has keys of its own, which is as random as spreading callers needs.
fn random() -> f64 {
    let number = RandomState::new().hash_one(0) >> 32;
    f64::from(u32::try_from(number).unwrap_or(0)) / f64::from(u32::MAX)
}
