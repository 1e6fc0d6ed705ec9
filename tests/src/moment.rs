//! Moments as the platform writes them.

use serde_json::Value;

/// The milliseconds since 1970 of a moment such as `2026-01-31T09:14:03.250Z`.
///
/// # Panics
/// When it is not written so.
#[must_use]
#[track_caller]
pub fn millis(moment: &Value) -> i64 {
    let text = moment.as_str().expect("a moment is text");
    let numbers: Option<Vec<i64>> = text
        .strip_suffix('Z')
        .map(|text| text.split(|mark: char| !mark.is_ascii_digit()))
        .and_then(|parts| parts.map(|part| part.parse().ok()).collect());
    let numbers = numbers.and_then(|numbers| numbers.try_into().ok());
    let [year, month, day, hour, minute, second, milli]: [i64; 7] =
        numbers.expect("a moment has seven numbers");
    // Years begin in March here, so that the leap day is the last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    let days = days - 719_468;
    (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + milli
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_moment_is_read_as_it_is_written() {
        assert_eq!(millis(&json!("1970-01-01T00:00:00.007Z")), 7);
        assert_eq!(millis(&json!("2000-02-29T00:00:00.000Z")), 951_782_400_000);
        assert_eq!(millis(&json!("2023-11-14T22:13:20.000Z")), 1_700_000_000_000);
    }
}
