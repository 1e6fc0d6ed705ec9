//! One look at everybody who waits.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use fal_types::{Moment, RunnerId};

use super::{Allotment, Claim, Decision};
use crate::{Gpu, LULL, Offer, Rank, Want};

/// What is held and reserved, while those who wait are looked at one after the other.
pub(super) struct Round<'a> {
    now: Moment,
    room: Option<usize>,
    turn: Duration,
    seats: BTreeMap<RunnerId, Seat<'a>>,
    /// What each app holds and will, but for what it is about to lose: what is of an older revision does not count.
    weights: BTreeMap<u32, usize>,
    leaving: usize,
    /// Who is going to have to go for somebody, but not yet.
    promised: BTreeSet<RunnerId>,
    /// The claims of each app, in their order.
    lines: BTreeMap<u32, VecDeque<&'a Claim>>,
    /// Whether all that may go are known, so that the right ones do.
    is_told: bool,
}

/// What one runner has, or is to have.
struct Seat<'a> {
    gpus: Vec<&'a Gpu>,
    sharing: usize,
    is: Is,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Is {
    Held(Option<Offer>),
    Leaving,
    /// It is not there yet: others have to go first.
    Reserved,
}

/// What it takes before a runner has what it wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Price {
    /// Nothing.
    Free,
    /// That somebody goes who does so already.
    Patience,
    /// That somebody goes who is not needed.
    Idle,
    /// That somebody goes whose successor this one is.
    Own,
    /// That somebody goes who has had a turn.
    Turn,
    /// That somebody goes who will have to by then.
    Later(Moment),
}

struct Plan<'a> {
    price: Price,
    gpus: Vec<&'a Gpu>,
    victims: BTreeSet<RunnerId>,
}

impl<'a> Round<'a> {
    pub(super) fn begin(of: &'a Allotment, now: Moment) -> Self {
        let mut round = Self {
            now,
            room: of.shared.runners,
            turn: of.shared.turn,
            seats: BTreeMap::new(),
            weights: BTreeMap::new(),
            leaving: 0,
            promised: BTreeSet::new(),
            lines: BTreeMap::new(),
            is_told: of.silent.iter().all(|app| of.held.keys().all(|it| it.boot() != *app)),
        };
        for (runner, held) in &of.held {
            let is = match held.offer {
                Some(Offer::Leaving) => Is::Leaving,
                _ if held.has_ended => Is::Leaving,
                other => Is::Held(other),
            };
            let gpus = held.gpus.iter().collect();
            round.sit(*runner, Seat { gpus, sharing: held.sharing, is });
        }
        // Those who serve before the spares of the same app.
        for rank in [Rank::Serves, Rank::Spare] {
            for claim in of.claims.iter().filter(|claim| claim.rank == rank) {
                round.lines.entry(claim.runner.boot()).or_default().push_back(claim);
            }
        }
        round
    }

    /// Looks at every claim once, and answers when somebody may have to go whom another waits for.
    pub(super) fn run(mut self, decisions: &mut Vec<Decision>) -> Option<Moment> {
        let mut deadline = None;
        // What one of an app cannot get, another of it that wants the same cannot get either.
        let mut hopeless: Vec<(u32, &Want, Rank)> = Vec::new();
        while let Some(claim) = self.next() {
            let alike = (claim.runner.boot(), &claim.want, claim.rank);
            if hopeless.contains(&alike) {
                continue;
            }
            let Some(plan) = self.plan(claim) else {
                hopeless.push(alike);
                continue;
            };
            if let Price::Later(at) = plan.price {
                deadline = Some(deadline.map_or(at, |sooner: Moment| sooner.min(at)));
            }
            self.adopt(claim, plan, decisions);
        }
        deadline
    }

