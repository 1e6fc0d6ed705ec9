//! How long a request waits between two attempts.

use std::time::Duration;

/// Waits that double with every retry up to a cap, spread evenly below that ceiling so that
/// requests that failed together do not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Backoff {
    /// The ceiling of the first wait. Zero means that no retry waits at all.
    pub initial: Duration,
    /// The highest ceiling.
    pub max: Duration,
}

//= docs/contract.md#retry-backoff
//# A retry MUST wait between nothing and a bound that starts at 0.5 seconds, doubles with each
//# retry and stops at 30 seconds.
impl Default for Backoff {
    fn default() -> Self {
        Self { initial: Duration::from_millis(500), max: Duration::from_secs(30) }
    }
}

impl Backoff {
    /// The wait before the next attempt of a request that has used up `retries` retries already,
    /// so 0 before its first. `roll` is a random number, evenly spread over all of its range.
    ///
    /// The wait is below its ceiling, in whole microseconds. The ceiling is `initial` doubled
    /// `retries` times, and never above `max`.
    #[must_use]
    pub fn delay(&self, retries: u8, roll: u64) -> Duration {
        let ceiling = u128::from(self.ceiling_micros(retries));
        // The product of two numbers below 2^64, shifted by 64 bits, is again below 2^64.
        let micros = (ceiling * u128::from(roll)) >> 64;
        Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    fn ceiling_micros(&self, retries: u8) -> u64 {
        let micros = |wait: Duration| u64::try_from(wait.as_micros()).unwrap_or(u64::MAX);
        let factor = 1u64.checked_shl(u32::from(retries)).unwrap_or(u64::MAX);
        micros(self.initial).saturating_mul(factor).min(micros(self.max))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(initial: f64, max: f64, expected: [f64; 8]) {
        let seconds = Duration::from_secs_f64;
        let backoff = Backoff { initial: seconds(initial), max: seconds(max) };
        // The highest roll stays one microsecond below the ceiling, and zero stays zero.
        let found: Vec<_> = (0..8).map(|retries| backoff.delay(retries, u64::MAX)).collect();
        let below = |ceiling| seconds(ceiling).saturating_sub(Duration::from_micros(1));
        assert_eq!(found, expected.map(below), "{backoff:?}");
    }

    //= docs/contract.md#retry-backoff
    //= type=test
    //# A retry MUST wait between nothing and a bound that starts at 0.5 seconds, doubles with
    //# each retry and stops at 30 seconds.
    #[test]
    fn the_ceiling_doubles_up_to_the_cap() {
        check(0.5, 30.0, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]);
        check(40.0, 30.0, [30.0; 8]);
        check(0.0, 30.0, [0.0; 8]);
        check(0.5, 0.0, [0.0; 8]);
    }

    #[test]
    fn the_default_is_half_a_second_up_to_thirty() {
        let default = Backoff::default();
        assert_eq!(default.initial, Duration::from_millis(500));
        assert_eq!(default.max, Duration::from_secs(30));
    }

    #[test]
    fn the_roll_spreads_the_waits_evenly() {
        let quarter = |n: u64| Backoff::default().delay(2, n << 62);
        let expected = [0, 500, 1_000, 1_500].map(Duration::from_millis);
        assert_eq!([0, 1, 2, 3].map(quarter), expected);
    }

    fn wait() -> impl Strategy<Value = Duration> {
        prop_oneof![
            (0..100_000_000u64).prop_map(Duration::from_micros),
            Just(Duration::ZERO),
            Just(Duration::MAX),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn no_wait_reaches_its_ceiling(
            initial in wait(), max in wait(), retries in 0..32u8, roll: u64,
        ) {
            let delay = Backoff { initial, max }.delay(retries, roll);
            let ceiling = initial.checked_mul(1 << retries).unwrap_or(Duration::MAX).min(max);
            prop_assert!(delay < ceiling || ceiling == Duration::ZERO && delay == ceiling);
        }

        #[test]
        fn more_retries_and_higher_rolls_never_wait_less(
            initial in wait(), max in wait(), retries in 0..u8::MAX, roll in 0..u64::MAX,
        ) {
            let backoff = Backoff { initial, max };
            let delay = backoff.delay(retries, roll);
            prop_assert!(backoff.delay(retries + 1, roll) >= delay);
            prop_assert!(backoff.delay(retries, roll + 1) >= delay);
        }

        #[test]
        fn zero_means_no_wait(max in wait(), retries: u8, roll: u64) {
            let backoff = Backoff { initial: Duration::ZERO, max };
            prop_assert_eq!(backoff.delay(retries, roll), Duration::ZERO);
        }
    }
}
