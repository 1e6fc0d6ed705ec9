//! How much the holders of one key do at once.

use std::{sync::Arc, time::Duration};

use fal_types::Moment;
use parking_lot::Mutex;

/// What the holders of one key may do. Nothing said is no bound.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Load {
    /// Calls in flight.
    pub concurrent: Option<u32>,
    /// Calls that begin in a second, on the average.
    pub per_second: Option<f64>,
}

impl Eq for Load {}

/// Why a call has to come again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Busy {
    /// As many calls are in flight as may be.
    #[error("the key has {0} calls in flight, which is its limit")]
    Concurrent(u32),
    /// Calls begin too fast.
    #[error("the key's calls begin faster than its limit")]
    Rate {
        /// When the next may begin.
        again: Duration,
    },
}

/// What is done now under one key.
#[derive(Debug)]
pub(crate) struct Gauge {
    load: Load,
    now: Mutex<Now>,
}

#[derive(Debug)]
struct Now {
    in_flight: u32,
    /// Calls that may begin at once, up to those of a second.
    saved: f64,
    at: Moment,
}

/// A call's place among those of its key, until it is dropped.
#[derive(Debug)]
#[must_use = "the place is given back when this is dropped"]
pub struct Pass {
    gauge: Arc<Gauge>,
}

impl Gauge {
    pub(crate) fn new(load: Load) -> Self {
        let saved = load.per_second.map_or(0.0, |rate| rate.max(1.0));
        Self { load, now: Mutex::new(Now { in_flight: 0, saved, at: Moment::from_micros(0) }) }
    }

    //= docs/contract.md#key-limits
    //# A call beyond its key's limits MUST get 429 of the type `concurrent_requests_limit` with `X-Fal-Needs-Retry: 1`, and reach no runner.
    /// A place for one more call.
    pub(crate) fn enter(self: &Arc<Self>, at: Moment) -> Result<Pass, Busy> {
        let mut now = self.now.lock();
        if let Some(most) = self.load.concurrent
            && now.in_flight >= most
        {
            return Err(Busy::Concurrent(most));
        }
        if let Some(rate) = self.load.per_second {
            now.save(rate, at);
            if now.saved < 1.0 {
                let again = Duration::from_secs_f64((1.0 - now.saved) / rate);
                return Err(Busy::Rate { again });
            }
            now.saved -= 1.0;
        }
        now.in_flight += 1;
        Ok(Pass { gauge: Arc::clone(self) })
    }
}

impl Now {
    fn save(&mut self, rate: f64, at: Moment) {
        let passed = at.since(self.at).as_secs_f64();
        self.at = self.at.max(at);
        self.saved = (self.saved + passed * rate).min(rate.max(1.0));
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut now = self.gauge.now.lock();
        now.in_flight = now.in_flight.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Moment {
        Moment::from_micros(1_000_000_000 + millis * 1_000)
    }

    fn gauge(concurrent: Option<u32>, per_second: Option<f64>) -> Arc<Gauge> {
        Arc::new(Gauge::new(Load { concurrent, per_second }))
    }

    //= docs/contract.md#key-limits
    //= type=test
    //# A call beyond its key's limits MUST get 429 of the type `concurrent_requests_limit` with `X-Fal-Needs-Retry: 1`, and reach no runner.
    #[test]
    fn a_place_is_free_again_when_its_call_is_over() {
        let gauge = gauge(Some(2), None);
        let (first, second) = (gauge.enter(at(0)).unwrap(), gauge.enter(at(0)).unwrap());
        assert_eq!(gauge.enter(at(0)).unwrap_err(), Busy::Concurrent(2));
        drop(first);
        let third = gauge.enter(at(0)).unwrap();
        assert_eq!(gauge.enter(at(0)).unwrap_err(), Busy::Concurrent(2));
        drop((second, third));
    }

    #[test]
    fn calls_begin_at_the_rate_after_those_of_a_second() {
        let gauge = gauge(None, Some(4.0));
        for _ in 0..4 {
            drop(gauge.enter(at(0)).unwrap());
        }
        let again = Duration::from_millis(250);
        assert_eq!(gauge.enter(at(0)).unwrap_err(), Busy::Rate { again });
        assert!(gauge.enter(at(249)).is_err());
        drop(gauge.enter(at(250)).unwrap());
        assert!(gauge.enter(at(499)).is_err());
        for _ in 0..4 {
            drop(gauge.enter(at(60_000)).unwrap());
        }
        assert!(gauge.enter(at(60_000)).is_err(), "no more is saved than those of a second");
    }

    #[test]
    fn a_rate_below_one_lets_a_first_call_begin() {
        let gauge = gauge(None, Some(0.5));
        drop(gauge.enter(at(0)).unwrap());
        assert_eq!(gauge.enter(at(0)).unwrap_err(), Busy::Rate { again: Duration::from_secs(2) });
        drop(gauge.enter(at(2_000)).unwrap());
    }

    #[test]
    fn a_clock_that_goes_back_saves_nothing() {
        let gauge = gauge(None, Some(1.0));
        drop(gauge.enter(at(10_000)).unwrap());
        assert!(gauge.enter(at(0)).is_err());
        assert!(gauge.enter(at(10_000)).is_err());
        drop(gauge.enter(at(11_000)).unwrap());
    }
}
