//! The headers that carry signals: their names, and what their values say.
//!
//! The functions take the bytes as they came, for a header need not be text.

use std::time::Duration;

use fal_types::Status;

use crate::Flag;

/// The runner's word about a retry: it moves the request only.
pub const NEEDS_RETRY: &str = "x-fal-needs-retry";
/// The runner's word about itself: it moves the runner only.
pub const STOP_RUNNER: &str = "x-fal-stop-runner";
/// The caller's word against retries.
pub const NO_RETRY: &str = "x-fal-no-retry";

/// The longest wait that a `Retry-After` is granted.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(300);

/// `1` and `true`, `0` and `false`, in any case and with spaces around; `None` for anything else.
//= docs/contract.md#needs-retry
//# Any other value MUST be ignored.
#[must_use]
pub fn parse_flag(value: &[u8]) -> Option<Flag> {
    let value = value.trim_ascii();
    if value == b"1" || value.eq_ignore_ascii_case(b"true") {
        return Some(Flag::Yes);
    }
    (value == b"0" || value.eq_ignore_ascii_case(b"false")).then_some(Flag::No)
}

/// Whether a caller's `X-Fal-No-Retry` says `1`, `true` or `yes`.
#[must_use]
pub fn parse_no_retry(value: &[u8]) -> bool {
    let value = value.trim_ascii();
    value == b"1" || [&b"true"[..], b"yes"].iter().any(|yes| value.eq_ignore_ascii_case(yes))
}

/// A `Retry-After` in whole seconds, at most [`LONGEST_RETRY_AFTER`]; `None` for a date, which
/// would need a clock to read, and for nonsense.
#[must_use]
pub fn parse_retry_after(value: &[u8]) -> Option<Duration> {
    let text = std::str::from_utf8(value.trim_ascii()).ok()?;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Only too many digits can be wrong now, and too many is the cap in any case.
    let seconds = text.parse().unwrap_or(u64::MAX);
    Some(Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER))
}

/// Whether a direct caller gets to see `X-Fal-Needs-Retry` on an answer with this status. The
/// callers of queued requests never do.
//= docs/contract.md#response-headers
//# `X-Fal-Needs-Retry` MUST be kept on 5XX and 429 answers of direct calls, and stripped everywhere
//# else.
#[must_use]
pub const fn keeps_needs_retry(status: Status) -> bool {
    matches!(status.code(), 429 | 500..=599)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    //= docs/contract.md#needs-retry
    //= type=test
    //# Any other value MUST be ignored.
    fn a_flag_is_one_of_four_words() {
        for yes in ["1", "true", "True", "TRUE", " 1", "true\t"] {
            assert_eq!(parse_flag(yes.as_bytes()), Some(Flag::Yes), "{yes:?}");
        }
        for no in ["0", "false", "False", "FALSE", " 0 ", "false "] {
            assert_eq!(parse_flag(no.as_bytes()), Some(Flag::No), "{no:?}");
        }
        for other in ["", " ", "yes", "no", "01", "00", "1.0", "-1", "2", "1, 1", "tru e", "\u{1}"]
        {
            assert_eq!(parse_flag(other.as_bytes()), None, "{other:?}");
        }
        assert_eq!(parse_flag(b"\xff1"), None);
    }

    #[test]
    //= docs/contract.md#no-retry
    //= type=test
    //# `X-Fal-No-Retry` with `1`, `true` or `yes` MUST forbid every retry of the request.
    fn a_caller_says_no_in_one_of_three_words() {
        for yes in ["1", "true", "yes", "Yes", "TRUE", " 1 "] {
            assert!(parse_no_retry(yes.as_bytes()), "{yes:?}");
        }
        for other in ["", "0", "false", "no", "y", "2", "yes, yes"] {
            assert!(!parse_no_retry(other.as_bytes()), "{other:?}");
        }
    }

    #[track_caller]
    fn check_wait(value: &str, expected: Option<u64>) {
        let expected = expected.map(Duration::from_secs);
        assert_eq!(parse_retry_after(value.as_bytes()), expected, "{value:?}");
    }

    #[test]
    //= docs/contract.md#status-429
    //= type=test
    //# A queued request that gets a 429 MUST be retried, after `Retry-After` where the runner sent
    //# one, which counts for 300 seconds at most.
    fn a_wait_is_whole_seconds_up_to_five_minutes() {
        check_wait("0", Some(0));
        check_wait("7", Some(7));
        check_wait(" 7 ", Some(7));
        check_wait("300", Some(300));
        check_wait("301", Some(300));
        check_wait("99999999999999999999999999", Some(300));
        for nonsense in ["", "-1", "+1", "1.5", "1s", "Wed, 21 Oct 2026 07:28:00 GMT"] {
            check_wait(nonsense, None);
        }
        assert_eq!(parse_retry_after(b"\xff"), None);
    }

    #[test]
    //= docs/contract.md#response-headers
    //= type=test
    //# `X-Fal-Needs-Retry` MUST be kept on 5XX and 429 answers of direct calls, and stripped
    //# everywhere else.
    fn a_direct_caller_sees_the_retry_header_where_a_retry_is_up_to_it() {
        for code in 0..=999 {
            let kept = code == 429 || (500..=599).contains(&code);
            assert_eq!(keeps_needs_retry(Status::new(code)), kept, "{code}");
        }
    }
}
