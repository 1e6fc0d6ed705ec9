//! How many runners there should be.

use fal_types::Moment;

use crate::Scale;

/// What the decision is made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Demand {
    /// Requests in flight and waiting.
    pub(crate) requests: u64,
    /// Since when the oldest of the waiting ones waits.
    pub(crate) since: Option<Moment>,
    /// Runners that take requests or will.
    pub(crate) live: u32,
}

/// The number of runners that the load and the settings ask for: at least `min`, at most `max`, and what the
/// load needs plus the buffer between them. Load that has waited less than the delay asks for nothing yet.
pub(crate) fn wanted(scale: &Scale, slots_each: u32, demand: Demand, now: Moment) -> u32 {
    let needed = demand.requests.div_ceil(u64::from(slots_each.max(1)));
    let needed = u32::try_from(needed).unwrap_or(u32::MAX);
    let ripe = demand.since.is_none_or(|since| now.since(since) >= scale.delay);
    let needed = if ripe { needed } else { needed.min(demand.live) };
    needed.saturating_add(buffer(scale, needed)).max(scale.min).min(scale.max.max(1))
}

/// The number below which no idle runner is stopped.
pub(crate) fn floor(scale: &Scale, slots_each: u32, demand: Demand) -> u32 {
    let needed = demand.requests.div_ceil(u64::from(slots_each.max(1)));
    let needed = u32::try_from(needed).unwrap_or(u32::MAX);
    needed.saturating_add(buffer(scale, needed)).max(scale.min).min(scale.max.max(1))
}

fn buffer(scale: &Scale, needed: u32) -> u32 {
    let share = u64::from(needed).saturating_mul(u64::from(scale.buffer_percent)).div_ceil(100);
    scale.buffer.max(u32::try_from(share).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[track_caller]
    fn check(scale: &Scale, slots: u32, requests: u64, expected: u32) {
        let demand = Demand { requests, since: Some(Moment::from_micros(0)), live: 0 };
        assert_eq!(wanted(scale, slots, demand, Moment::from_micros(10)), expected);
    }

    #[test]
    fn runners_follow_load_between_min_and_max() {
        let scale = Scale { min: 1, max: 4, ..Scale::default() };
        check(&scale, 1, 0, 1);
        check(&scale, 1, 3, 3);
        check(&scale, 1, 9, 4);
        check(&scale, 4, 9, 3);
    }

    #[test]
    fn the_larger_buffer_counts_and_min_is_no_buffer_on_top() {
        let scale = Scale { min: 3, max: 20, buffer: 2, buffer_percent: 50, ..Scale::default() };
        check(&scale, 1, 0, 3);
        check(&scale, 1, 2, 4);
        check(&scale, 1, 8, 12);
    }

    #[test]
    fn load_waits_for_the_delay_before_it_starts_a_runner() {
        let scale = Scale { delay: Duration::from_secs(2), ..Scale::default() };
        let since = Some(Moment::from_micros(0));
        let demand = Demand { requests: 1, since, live: 0 };
        assert_eq!(wanted(&scale, 1, demand, Moment::from_micros(1_999_999)), 0);
        assert_eq!(wanted(&scale, 1, demand, Moment::from_micros(2_000_000)), 1);
    }
}
