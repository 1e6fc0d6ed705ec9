//! Machines with apps that come and go at random.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};

use super::*;

/// What its app knows of a runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Waiting,
    Has(Offer),
    Needed,
}

/// A machine with its apps, and what each runner holds.
struct World {
    machine: Allotment,
    now: Moment,
    wants: Vec<Want>,
    lives: BTreeMap<RunnerId, (Rank, Life, Vec<Gpu>)>,
    watched: Vec<u32>,
    started: u32,
    served: Vec<bool>,
}

impl World {
    fn new(runners: Option<usize>, wants: Vec<Want>) -> Self {
        Self {
            machine: Allotment::new(Shared { runners, turn: TURN }),
            now: at(0),
            served: vec![false; wants.len()],
            wants,
            lives: BTreeMap::new(),
            watched: Vec::new(),
            started: 0,
        }
    }

    fn step(&mut self, input: Input) {
        let decisions = self.machine.step(self.now, input);
        for decision in decisions {
            match decision {
                Decision::Allot { runner, gpus } => self.allotted(runner, gpus),
                Decision::MakeRoom { runner, .. } => {
                    let (_, life, _) = self.lives.get_mut(&runner).unwrap();
                    assert_ne!(*life, Life::Waiting, "{runner} has nothing to give");
                    // Its app may need it by now, and says so when it speaks next.
                    if *life != Life::Needed {
                        *life = Life::Has(Offer::Leaving);
                    }
                }
                Decision::Watch { app } => self.watched.push(app),
                Decision::Unwatch { app } => self.watched.retain(|watched| *watched != app),
            }
        }
        self.judge();
    }

    fn allotted(&mut self, runner: RunnerId, gpus: Vec<Gpu>) {
        let want = &self.wants[runner.boot() as usize];
        assert_eq!(gpus.len(), want.each);
        assert!(gpus.iter().all(|gpu| want.gpus.contains(gpu)));
        assert!(gpus.iter().enumerate().all(|(place, gpu)| !gpus[..place].contains(gpu)));
        self.served[runner.boot() as usize] = true;
        let (_, life, held) = self.lives.get_mut(&runner).unwrap();
        assert_eq!(*life, Life::Waiting);
        (*life, *held) = (Life::Needed, gpus);
    }

    fn judge(&self) {
        let holds = |life: &Life| *life != Life::Waiting;
        let holders = self.lives.iter().filter(|(_, (_, life, _))| holds(life));
        let holders: Vec<_> = holders.collect();
        assert!(self.machine.shared.runners.is_none_or(|room| holders.len() <= room));
        for number in 0..4 {
            let gpu = gpu(number);
            let on = holders.iter().filter(|(_, (.., gpus))| gpus.contains(&gpu));
            let limits = on.clone().map(|(runner, _)| self.wants[runner.boot() as usize].sharing);
            assert!(on.count() <= limits.min().unwrap_or(0), "too many on GPU {number}");
        }
    }

    fn claim(&mut self, app: u32, rank: Rank) -> RunnerId {
        let runner = RunnerId::new(app, self.started);
        self.started += 1;
        self.lives.insert(runner, (rank, Life::Waiting, Vec::new()));
        let want = self.wants[app as usize].clone();
        self.step(Input::Claim { runner, want, rank });
        runner
    }

    fn publish(&mut self) {
        for app in self.watched.clone() {
            let mine = self.lives.iter().filter(|(runner, _)| runner.boot() == app);
            let offers = mine.filter_map(|(runner, (_, life, _))| match life {
                Life::Has(offer) => Some((*runner, *offer)),
                Life::Waiting | Life::Needed => None,
            });
            self.step(Input::Offers { app, offers: offers.collect() });
        }
    }

    fn gone(&mut self, runner: RunnerId) {
        self.lives.remove(&runner);
        self.step(Input::Gone { runner });
    }

