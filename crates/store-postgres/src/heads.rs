//! Where claims have been, so that the next one begins behind it.
//!
//! What was claimed stays in the index until the server may forget it, which it may not while anybody, a backup for
//! example, looks at an older state. A claim that began at the front each time would walk over all of it. First-timers of
//! an app are only ever taken from the front, and new ones come to the back, so a claim may begin where one has found the
//! front, once what was under way then is over: requests become visible a little out of their order, and others' claims
//! may come to nothing. Which transactions are under way the server says with each batch; where one of them goes on and on,
//! a while is enough. And every now and then a claim begins at the front all the same.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use fal_queue::Priority;
use fal_types::{AppId, Moment};
use parking_lot::Mutex;

/// How old a front must be to be relied on, whatever is under way.
const SETTLED: Duration = Duration::from_secs(2);

/// How often a claim begins at the front.
const AFRESH: Duration = Duration::from_secs(15);

/// How far apart two fronts that are remembered lie.
const APART: Duration = Duration::from_millis(20);

/// Which transactions were over at a moment: all before the first number, and none from the second one on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Horizon {
    pub(crate) over: i64,
    pub(crate) next: i64,
}

/// What one claim has seen of an app's first-timers of one priority.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// When its batch began, by the caller's clock.
    pub(crate) at: Moment,
    /// What was over when its batch had begun.
    pub(crate) horizon: Horizon,
    /// What [`Heads::turn`] said before the transaction began.
    pub(crate) turn: u64,
    /// The first one; none where there was none.
    pub(crate) front: Option<i64>,
}

/// Where claims have been, for all apps.
#[derive(Debug, Default)]
pub(crate) struct Heads(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    heads: BTreeMap<(AppId, Priority), Head>,
    /// How many looks were noted.
    looks: u64,
}

#[derive(Debug)]
struct Head {
    /// From here on everything is there: the newest front that has settled.
    start: i64,
    /// Fronts that have not settled yet, the oldest first.
    found: VecDeque<Front>,
    /// When a claim began at the front.
    afresh: Moment,
}

#[derive(Debug)]
struct Front {
    at: Moment,
    look: u64,
    seq: i64,
    /// No transaction from this one on was under way when it was found; none where that is not known yet.
    until: Option<i64>,
}

impl Heads {
    /// Where to count from.
    pub(crate) fn peek(&self, app: &AppId, priority: Priority) -> i64 {
        self.0.lock().heads.get(&(app.clone(), priority)).map_or(0, |head| head.start)
    }

    /// How many looks were noted so far: those are older than a batch that begins now.
    pub(crate) fn turn(&self) -> u64 {
        self.0.lock().looks
    }

    /// Where a claim begins.
    pub(crate) fn start(&self, app: &AppId, priority: Priority, now: Moment) -> i64 {
        let mut known = self.0.lock();
        let Some(head) = known.heads.get_mut(&(app.clone(), priority)) else { return 0 };
        // A clock that was set back makes everything unsettled.
        if now < head.afresh {
            *head = Head::new(now);
        }
        if now.since(head.afresh) >= AFRESH {
            head.afresh = now;
            return 0;
        }
        while let Some(front) = head.found.front()
            && now.since(front.at) >= SETTLED
        {
            head.start = front.seq;
            head.found.pop_front();
        }
        head.start
    }

    /// A claim has looked from where it began to what it has found first.
    pub(crate) fn note(&self, app: &AppId, priority: Priority, look: Look) {
        let mut known = self.0.lock();
        let number = known.looks;
        known.looks += 1;
        let head = known.heads.entry((app.clone(), priority)).or_insert_with(|| Head::new(look.at));
        head.settle(look);
        let is_apart = |front: &Front| look.at.since(front.at) >= APART;
        if let Some(seq) = look.front
            && head.found.back().is_none_or(is_apart)
        {
            head.found.push_back(Front { at: look.at, look: number, seq, until: None });
        }
    }
}

