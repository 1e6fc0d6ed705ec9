//! One step at a time: what happened goes in, what to do comes out.

mod balance;
mod cancelling;
mod containment;
mod reload;
mod requests;
mod room;
mod runners;

use std::collections::{BTreeMap, BTreeSet};

use fal_allotment::Rank;
use fal_lifecycle::{Cause, Machine};
use fal_queue::Ticket;
use fal_types::{LeaseId, Moment, RequestId, RunnerId};

use self::{cancelling::Overdue, containment::Containment};
use crate::{
    Command, Input, Replacement, Settings, Standing, Who,
    backlog::Backlog,
    pool::{Member, Pool},
    turn::Turn,
    waiting::Waiting,
};

/// The conductor of one app's runners and requests.
#[derive(Debug)]
pub struct Engine {
    settings: Settings,
    pool: Pool,
    waiting: Waiting,
    backlog: Backlog,
    leases: BTreeMap<LeaseId, Held>,
    /// Where requests ran last that should go elsewhere if they can.
    avoid: BTreeMap<RequestId, RunnerId>,
    /// Requests that were cancelled while a claim that may hold them was under way.
    cancelled_early: BTreeSet<RequestId>,
    /// Requests that have gone again because their runner died.
    mourning: BTreeSet<RequestId>,
    /// Requests at whose side runners died.
    containment: Containment,
    /// Cancelled requests that their runners have not answered yet.
    overdue: Overdue,
    /// What was last said of what the app could do without.
    room: room::Room,
    next_lease: u64,
    /// Failed starts in a row.
    failures: u32,
    /// When the last of them failed.
    failed: Moment,
    phase: Phase,
    /// While runners of an older revision are in service.
    roll: Option<reload::Roll>,
    /// The state of the generator for jitter; seeded, so that a run can be replayed.
    dice: u64,
    deadline: Option<Moment>,
}

/// Who holds a slot.
#[derive(Debug)]
struct Held {
    runner: RunnerId,
    /// The queued request; none for a direct call.
    ticket: Option<Box<Ticket>>,
    /// Its caller has cancelled it meanwhile.
    cancelled: bool,
    /// When it was given.
    since: Moment,
    /// Its runner goes for a reload, which the request must not pay for.
    is_retired: bool,
}

/// Whether the app takes work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Serving,
    Draining,
    Drained,
}

/// A runner as others may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runner {
    /// Its name.
    pub id: RunnerId,
    /// The name of its state, as fal writes it.
    pub state: &'static str,
    /// Why it is in that state.
    pub cause: Cause,
    /// Since when.
    pub entered: Moment,
    /// When it was decided to have it.
    pub begun: Moment,
    /// Its requests.
    pub in_flight: u32,
    /// The revision of the app that it was started for, counted from 1.
    pub revision: u32,
    /// How it stands among the others.
    pub standing: Standing,
    /// Whether requests are placed on it.
    pub takes_requests: bool,
    /// Whether one request has it alone, or will: none other is placed on it.
    pub alone: bool,
    /// Whether another takes its place.
    pub replacement: Replacement,
    /// When it is stopped for want of work, if none comes.
    pub expires: Option<Moment>,
    /// What it holds: the lease, the queued request (none for a direct call), and since when.
    pub leases: Vec<(LeaseId, Option<RequestId>, Moment)>,
}

impl Engine {
    /// An engine with no runners. The first step that finds `min` above zero starts some: send
    /// [`Input::Elapsed`] once.
    #[must_use]
    pub fn new(settings: Settings, who: Who) -> Self {
        let pool = Pool::new(who.boot, settings.max_multiplexing, settings.needs);
        Self {
            settings,
            pool,
            waiting: Waiting::default(),
            backlog: Backlog::default(),
            leases: BTreeMap::new(),
            avoid: BTreeMap::new(),
            cancelled_early: BTreeSet::new(),
            mourning: BTreeSet::new(),
            containment: Containment::default(),
            overdue: Overdue::default(),
            room: room::Room::default(),
            // Leases of two starts must differ, since the store remembers them.
            next_lease: u64::from(who.boot) << 32,
            failures: 0,
            failed: Moment::from_micros(0),
            phase: Phase::Serving,
            roll: None,
            dice: (u64::from(who.boot) << 32 | who.node).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            deadline: None,
        }
    }