    /// The next to be looked at: of the app that holds least, the one that has waited longest.
    fn next(&mut self) -> Option<&'a Claim> {
        let order = |(app, line): (&u32, &VecDeque<&Claim>)| {
            let first = line.front()?;
            Some((first.rank, weight(&self.weights, *app), first.order, *app))
        };
        let (.., app) = self.lines.iter().filter_map(order).min()?;
        self.lines.get_mut(&app)?.pop_front()
    }

    fn plan(&self, claim: &'a Claim) -> Option<Plan<'a>> {
        let mut found: Vec<_> = claim
            .want
            .gpus
            .iter()
            .filter_map(|gpu| self.clear(gpu, claim).map(|(price, victims)| (price, gpu, victims)))
            .collect();
        // Of those that cost the same, the ones with fewer on them.
        found.sort_by_key(|(price, gpu, _)| (*price, self.on(gpu)));
        found.truncate(claim.want.each);
        if found.len() < claim.want.each {
            return None;
        }
        let mut plan = Plan { price: Price::Free, gpus: Vec::new(), victims: BTreeSet::new() };
        for (price, gpu, victims) in found {
            plan.price = plan.price.max(price);
            plan.gpus.push(gpu);
            plan.victims.extend(victims);
        }
        self.make_room(claim, &mut plan)?;
        if !self.is_fair(claim, &plan) {
            return None;
        }
        self.put_off(claim, &mut plan);
        Some(plan)
    }

    fn on(&self, gpu: &Gpu) -> usize {
        self.seats.values().filter(|seat| seat.gpus.contains(&gpu)).count()
    }

    /// What it takes before the runner may hold this GPU, and who would have to go.
    fn clear(&self, gpu: &Gpu, claim: &Claim) -> Option<(Price, Vec<RunnerId>)> {
        let on = |seat: &&Seat<'_>| seat.gpus.contains(&gpu);
        let holders: Vec<_> = self.seats.iter().filter(|(_, seat)| on(seat)).collect();
        let fits = |gone: &dyn Fn(RunnerId, &Seat<'_>) -> bool| {
            let left = holders.iter().filter(|(runner, seat)| !gone(**runner, seat));
            let limits = left.clone().map(|(_, seat)| seat.sharing);
            let limit = limits.chain([claim.want.sharing]).min().unwrap_or(1);
            left.count() < limit
        };
        if fits(&|_, _| false) {
            return Some((Price::Free, Vec::new()));
        }
        if fits(&|_, seat| seat.is == Is::Leaving) {
            return Some((Price::Patience, Vec::new()));
        }
        let mut going = Vec::new();
        for (price, runner) in self.priced(claim, holders.iter().copied()) {
            going.push(runner);
            if fits(&|runner, seat| seat.is == Is::Leaving || going.contains(&runner)) {
                return Some((price, going));
            }
        }
        None
    }

    /// Finds the runner a place among all others.
    fn make_room(&self, claim: &Claim, plan: &mut Plan<'_>) -> Option<()> {
        let Some(room) = self.room else { return Some(()) };
        let mut others = self.priced(claim, self.seats.iter()).into_iter();
        // Those that stay: each that goes makes room for one of those that come.
        let stay = self.seats.len() - self.leaving - self.promised.len();
        while stay - plan.victims.len() >= room {
            let (price, runner) = others.next()?;
            if plan.victims.insert(runner) {
                plan.price = plan.price.max(price);
            }
        }
        let there = self.seats.values().filter(|seat| seat.is != Is::Reserved).count();
        if there >= room {
            plan.price = plan.price.max(Price::Patience);
        }
        Some(())
    }

    /// Those of some runners that may have to go for this claim, the cheapest first.
    fn priced<'b>(
        &self,
        claim: &Claim,
        seats: impl Iterator<Item = (&'b RunnerId, &'b Seat<'a>)>,
    ) -> Vec<(Price, RunnerId)>
    where
        'a: 'b,
    {
        let price = |(runner, seat): (&RunnerId, &Seat<'_>)| {
            Some((self.price(claim, *runner, seat)?, *runner))
        };
        let mut priced: Vec<_> = seats.filter_map(price).collect();
        priced.sort_unstable();
        priced
    }

    fn price(&self, claim: &Claim, runner: RunnerId, seat: &Seat<'_>) -> Option<Price> {
        let Is::Held(Some(offer)) = seat.is else { return None };
        if claim.rank == Rank::Spare || self.promised.contains(&runner) {
            return None;
        }
        let is_own = claim.runner.boot() == runner.boot();
        match offer {
            Offer::OldSpare => Some(Price::Idle),
            Offer::Old { successor } => {
                let fits = is_own && successor.is_none_or(|successor| successor == claim.runner);
                fits.then_some(Price::Own)
            }
            Offer::Leaving => None,
            Offer::Spare | Offer::Idle { .. } | Offer::Busy { .. } if is_own => None,
            Offer::Spare => Some(Price::Idle),
            Offer::Idle { since } => Some(self.over(since + self.lull(), Price::Idle)),
            Offer::Busy { since } => {
                let (less, more) = (self.weight(claim.runner), self.weight(runner));
                let is_fair = less == 0 || more >= less + claim.want.weight() + seat.weight();
                is_fair.then(|| self.over(since + self.turn, Price::Turn))
            }
        }
    }

    fn over(&self, at: Moment, price: Price) -> Price {
        if at <= self.now { price } else { Price::Later(at) }
    }

    fn lull(&self) -> Duration {
        self.turn.min(LULL)
    }

    /// Whether no app that needs what it holds would hold less than the one that waits, unless that one holds nothing.
    fn is_fair(&self, claim: &Claim, plan: &Plan<'_>) -> bool {
        let mine = claim.runner.boot();
        let less = self.weight(claim.runner);
        let mut taken: BTreeMap<u32, usize> = BTreeMap::new();
        for victim in plan.victims.iter().filter(|victim| victim.boot() != mine) {
            let Some(seat) = self.seats.get(victim) else { continue };
            if matches!(seat.is, Is::Held(Some(Offer::Busy { .. }))) {
                *taken.entry(victim.boot()).or_default() += seat.weight();
            }
        }
        let has = |app| weight(&self.weights, app);
        less == 0
            || taken.iter().all(|(app, taken)| has(*app) >= less + claim.want.weight() + taken)
    }

    /// Nobody has to go for what may be over in a moment.
    fn put_off(&self, claim: &Claim, plan: &mut Plan<'_>) {
        let is_own = |runner: &RunnerId| runner.boot() == claim.runner.boot();
        let from = claim.made + self.lull();
        let is_early = from > self.now && self.weight(claim.runner) > 0;
        if is_early && plan.victims.iter().any(|victim| !is_own(victim)) {
            plan.price = plan.price.max(Price::Later(from));
        }
    }

    fn adopt(&mut self, claim: &'a Claim, plan: Plan<'a>, decisions: &mut Vec<Decision>) {
        let is = match plan.price {
            Price::Free => {
                let gpus = plan.gpus.iter().copied().cloned().collect();
                decisions.push(Decision::Allot { runner: claim.runner, gpus });
                Is::Held(None)
            }
            Price::Idle | Price::Own | Price::Turn if self.is_told => {
                let claimant = claim.runner;
                for victim in plan.victims {
                    if let Some(offer) = self.leave(victim) {
                        decisions.push(Decision::MakeRoom { runner: victim, offer, claimant });
                    }
                }
                Is::Reserved
            }
            // There are no victims yet, or none that go now.
            Price::Patience | Price::Idle | Price::Own | Price::Turn | Price::Later(_) => {
                self.promised.extend(plan.victims);
                Is::Reserved
            }
        };
        self.sit(claim.runner, Seat { gpus: plan.gpus, sharing: claim.want.sharing, is });
    }

    fn sit(&mut self, runner: RunnerId, seat: Seat<'a>) {
        match seat.is {
            Is::Leaving => self.leaving += 1,
            Is::Held(Some(Offer::Old { .. } | Offer::OldSpare)) => {}
            Is::Held(_) | Is::Reserved => {
                *self.weights.entry(runner.boot()).or_default() += seat.weight();
            }
        }
        self.seats.insert(runner, seat);
    }

    /// What the app of a runner holds and will.
    fn weight(&self, runner: RunnerId) -> usize {
        weight(&self.weights, runner.boot())
    }

    /// It goes. Answers as what it was offered.
    fn leave(&mut self, runner: RunnerId) -> Option<Offer> {
        let seat = self.seats.get_mut(&runner)?;
        let Is::Held(Some(offer)) = seat.is else { return None };
        seat.is = Is::Leaving;
        self.leaving += 1;
        let counts = !matches!(offer, Offer::Old { .. } | Offer::OldSpare);
        if let Some(weight) = self.weights.get_mut(&runner.boot()).filter(|_| counts) {
            *weight -= seat.weight();
        }
        Some(offer)
    }
}

impl Seat<'_> {
    fn weight(&self) -> usize {
        self.gpus.len().max(1)
    }
}

fn weight(weights: &BTreeMap<u32, usize>, app: u32) -> usize {
    weights.get(&app).copied().unwrap_or(0)
}
