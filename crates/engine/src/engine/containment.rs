//! Containment of requests that end runners.
//!
//! When a runner dies, every request in flight on it may be the reason. With `poison_limit` each of them is a
//! suspect from then on, and is tried alone: so the next death, if there is one, has one culprit. A suspect at
//! whose side runners died as often as the limit says is not tried again.

use std::collections::{BTreeMap, VecDeque};

use fal_lifecycle::Cause;
use fal_policy::{Outcome, Retry, Verdict};
use fal_queue::{Ending, Ruling, Ticket};
use fal_types::{Attempt, LeaseId, Problem, RequestId, RunnerId};

use super::Engine;
use crate::{Command, Record, Reported, told, turn::Turn};

/// Requests whose deaths are remembered; one that was cancelled while it waited is never struck off.
const REMEMBERED: usize = 10_000;

/// The suspects, and those of them that wait to be tried alone.
#[derive(Debug, Default)]
pub(super) struct Containment {
    deaths: BTreeMap<RequestId, Vec<(RunnerId, Cause)>>,
    parked: VecDeque<(LeaseId, Box<Ticket>)>,
    /// The runner that comes to rest for the first of them.
    reserved: Option<RunnerId>,
    /// Runners that a suspect has alone.
    alone: BTreeMap<RunnerId, RequestId>,
}

impl Containment {
    /// Suspects that have been claimed and not sent to a runner yet.
    pub(super) fn parked(&self) -> u64 {
        u64::try_from(self.parked.len()).unwrap_or(u64::MAX)
    }
}

impl Engine {
    /// Whether a request has to be tried alone. With one slot each every request is.
    pub(super) fn is_suspect(&self, request: RequestId) -> bool {
        self.settings.max_multiplexing > 1 && self.containment.deaths.contains_key(&request)
    }

    /// Takes note of how an attempt ended, and rules on it where containment has something to say.
    //= docs/contract.md#poison
    //# With `poison_limit` set, a request that was in flight at so many deaths of runners MUST NOT be tried again,
    //# and ends with `runner_disconnected`.
    pub(super) fn contain(
        &mut self,
        turn: &mut Turn,
        (runner, request): (RunnerId, RequestId),
        (verdict, reported): (&Verdict, &Reported),
    ) -> Option<Ruling> {
        self.set_free(runner, request);
        if self.settings.poison_limit == 0 {
            return None;
        }
        let again = matches!(verdict.retry, Retry::Again { .. });
        let Some(cause) = death(&reported.outcome).filter(|_| again) else {
            if !again {
                self.containment.deaths.remove(&request);
            }
            return None;
        };
        let deaths = self.containment.deaths.entry(request).or_default();
        deaths.push((runner, cause));
        let limit = usize::try_from(self.settings.poison_limit).unwrap_or(usize::MAX);
        if deaths.len() >= limit {
            let deaths = self.containment.deaths.remove(&request).unwrap_or_default();
            turn.push(Command::Contained { request, deaths });
            return Some(Ruling::Exhaust(Ending::Failed(Problem::Disconnected)));
        }
        if self.containment.deaths.len() > REMEMBERED {
            self.containment.deaths.pop_first();
        }
        //= docs/contract.md#poison
        //# An attempt that ended because its runner died MUST NOT be charged then.
        (reported.outcome == Outcome::Disconnected).then_some(Ruling::GiveBack)
    }

    /// Keeps a suspect until a runner can be had alone.
    pub(super) fn park(&mut self, lease: LeaseId, ticket: Ticket) {
        self.containment.parked.push_back((lease, Box::new(ticket)));
    }

    /// Sends suspects to runners that have come to rest, and lets another one come to rest for the next.
    pub(super) fn place_parked(&mut self, turn: &mut Turn) {
        while let Some((lease, ticket)) = self.containment.parked.pop_front() {
            let Some(runner) = self.resting(turn) else {
                self.containment.parked.push_front((lease, ticket));
                self.rest_one();
                return;
            };
            self.containment.alone.insert(runner, ticket.id);
            self.dispatch(turn, (lease, runner), ticket);
        }
        // Nobody waits for it any more.
        if let Some(runner) = self.containment.reserved.take() {
            self.pool.open_up(runner);
        }
    }

    /// A slot on a runner that has nothing else to do: the one that was kept for this, or an idle one.
    fn resting(&mut self, turn: &Turn) -> Option<RunnerId> {
        if let Some(runner) = self.containment.reserved
            && self.pool.lease_reserved(turn.now, runner)
        {
            self.containment.reserved = None;
            return Some(runner);
        }
        self.pool.lease_alone(turn.now)
    }

    fn rest_one(&mut self) {
        let is_there = |runner: &RunnerId| {
            self.pool.get(*runner).is_some_and(fal_lifecycle::Machine::is_ready)
        };
        if !self.containment.reserved.as_ref().is_some_and(is_there) {
            self.containment.reserved = self.pool.reserve();
        }
    }

    /// A suspect's attempt is over, so its runner is open to others again.
    pub(super) fn set_free(&mut self, runner: RunnerId, request: RequestId) {
        if self.containment.alone.get(&runner) == Some(&request) {
            self.containment.alone.remove(&runner);
            self.pool.open_up(runner);
        }
    }

    /// Gives a cancelled suspect back that waits to be tried; false if it does not.
    pub(super) fn unpark(&mut self, turn: &mut Turn, request: RequestId) -> bool {
        let place = self.containment.parked.iter().position(|(_, ticket)| ticket.id == request);
        let parked = place.and_then(|place| self.containment.parked.remove(place));
        let Some((lease, ticket)) = parked else { return false };
        give_back(turn, lease, &ticket);
        true
    }

    /// Gives all of them back, because the app stops.
    pub(super) fn release_parked(&mut self, turn: &mut Turn) {
        for (lease, ticket) in std::mem::take(&mut self.containment.parked) {
            give_back(turn, lease, &ticket);
        }
    }
}

fn give_back(turn: &mut Turn, lease: LeaseId, ticket: &Ticket) {
    let attempt = Attempt::new(ticket.attempts);
    let (ruling, told) = (Ruling::GiveBack, told::unsent());
    turn.push(Command::Record(Record { request: ticket.id, lease, attempt, ruling, told }));
}

/// Why the runner died that the request was in flight on, if it did. A request that could not connect was not in
/// flight.
const fn death(outcome: &Outcome) -> Option<Cause> {
    match outcome {
        Outcome::Responded(answer) if answer.status.code() == 503 => Some(Cause::Status503),
        Outcome::Disconnected => Some(Cause::Disconnected),
        Outcome::Truncated => Some(Cause::Truncated),
        Outcome::TimedOut => Some(Cause::RequestTimedOut),
        Outcome::Responded(_)
        | Outcome::Refused
        | Outcome::ConnectTimedOut
        | Outcome::ConnectFailed
        | Outcome::Abandoned
        | Outcome::Cancelled => None,
    }
}