    /// Something happens to the `which`th runner, or to time.
    fn act(&mut self, kind: u8, which: usize) {
        let runner = self.lives.keys().nth(which % self.lives.len().max(1)).copied();
        let app = which as u32 % self.wants.len() as u32;
        match (kind, runner) {
            (0..4, _) => {
                self.claim(app, Rank::Serves);
            }
            (4, _) => {
                self.claim(app, Rank::Spare);
            }
            (5, Some(runner)) => self.gone(runner),
            (6 | 7, Some(runner)) => {
                let (rank, life, _) = self.lives.get_mut(&runner).unwrap();
                *life = match *life {
                    Life::Needed if *rank == Rank::Spare => Life::Has(Offer::Spare),
                    Life::Needed if which.is_multiple_of(3) => {
                        Life::Has(Offer::Old { successor: None })
                    }
                    Life::Needed if which % 3 == 1 => Life::Has(Offer::Idle { since: self.now }),
                    Life::Needed => Life::Has(Offer::Busy { since: self.now }),
                    Life::Has(Offer::Busy { .. } | Offer::Idle { .. }) => Life::Needed,
                    Life::Waiting => Life::Waiting,
                    Life::Has(offer) => Life::Has(offer),
                };
                self.publish();
            }
            (8, _) => {
                self.now = self.now + TURN / 3;
                self.step(Input::Elapsed);
            }
            _ => self.publish(),
        }
    }

    /// Everybody who was told to go goes, and those told so the next moment.
    fn obey(&mut self) {
        let leaves = |life: &Life| *life == Life::Has(Offer::Leaving);
        loop {
            self.publish();
            let found = self.lives.iter().find(|(_, (_, life, _))| leaves(life));
            let Some(runner) = found.map(|(runner, _)| *runner) else { return };
            self.gone(runner);
        }
    }
}

fn want() -> impl Strategy<Value = Want> {
    let numbers = proptest::sample::subsequence(vec![0_usize, 1, 2, 3], 0..=4).prop_shuffle();
    (numbers, 1..4_usize, 1..3_usize).prop_map(|(numbers, each, sharing)| {
        let each = each.min(numbers.len());
        Want { gpus: gpus(&numbers), each, sharing }
    })
}

fn world() -> impl Strategy<Value = World> {
    (proptest::option::of(1..6_usize), vec(want(), 1..4))
        .prop_map(|(runners, wants)| World::new(runners, wants))
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("wants", &self.wants).field("room", &self.machine).finish()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_held_by_more_than_may_hold_it(
        mut world in world(),
        acts in vec((0..10_u8, 0..64_usize), 0..120),
    ) {
        for (kind, which) in acts {
            world.act(kind, which);
        }
    }

    #[test]
    fn everybody_gets_something_where_nobody_needs_what_they_hold(
        mut world in world(),
        acts in vec((0..10_u8, 0..64_usize), 0..60),
    ) {
        for (kind, which) in acts {
            world.act(kind, which);
        }
        for _ in 0..200 {
            world.now = world.now + TURN;
            world.step(Input::Elapsed);
            for (_, life, _) in world.lives.values_mut() {
                if *life != Life::Waiting {
                    *life = Life::Has(Offer::Idle { since: at(0) });
                }
            }
            world.obey();
        }
        // An app makes no room for itself: where it has something, the rest of its own may wait.
        for (runner, (rank, life, _)) in &world.lives {
            let holds = |other: &RunnerId, life: &Life| {
                other.boot() == runner.boot() && *life != Life::Waiting
            };
            let has_some = world.lives.iter().any(|(other, (_, life, _))| holds(other, life));
            prop_assert!(*rank == Rank::Spare || *life != Life::Waiting || has_some, "{runner}");
        }
    }

    #[test]
    fn every_app_has_its_turn_where_all_are_busy(mut world in world()) {
        for app in 0..world.wants.len() as u32 {
            world.claim(app, Rank::Serves);
            world.claim(app, Rank::Serves);
        }
        for _ in 0..40 {
            let now = world.now;
            for (_, life, _) in world.lives.values_mut() {
                if *life == Life::Needed {
                    *life = Life::Has(Offer::Busy { since: now });
                }
            }
            world.publish();
            world.now = now + TURN;
            world.step(Input::Elapsed);
            let before: Vec<_> = world.lives.keys().copied().collect();
            world.obey();
            // Whoever had to go wants to come again.
            for runner in before {
                if !world.lives.contains_key(&runner) {
                    world.claim(runner.boot(), Rank::Serves);
                }
            }
        }
        prop_assert!(world.served.iter().all(|served| *served), "{:?}", world.served);
    }
}
