//! What the caller of a direct call sees.

use fal_types::Problem;

use crate::Outcome;

/// The answer to a direct call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reply {
    /// The runner's own: status, headers and body, but for the headers that are meant for the
    /// platform.
    Verbatim,
    /// One that the platform makes, because the runner gave none.
    Platform(Problem),
}

/// What the caller of a direct call gets for this outcome, and what is left of a queued request
/// whose last attempt ended so.
#[must_use]
pub const fn reply(outcome: &Outcome) -> Reply {
    match outcome {
        //= docs/contract.md#direct-never-retried
        //# Its caller MUST get the runner's own status, headers and body.
        Outcome::Responded(_) => Reply::Verbatim,
        Outcome::Truncated => Reply::Platform(Problem::IncompleteResponse),
        //= docs/contract.md#crash
        //# A direct call whose connection broke MUST get 503 `runner_disconnected`.
        Outcome::Disconnected => Reply::Platform(Problem::Disconnected),
        //= docs/contract.md#timeout
        //# A direct call that exceeds it MUST get 504 `request_timeout`.
        Outcome::TimedOut => Reply::Platform(Problem::RequestTimeout),
        //= docs/contract.md#refused
        //# A direct call that could not connect MUST get 503 `runner_connection_refused` or
        //# `runner_connection_timeout`.
        Outcome::Refused => Reply::Platform(Problem::ConnectionRefused),
        Outcome::ConnectTimedOut => Reply::Platform(Problem::ConnectionTimeout),
        Outcome::ConnectFailed => Reply::Platform(Problem::ConnectionError),
        Outcome::Abandoned => Reply::Platform(Problem::ClientDisconnected),
        Outcome::Cancelled => Reply::Platform(Problem::ClientCancelled),
    }
}

#[cfg(test)]
mod tests {
    use fal_types::Status;

    use super::*;
    use crate::Answer;

    #[track_caller]
    fn check(outcome: Outcome, status: u16, error_type: &str) {
        let Reply::Platform(problem) = reply(&outcome) else {
            panic!("{outcome:?} left no answer to pass on");
        };
        assert_eq!((problem.status().code(), problem.error_type()), (status, error_type));
    }

    #[test]
    //= docs/contract.md#direct-never-retried
    //= type=test
    //# Its caller MUST get the runner's own status, headers and body.
    fn whatever_the_runner_answers_is_passed_on() {
        for code in 0..=999 {
            let outcome = Outcome::Responded(Answer::new(Status::new(code)));
            assert_eq!(reply(&outcome), Reply::Verbatim, "{code}");
        }
    }

    #[test]
    //= docs/contract.md#crash
    //= type=test
    //# A direct call whose connection broke MUST get 503 `runner_disconnected`.
    fn a_broken_connection_is_503() {
        check(Outcome::Disconnected, 503, "runner_disconnected");
    }

    #[test]
    //= docs/contract.md#timeout
    //= type=test
    //# A direct call that exceeds it MUST get 504 `request_timeout`.
    fn a_timeout_is_504() {
        check(Outcome::TimedOut, 504, "request_timeout");
    }

    #[test]
    //= docs/contract.md#refused
    //= type=test
    //# A direct call that could not connect MUST get 503 `runner_connection_refused` or
    //# `runner_connection_timeout`.
    fn no_connection_is_503() {
        check(Outcome::Refused, 503, "runner_connection_refused");
        check(Outcome::ConnectTimedOut, 503, "runner_connection_timeout");
        check(Outcome::ConnectFailed, 503, "runner_connection_error");
    }

    #[test]
    fn a_cut_answer_is_502() {
        check(Outcome::Truncated, 502, "runner_incomplete_response");
    }

    #[test]
    fn a_caller_who_left_is_499() {
        check(Outcome::Abandoned, 499, "client_disconnected");
        check(Outcome::Cancelled, 499, "client_cancelled");
    }
}
