//! When a webhook is sent again, and how long each delivery may take.
//!
//! Pure: the caller has the clock, and counts.

use std::time::Duration;

use fal_types::Moment;

/// Deliveries of one webhook at most, the first among them.
pub const MOST: u32 = 31;

/// Receivers that do their work before they answer get the time on the second try.
const FIRST_LIMIT: Duration = Duration::from_secs(15);
const LATER_LIMIT: Duration = Duration::from_secs(120);

const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// How long the delivery with this number may take, counted from 1.
///
/// ```
/// use std::time::Duration;
///
/// assert_eq!(fal_webhook::schedule::limit(1), Duration::from_secs(15));
/// assert_eq!(fal_webhook::schedule::limit(2), Duration::from_secs(120));
/// ```
#[must_use]
pub const fn limit(number: u32) -> Duration {
    if number <= 1 { FIRST_LIMIT } else { LATER_LIMIT }
}

/// When the next delivery is due after `done` of them, the last of which failed at `now`.
///
/// The first redelivery is 5 s after, and each wait is twice the one before, up to an hour. None after [`MOST`]
/// deliveries, nor later than `result_expires`, when the result can no longer be fetched either.
///
/// ```
/// use std::time::Duration;
/// use fal_types::Moment;
/// use fal_webhook::schedule;
///
/// let now = Moment::from_micros(0);
/// assert_eq!(schedule::next(1, now, None), Some(now + Duration::from_secs(5)));
/// assert_eq!(schedule::next(schedule::MOST, now, None), None);
/// ```
#[must_use]
pub fn next(done: u32, now: Moment, result_expires: Option<Moment>) -> Option<Moment> {
    if done >= MOST {
        return None;
    }
    let at = now + wait(done);
    result_expires.is_none_or(|expires| at <= expires).then_some(at)
}

fn wait(done: u32) -> Duration {
    let Some(doublings) = done.checked_sub(1) else { return Duration::ZERO };
    FIRST_WAIT.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment::from_micros(1_790_000_000_000_000);

    fn waits() -> Vec<u64> {
        let next = |done| next(done, NOW, None).map(|at| at.since(NOW).as_secs());
        (0..100).map_while(next).collect()
    }

    #[test]
    fn waits_double_up_to_an_hour() {
        let waits = waits();
        assert_eq!(waits[..12], [0, 5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600]);
        assert!(waits[12..].iter().all(|wait| *wait == 3600));
    }

    #[test]
    fn there_are_31_deliveries() {
        assert_eq!(waits().len(), 31);
        assert_eq!(next(u32::MAX, NOW, None), None);
    }

    #[test]
    fn none_is_later_than_the_result() {
        let due = NOW + Duration::from_secs(5);
        assert_eq!(next(1, NOW, Some(due)), Some(due));
        assert_eq!(next(1, NOW, Some(NOW + Duration::from_micros(4_999_999))), None);
        assert_eq!(next(1, NOW, Some(Moment::from_micros(0))), None);
    }
}