impl Head {
    const fn new(now: Moment) -> Self {
        Self { start: 0, found: VecDeque::new(), afresh: now }
    }

    /// What has become of earlier fronts. What was under way when one of them was found, and is over now, this look has
    /// seen: it began no later than there.
    fn settle(&mut self, look: Look) {
        while let Some(Front { seq, until: Some(until), .. }) = self.found.front()
            && *until <= look.horizon.over
        {
            self.start = look.front.map_or(*seq, |front| front.min(*seq));
            self.found.pop_front();
        }
        for front in self.found.iter_mut().filter(|front| front.look < look.turn) {
            front.until.get_or_insert(look.horizon.next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::from_micros(1_000_000_000 + millis * 1_000)
    }

    /// A claim that finds this first, while so many transactions are over and these may be under way.
    fn look(heads: &Heads, millis: u64, [over, next]: [i64; 2], front: Option<i64>) {
        let app: AppId = "acme/sketch".parse().unwrap();
        let (turn, horizon) = (heads.turn(), Horizon { over, next });
        heads.note(&app, Priority::Normal, Look { at: at(millis), horizon, turn, front });
    }

    #[test]
    fn a_claim_begins_where_one_found_the_front_a_while_ago() {
        let heads = Heads::default();
        let app: AppId = "acme/sketch".parse().unwrap();
        let start = |millis| heads.start(&app, Priority::Normal, at(millis));
        assert_eq!(start(0), 0);
        for (millis, seq) in [(0, 7), (10, 8), (1_000, 50), (3_000, 90)] {
            look(&heads, millis, [1, 9], Some(seq));
        }
        assert_eq!((start(1_999), start(2_000), start(3_500)), (0, 7, 50));
        assert_eq!(heads.start(&app, Priority::Low, at(3_500)), 0, "each priority has its own");
        assert_eq!(start(15_000), 0, "every now and then it begins at the front");
        assert_eq!((start(15_001), heads.peek(&app, Priority::Normal)), (90, 90), "once");
        assert_eq!(start(10_000), 0, "nothing is relied on where the clock was set back");
    }

    #[test]
    fn a_front_is_relied_on_once_what_was_under_way_is_over() {
        let heads = Heads::default();
        let app: AppId = "acme/sketch".parse().unwrap();
        let start = |millis| heads.start(&app, Priority::Normal, at(millis));
        look(&heads, 0, [5, 9], Some(7));
        look(&heads, 30, [9, 12], Some(20));
        assert_eq!(start(30), 0, "what began after the first look may have been before its front");
        look(&heads, 60, [11, 14], Some(30));
        assert_eq!(start(60), 0, "a transaction of then is under way");
        look(&heads, 90, [12, 16], Some(40));
        assert_eq!(start(90), 7);
        look(&heads, 120, [16, 20], Some(35));
        assert_eq!(start(120), 30, "the second and the third");
        look(&heads, 150, [20, 24], Some(33));
        assert_eq!(start(150), 33, "one has come back before the front of then");
        look(&heads, 180, [24, 28], None);
        assert_eq!(start(180), 35, "there is nothing before it");
    }

    #[test]
    fn a_look_that_overtakes_another_says_nothing_of_it() {
        let heads = Heads::default();
        let app: AppId = "acme/sketch".parse().unwrap();
        let turn = heads.turn();
        look(&heads, 0, [5, 9], Some(7));
        let late = Look { at: at(30), horizon: Horizon { over: 8, next: 9 }, turn, front: None };
        heads.note(&app, Priority::Normal, late);
        look(&heads, 60, [10, 12], Some(8));
        assert_eq!(heads.start(&app, Priority::Normal, at(60)), 0, "it had begun before");
        look(&heads, 90, [12, 14], Some(9));
        assert_eq!(heads.start(&app, Priority::Normal, at(90)), 7);
    }
}
