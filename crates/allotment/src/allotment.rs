//! Who holds what, and who waits.

mod round;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use fal_types::{Moment, RunnerId};

use self::round::Round;
use crate::{Gpu, Offer, Rank, Want};

/// What all apps of a machine share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared {
    /// Runners that may be there at once; none for any number.
    pub runners: Option<usize>,
    /// How long a runner serves before it may have to make room while it is busy.
    pub turn: Duration,
}

impl Default for Shared {
    fn default() -> Self {
        Self { runners: None, turn: Duration::from_secs(60) }
    }
}

/// Something that happened. Apps are told apart by the first number of their runners' names
/// ([`RunnerId::boot`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A runner needs something before it can start.
    Claim {
        /// The runner, which has claimed nothing before.
        runner: RunnerId,
        /// What it needs.
        want: Want,
        /// Who comes first.
        rank: Rank,
    },
    /// A runner is as good as gone: what it holds is about to be free, whatever its app says of it.
    Ended {
        /// The runner.
        runner: RunnerId,
    },
    /// A runner is gone, or not wanted any more before it got anything.
    Gone {
        /// The runner.
        runner: RunnerId,
    },
    /// What a watched app could do without now.
    Offers {
        /// The app.
        app: u32,
        /// Its runners, but for those that are needed.
        offers: Vec<(RunnerId, Offer)>,
    },
    /// A deadline has come.
    Elapsed,
}

/// Something to do.
#[must_use = "a decision that is not carried out is lost"]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The runner has what it needs, until it is gone.
    Allot {
        /// The runner.
        runner: RunnerId,
        /// Its GPUs.
        gpus: Vec<Gpu>,
    },
    /// The runner is to end, because another one waits. Its app says in its next offers whether it does.
    MakeRoom {
        /// The runner.
        runner: RunnerId,
        /// As what it was offered. It need not go where its app needs it more by now.
        offer: Offer,
        /// The one that waits.
        claimant: RunnerId,
    },
    /// The app is to say what it could do without, now and whenever it changes.
    Watch {
        /// The app.
        app: u32,
    },
    /// The app need not say so any more.
    Unwatch {
        /// The app.
        app: u32,
    },
}

/// Who holds what of a machine, and who waits. See the crate for the rules.
#[derive(Debug)]
pub struct Allotment {
    shared: Shared,
    held: BTreeMap<RunnerId, Held>,
    /// In the order in which they were made.
    claims: Vec<Claim>,
    claimed: u64,
    watched: BTreeSet<u32>,
    /// Those of them that have not said anything yet.
    silent: BTreeSet<u32>,
    deadline: Option<Moment>,
}

/// What a runner has.
#[derive(Debug)]
struct Held {
    gpus: Vec<Gpu>,
    sharing: usize,
    offer: Option<Offer>,
    has_ended: bool,
}

/// What a runner waits for.
#[derive(Debug)]
struct Claim {
    order: u64,
    made: Moment,
    runner: RunnerId,
    want: Want,
    rank: Rank,
}

impl Allotment {
    /// A machine whose GPUs and places are all free.
    #[must_use]
    pub fn new(shared: Shared) -> Self {
        Self {
            shared,
            held: BTreeMap::new(),
            claims: Vec::new(),
            claimed: 0,
            watched: BTreeSet::new(),
            silent: BTreeSet::new(),
            deadline: None,
        }
    }

    /// Takes in what happened and answers what to do, in order.
    pub fn step(&mut self, now: Moment, input: Input) -> Vec<Decision> {
        match input {
            Input::Claim { runner, want, rank } => {
                self.claims.push(Claim { order: self.claimed, made: now, runner, want, rank });
                self.claimed += 1;
            }
            Input::Ended { runner } => {
                if let Some(held) = self.held.get_mut(&runner) {
                    held.has_ended = true;
                }
            }
            Input::Gone { runner } => {
                self.held.remove(&runner);
                self.claims.retain(|claim| claim.runner != runner);
            }
            Input::Offers { app, offers } => self.offered(app, &offers),
            Input::Elapsed => {}
        }
        let mut decisions = Vec::new();
        self.deadline = Round::begin(self, now).run(&mut decisions);
        self.carry_out(&decisions);
        self.watch(&mut decisions);
        decisions
    }

    /// When [`Input::Elapsed`] is due next. May be early, never late.
    #[must_use]
    pub const fn next_deadline(&self) -> Option<Moment> {
        self.deadline
    }

    /// Runners that wait for something.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.claims.len()
    }

    fn offered(&mut self, app: u32, offers: &[(RunnerId, Offer)]) {
        self.silent.remove(&app);
        let offers: BTreeMap<_, _> = offers.iter().copied().collect();
        let mine = self.held.iter_mut().filter(|(runner, _)| runner.boot() == app);
        for (runner, held) in mine {
            held.offer = offers.get(runner).copied();
        }
    }

    fn carry_out(&mut self, decisions: &[Decision]) {
        for decision in decisions {
            match decision {
                Decision::Allot { runner, gpus } => {
                    let place = self.claims.iter().position(|claim| claim.runner == *runner);
                    let Some(claim) = place.map(|place| self.claims.remove(place)) else {
                        continue;
                    };
                    let sharing = claim.want.sharing;
                    let gpus = gpus.clone();
                    let held = Held { gpus, sharing, offer: None, has_ended: false };
                    self.held.insert(*runner, held);
                }
                // Until its app says otherwise.
                Decision::MakeRoom { runner, .. } => {
                    if let Some(held) = self.held.get_mut(runner) {
                        held.offer = Some(Offer::Leaving);
                    }
                }
                Decision::Watch { .. } | Decision::Unwatch { .. } => {}
            }
        }
    }

    /// Apps are watched as long as somebody waits whom they could make room for.
    fn watch(&mut self, decisions: &mut Vec<Decision>) {
        let is_any_waiting = self.claims.iter().any(|claim| claim.rank == Rank::Serves);
        let holders = self.held.keys().map(|runner| runner.boot());
        let wanted: BTreeSet<u32> = holders.filter(|_| is_any_waiting).collect();
        decisions.extend(wanted.difference(&self.watched).map(|app| Decision::Watch { app: *app }));
        let over = self.watched.difference(&wanted);
        decisions.extend(over.map(|app| Decision::Unwatch { app: *app }));
        if !is_any_waiting {
            self.held.values_mut().for_each(|held| held.offer = None);
        }
        self.silent.extend(wanted.difference(&self.watched));
        self.silent.retain(|app| wanted.contains(app));
        self.watched = wanted;
    }
}
