//! Moments as signed numbers, which is what databases have.

use fal_queue::store::Error;
use fal_types::Moment;

use crate::corrupt;

/// A moment as it is kept: in microseconds, and whatever lies beyond the signed numbers as the
/// largest of them, which reads as the end of time. So moments compare as they do here.
#[must_use]
pub fn write(moment: Moment) -> i64 {
    i64::try_from(moment.micros()).unwrap_or(i64::MAX)
}

/// The moment that was kept.
///
/// # Errors
/// [`Error::Corrupt`] where it is negative.
pub fn read(micros: i64) -> Result<Moment, Error> {
    match micros {
        i64::MAX => Ok(Moment::from_micros(u64::MAX)),
        past => u64::try_from(past)
            .map(Moment::from_micros)
            .map_err(|_| corrupt(format!("a moment is {past}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_keep_their_order_to_the_end_of_time() {
        let end = Moment::from_micros(u64::MAX);
        for (earlier, later) in [(0, 1), (5, u64::MAX), (1 << 62, (1 << 62) + 1)] {
            let micros = |micros| write(Moment::from_micros(micros));
            assert!(micros(earlier) < micros(later), "{earlier} {later}");
        }
        assert_eq!(read(write(end)).ok(), Some(end));
        assert!(read(-1).is_err());
    }
}
