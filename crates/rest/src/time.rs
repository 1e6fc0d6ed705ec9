//! Moments as clients read them.

use fal_types::Moment;

/// Seconds since the Unix epoch, rounded down.
pub(crate) const fn seconds(moment: Moment) -> u64 {
    moment.micros() / 1_000_000
}

/// A moment in ISO 8601 with an offset, as older Pythons do not read the `Z`.
pub(crate) fn iso(moment: Moment) -> String {
    moment.iso().replace('Z', "+00:00")
}