    /// Takes in what happened and answers what to do, in order.
    pub fn step(&mut self, now: Moment, input: Input) -> Vec<Command> {
        let mut turn = Turn::new(now);
        if self.take(&mut turn, input) == Follow::Up || self.room.is_watched() {
            self.settle_down(&mut turn);
        }
        turn.commands
    }

    fn take(&mut self, turn: &mut Turn, input: Input) -> Follow {
        match input {
            Input::Admit { call, until, late } => return self.admit(turn, call, until, late),
            Input::Settled { lease, reported } => return self.settled(turn, lease, &reported),
            Input::Withdrawn { call } => {
                // A call that was granted meanwhile is settled by whoever got the grant.
                let _granted = !self.waiting.remove(call);
            }
            Input::Arrived { due } => self.backlog.arrived(turn.now, due),
            Input::Looked { backlog, news } => self.backlog.looked(turn.now, &backlog, news),
            Input::Claimed { batch, backlog } => self.claimed(turn, batch, &backlog),
            Input::ClaimFailed { again } => {
                self.backlog.claim_failed(again);
                self.cancelled_early.clear();
            }
            Input::CancelAsked { request } => self.cancel(turn, request),
            Input::CallerLeft { lease } => self.caller_left(turn, lease),
            Input::Runner { runner, event } => self.tell(turn, runner, event),
            Input::Watched(watched) => self.room.watch(watched),
            Input::MakeRoom { runner, offered, claimant } => {
                self.make_room(turn, (runner, claimant), offered);
            }
            Input::Reconfigured(change) => self.reconfigured(turn, change),
            Input::Drain => self.drain(turn),
            Input::Elapsed => self.elapsed(turn),
        }
        Follow::Up
    }

    /// When [`Input::Elapsed`] is due next. May be early, never late.
    #[must_use]
    pub const fn next_deadline(&self) -> Option<Moment> {
        self.deadline
    }

    /// The runners as they are now, by name.
    #[must_use]
    pub fn runners(&self) -> Vec<Runner> {
        let mut leases: BTreeMap<RunnerId, Vec<_>> = BTreeMap::new();
        for (lease, held) in &self.leases {
            let request = held.ticket.as_ref().map(|ticket| ticket.id);
            leases.entry(held.runner).or_default().push((*lease, request, held.since));
        }
        let view = |(id, member): (RunnerId, &Member)| {
            self.view((id, member), leases.remove(&id).unwrap_or_default())
        };
        self.pool.iter().map(view).collect()
    }

    fn view(
        &self,
        (id, member): (RunnerId, &Member),
        leases: Vec<(LeaseId, Option<RequestId>, Moment)>,
    ) -> Runner {
        Runner {
            id,
            state: member.machine.state().name(),
            cause: member.machine.cause(),
            entered: member.machine.entered(),
            begun: member.begun,
            in_flight: member.machine.in_flight(),
            revision: self.pool.revision(member),
            standing: member.standing,
            takes_requests: member.takes_requests(),
            alone: member.alone,
            replacement: member.replacement,
            expires: self.idle_deadline(member),
            leases,
        }
    }

    /// Direct calls that wait for a runner.
    #[must_use]
    pub fn waiting_calls(&self) -> usize {
        self.waiting.len()
    }

    /// Whether the health probe that was just commanded was asked for by the app, so that it is told so.
    #[must_use]
    pub fn is_health_on_demand(&self, runner: RunnerId) -> bool {
        self.pool.get(runner).is_some_and(Machine::health_on_demand)
    }

    /// Who comes first where the machine cannot give everybody what is needed.
    #[must_use]
    pub fn rank(&self, runner: RunnerId) -> Rank {
        let is_spare =
            self.pool.member(runner).is_some_and(|member| member.standing == Standing::Spare);
        if is_spare { Rank::Spare } else { Rank::Serves }
    }

    /// Whether some runner takes requests.
    #[must_use]
    pub const fn has_ready(&self) -> bool {
        self.pool.ready() > 0
    }

    /// How often it was told of waiting requests, for [`Input::Looked`].
    #[must_use]
    pub const fn news(&self) -> u64 {
        self.backlog.news()
    }

    /// The next number of a xorshift generator.
    const fn roll(&mut self) -> u64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice
    }
}

/// Whether an input leaves slots, runners and deadlines to look after. The inputs of an ordinary request do not,
/// and they come thousands of times a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Follow {
    Up,
    Nothing,
}

#[cfg(test)]
mod tests;
