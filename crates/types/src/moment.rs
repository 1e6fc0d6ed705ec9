//! Time as the pure crates see it.

use std::{fmt, ops::Add, time::Duration};

/// A point in time, in microseconds since the Unix epoch.
///
/// The node makes moments from one wall-clock reading at its start and a monotonic clock after it, so within
/// one start they never go back, and across starts they can be kept on disk.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(u64);

impl Moment {
    /// The moment so many microseconds after the Unix epoch.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to this moment, and zero where `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// This moment in ISO 8601, in UTC, to the millisecond.
    ///
    /// ```
    /// use fal_types::Moment;
    ///
    /// assert_eq!(Moment::from_micros(7_000).iso(), "1970-01-01T00:00:00.007Z");
    /// ```
    #[must_use]
    pub fn iso(self) -> String {
        let (seconds, millis) = (self.0 / 1_000_000, self.0 / 1000 % 1000);
        let (days, of_day) = (seconds / 86_400, seconds % 86_400);
        let (year, month, day) = date(days);
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }

    /// Its time of day in UTC, to the second.
    #[must_use]
    pub fn clock(self) -> String {
        let of_day = self.0 / 1_000_000 % 86_400;
        format!("{:02}:{:02}:{:02}", of_day / 3600, of_day / 60 % 60, of_day % 60)
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    /// Saturates at the end of time, so that "never" may be written as a very long wait.
    fn add(self, wait: Duration) -> Self {
        let micros = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(micros))
    }
}

/// The civil date of a day since 1970-01-01, by counting eras of 400 years from 1 March of year 0.
const fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}s", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(seconds: u64, expected: &str) {
        assert_eq!(Moment::from_micros(seconds * 1_000_000 + 7000).iso(), expected);
    }

    #[test]
    fn moments_read_as_dates() {
        check(0, "1970-01-01T00:00:00.007Z");
        check(951_782_400, "2000-02-29T00:00:00.007Z");
        check(1_700_000_000, "2023-11-14T22:13:20.007Z");
        check(4_102_444_799, "2099-12-31T23:59:59.007Z");
    }
}
