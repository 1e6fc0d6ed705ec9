//! What an app's own code may answer as an error.
//!
//! Invariant: no value of [`AppStatus`] is 503. The field is private, and every way in is here.

/// An error status that leaves the runner alive: 400 to 599, and never 503.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppStatus(u16);

/// Why a number is no [`AppStatus`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppStatusError {
    /// 503 ends the runner.
    #[error(
        "status 503 terminates the runner, so no ordinary failure may answer it: use 500, 504 or 429"
    )]
    EndsRunner,
    /// It is no error status.
    #[error("an error status is 400..=599, and {0} is not")]
    OutOfRange(u16),
}

impl AppStatus {
    /// 400: the request makes no sense.
    pub const BAD_REQUEST: Self = Self(400);
    /// 401: the caller did not say who it is.
    pub const UNAUTHORIZED: Self = Self(401);
    /// 403: the caller may not do this.
    pub const FORBIDDEN: Self = Self(403);
    /// 404: there is no such thing.
    pub const NOT_FOUND: Self = Self(404);
    /// 409: the request does not fit what is there.
    pub const CONFLICT: Self = Self(409);
    /// 413: the input is too large.
    pub const PAYLOAD_TOO_LARGE: Self = Self(413);
    /// 422: the input is well-formed and wrong.
    pub const UNPROCESSABLE_ENTITY: Self = Self(422);
    /// 429: too much load; a queued request is tried again later.
    pub const TOO_MANY_REQUESTS: Self = Self(429);
    /// 499: the caller cancelled.
    pub const CLIENT_CLOSED_REQUEST: Self = Self(499);
    /// 500: this request failed; it is not tried again.
    pub const INTERNAL_SERVER_ERROR: Self = Self(500);
    /// 502: something upstream answered nonsense; it is not tried again.
    pub const BAD_GATEWAY: Self = Self(502);
    /// 504: something upstream did not answer; a queued request is tried again.
    pub const GATEWAY_TIMEOUT: Self = Self(504);

    /// The status with this code, for constants: there a wrong one does not compile.
    ///
    /// # Panics
    /// When the code is 503, or outside 400 to 599. For a code that is known only when the program
    /// runs, use `AppStatus::try_from`.
    //= docs/contract.md#unearned-503
    //# An app of `fal-app` MUST NOT answer 503 except by a path that is marked `#[runner_broken]`.
    #[must_use]
    #[track_caller]
    #[expect(
        clippy::panic,
        reason = "in a constant a panic is a compile error, which is what it is for"
    )]
    pub const fn checked(code: u16) -> Self {
        match code {
            503 => panic!(
                "status 503 terminates the runner; only a variant marked `#[runner_broken]` may \
                 answer it; use 500, 504 or 429"
            ),
            400..=599 => Self(code),
            0..=399 | 600.. => panic!("an error status is 400..=599"),
        }
    }

    /// Its code: 400 to 599, and never 503.
    #[must_use]
    pub const fn code(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for AppStatus {
    type Error = AppStatusError;

    fn try_from(code: u16) -> Result<Self, AppStatusError> {
        match code {
            503 => Err(AppStatusError::EndsRunner),
            400..=599 => Ok(Self(code)),
            0..=399 | 600.. => Err(AppStatusError::OutOfRange(code)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic;

    use super::*;

    #[track_caller]
    fn check(code: u16, expected: Result<u16, AppStatusError>) {
        assert_eq!(AppStatus::try_from(code).map(AppStatus::code), expected);
        let checked = panic::catch_unwind(|| AppStatus::checked(code).code());
        let Err(payload) = checked else {
            assert_eq!(expected, Ok(checked.unwrap_or_default()));
            return;
        };
        let message = payload.downcast_ref::<&str>().expect("the messages are constants");
        let told = match expected {
            Err(AppStatusError::EndsRunner) => "terminates the runner; only a variant marked",
            Err(AppStatusError::OutOfRange(_)) => "an error status is 400..=599",
            Ok(_) => panic!("{code} was refused: {message}"),
        };
        assert!(message.contains(told), "{message}");
    }

    #[test]
    //= docs/contract.md#unearned-503
    //= type=test
    //# An app of `fal-app` MUST NOT answer 503 except by a path that is marked `#[runner_broken]`.
    fn no_way_leads_to_503() {
        check(503, Err(AppStatusError::EndsRunner));
        let reached = (0..=u16::MAX).filter_map(|code| AppStatus::try_from(code).ok());
        let reached: Vec<_> = reached.map(AppStatus::code).collect();
        let allowed: Vec<_> = (400..=599).filter(|code| *code != 503).collect();
        assert_eq!(reached, allowed);
    }

    #[test]
    fn both_ways_in_agree_at_the_edges() {
        check(400, Ok(400));
        check(502, Ok(502));
        check(504, Ok(504));
        check(599, Ok(599));
        for code in [0, 200, 399, 600, 999, u16::MAX] {
            check(code, Err(AppStatusError::OutOfRange(code)));
        }
    }

    #[test]
    fn every_named_status_is_one_that_could_be_checked() {
        for named in [
            AppStatus::BAD_REQUEST,
            AppStatus::UNAUTHORIZED,
            AppStatus::FORBIDDEN,
            AppStatus::NOT_FOUND,
            AppStatus::CONFLICT,
            AppStatus::PAYLOAD_TOO_LARGE,
            AppStatus::UNPROCESSABLE_ENTITY,
            AppStatus::TOO_MANY_REQUESTS,
            AppStatus::CLIENT_CLOSED_REQUEST,
            AppStatus::INTERNAL_SERVER_ERROR,
            AppStatus::BAD_GATEWAY,
            AppStatus::GATEWAY_TIMEOUT,
        ] {
            assert_eq!(AppStatus::try_from(named.code()), Ok(named));
        }
    }
}
