//! Where claims have been, so that the next one begins behind it.
//!
//! What was claimed stays in the index until the server may forget it, which it may not while anybody, a backup for
//! example, looks at an older state. A claim that began at the front each time would walk over all of it. First-timers of
//! an app are only ever taken from the front, and new ones come to the back, so a claim may begin where one found the front
//! a while ago. A while, because requests become visible a little out of their order; and because a claim may come to
//! nothing, every now and then one begins at the front all the same.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use fal_queue::Priority;
use fal_types::{AppId, Moment};
use parking_lot::Mutex;

/// How old a front must be to be relied on.
const SETTLED: Duration = Duration::from_secs(2);

/// How often a claim begins at the front.
const AFRESH: Duration = Duration::from_secs(15);

/// How far apart two fronts that are remembered lie.
const APART: Duration = Duration::from_millis(250);

/// Where claims have been, for all apps.
#[derive(Debug, Default)]
pub(crate) struct Heads(Mutex<BTreeMap<(AppId, Priority), Head>>);

#[derive(Debug)]
struct Head {
    /// From here on everything is there: the newest front that has settled.
    start: i64,
    /// Fronts that have not settled yet, with when they were found.
    found: VecDeque<(Moment, i64)>,
    /// When a claim began at the front.
    afresh: Moment,
}

impl Heads {
    /// Where to count from.
    pub(crate) fn peek(&self, app: &AppId, priority: Priority) -> i64 {
        self.0.lock().get(&(app.clone(), priority)).map_or(0, |head| head.start)
    }

    /// Where a claim begins.
    pub(crate) fn start(&self, app: &AppId, priority: Priority, now: Moment) -> i64 {
        let mut heads = self.0.lock();
        let Some(head) = heads.get_mut(&(app.clone(), priority)) else { return 0 };
        // A clock that was set back makes everything unsettled.
        if now < head.afresh {
            *head = Head::new(now);
        }
        if now.since(head.afresh) >= AFRESH {
            head.afresh = now;
            return 0;
        }
        while let Some((at, seq)) = head.found.front().copied()
            && now.since(at) >= SETTLED
        {
            head.start = seq;
            head.found.pop_front();
        }
        head.start
    }

    /// The front was found here.
    pub(crate) fn note(&self, app: &AppId, priority: Priority, now: Moment, seq: i64) {
        let mut heads = self.0.lock();
        let head = heads.entry((app.clone(), priority)).or_insert_with(|| Head::new(now));
        let is_apart = |(at, _): &(Moment, i64)| now.since(*at) >= APART;
        if head.found.back().is_none_or(is_apart) {
            head.found.push_back((now, seq));
        }
    }
}

impl Head {
    const fn new(now: Moment) -> Self {
        Self { start: 0, found: VecDeque::new(), afresh: now }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::from_micros(1_000_000_000 + millis * 1_000)
    }

    #[test]
    fn a_claim_begins_where_one_found_the_front_a_while_ago() {
        let heads = Heads::default();
        let app: AppId = "acme/sketch".parse().unwrap();
        let start = |millis| heads.start(&app, Priority::Normal, at(millis));
        assert_eq!(start(0), 0);
        for (millis, seq) in [(0, 7), (100, 8), (1_000, 50), (3_000, 90)] {
            heads.note(&app, Priority::Normal, at(millis), seq);
        }
        assert_eq!((start(1_999), start(2_000), start(3_500)), (0, 7, 50));
        assert_eq!(heads.start(&app, Priority::Low, at(3_500)), 0, "each priority has its own");
        assert_eq!(start(15_000), 0, "every now and then it begins at the front");
        assert_eq!((start(15_001), heads.peek(&app, Priority::Normal)), (90, 90), "once");
        assert_eq!(start(10_000), 0, "nothing is relied on where the clock was set back");
    }
}
