//! Slots: who gets one, and what follows when it is given back.

use fal_lifecycle::Event;
use fal_policy::{Delay, Retry, Verdict};
use fal_queue::{Ruling, State, Ticket, store::Backlog as Answer};
use fal_types::{Attempt, LeaseId, Moment, Problem, RequestId, RunnerId};

use super::{Engine, Follow, Held, Phase};
use crate::{
    CallId, Command, Record, Reported,
    pool::Wish,
    settle,
    told::{self, Exception},
    turn::Turn,
};

/// Requests whose runners' deaths are remembered; a request that was cancelled while it waited is never struck off.
const MOURNED: usize = 10_000;

impl Engine {
    /// Grants at once where it can.
    pub(super) fn admit(
        &mut self,
        turn: &mut Turn,
        call: CallId,
        until: Moment,
        late: Problem,
    ) -> Follow {
        if self.phase != Phase::Serving {
            turn.push(Command::Refuse { call, problem: Problem::SchedulingFailure });
            return Follow::Nothing;
        }
        let reserved = self.backlog.claiming();
        let is_open = reserved == 0 || self.pool.free_slots() > reserved;
        if is_open && self.waiting.len() == 0 && self.grant(turn, call) {
            return if self.settings.scale.is_buffered() { Follow::Up } else { Follow::Nothing };
        }
        self.waiting.push(turn.now, call, until, late);
        Follow::Up
    }

    /// Gives a direct call a slot, if there is one.
    pub(super) fn grant(&mut self, turn: &mut Turn, call: CallId) -> bool {
        let Some(runner) = self.pool.lease(turn.now, Wish::default()) else { return false };
        let lease = LeaseId::new(self.next_lease);
        self.next_lease += 1;
        let held = Held::new(turn.now, runner, None);
        self.leases.insert(lease, held);
        turn.push(Command::Grant { call, lease, runner });
        true
    }

    /// Decides on an attempt that is over.
    pub(super) fn settled(
        &mut self,
        turn: &mut Turn,
        lease: LeaseId,
        reported: &Reported,
    ) -> Follow {
        let Some(held) = self.leases.remove(&lease) else { return Follow::Nothing };
        self.overdue.answered(lease);
        let verdict = match &held.ticket {
            None => settle::direct(reported, &self.settings.rules),
            Some(ticket) => settle::queued(reported, ticket, &self.settings.rules),
        };
        let verdict = if held.cancelled { settle::cancelled(&verdict) } else { verdict };
        self.pool.release(turn, held.runner);
        self.learn(turn, held.runner, reported);
        if let Some(ticket) = &held.ticket {
            self.record(turn, (lease, &held, ticket), (&verdict, reported));
        }
        if reported.health_wanted {
            self.tell(turn, held.runner, Event::HealthWanted);
        }
        if let Some(event) = settle::event(verdict.impact) {
            self.tell(turn, held.runner, event);
            return Follow::Up;
        }
        let idle_until = turn.now + self.settings.scale.keep_alive;
        self.deadline = Some(self.deadline.map_or(idle_until, |at| at.min(idle_until)));
        // With a buffer, what one runner gives back may make another superfluous.
        let is_quiet = self.waiting.len() == 0
            && self.containment.parked() == 0
            && self.backlog.claimable(turn.now) == 0
            && !self.settings.scale.is_buffered();
        if is_quiet && turn.commands.is_empty() { Follow::Nothing } else { Follow::Up }
    }

    /// Learns from an answer what its runner is good for, and whether it serves.
    fn learn(&mut self, turn: &mut Turn, runner: RunnerId, reported: &Reported) {
        if let Some(hints) = &reported.hints {
            self.pool.hear(runner, hints.clone());
        }
        if let Some(sign) = settle::sign(&reported.outcome)
            && self.pool.note(turn.now, runner, sign)
            && let Some(member) = self.pool.member(runner)
        {
            turn.push(Command::Stands { runner, standing: member.standing });
        }
    }

    fn record(
        &mut self,
        turn: &mut Turn,
        (lease, held, ticket): (LeaseId, &Held, &Ticket),
        (verdict, reported): (&Verdict, &Reported),
    ) {
        let roll = self.roll();
        let mourning = self.mourn(ticket.id, verdict);
        let is_going = self.phase != Phase::Serving || held.is_retired;
        let is_cut = is_going && settle::is_broken(&reported.outcome);
        let contained = if is_cut {
            // Its runner died because it was told to.
            self.set_free(held.runner, ticket.id);
            None
        } else {
            self.contain(turn, (held.runner, ticket.id), (verdict, reported))
        };
        let wait =
            settle::Wait { now: turn.now, backoff: &self.settings.retry_backoff, roll, mourning };
        //= docs/contract.md#reload
        //# A queued request that is cut all the same MUST go again without being charged.
        //= docs/contract.md#queue-restart
        //# An attempt that the platform's own death cut MUST NOT be charged to its request.
        let (ruling, exception) = if is_cut {
            (Ruling::GiveBack, Some(Exception::Going))
        } else if let Some(ruling) = contained {
            (ruling, Some(Exception::contained(ruling)))
        } else {
            (settle::ruling(verdict, reported, ticket, &wait), None)
        };
        let told = told::of(held.runner, verdict, reported, exception);
        // A runner that is gone already cannot be met again.
        if matches!(verdict.retry, Retry::Again { .. }) && self.pool.get(held.runner).is_some() {
            self.avoid.insert(ticket.id, held.runner);
        }
        let attempt = Attempt::new(ticket.attempts);
        turn.push(Command::Record(Record { request: ticket.id, lease, attempt, ruling, told }));
    }

    /// Notes that a request goes again because its runner died, and says whether it is the first time. The note is
    /// gone with the platform: then a request may skip one backoff more.
    fn mourn(&mut self, request: RequestId, verdict: &Verdict) -> settle::Mourning {
        match verdict.retry {
            Retry::Again { delay: Delay::AfterDeath, .. } => {
                let is_first = self.mourning.insert(request);
                if self.mourning.len() > MOURNED {
                    self.mourning.pop_first();
                }
                if is_first { settle::Mourning::First } else { settle::Mourning::Again }
            }
            Retry::Again { .. } => settle::Mourning::Again,
            Retry::Never(_) => {
                self.mourning.remove(&request);
                settle::Mourning::Again
            }
        }
    }

    /// Sends claimed requests to runners.
    pub(super) fn claimed(&mut self, turn: &mut Turn, batch: Vec<Ticket>, backlog: &Answer) {
        self.backlog.claimed(turn.now, backlog);
        let cancelled = std::mem::take(&mut self.cancelled_early);
        for ticket in batch {
            let State::Leased(held) = ticket.state else { continue };
            let (lease, attempt) = (held.id, held.attempt);
            let avoid = self.avoid.remove(&ticket.id);
            let is_wanted = self.phase == Phase::Serving && !cancelled.contains(&ticket.id);
            if is_wanted && self.is_suspect(ticket.id) {
                self.park(lease, ticket);
                continue;
            }
            let wish = Wish { avoid, hint: ticket.hint.as_deref() };
            let runner = if is_wanted { self.pool.lease(turn.now, wish) } else { None };
            let Some(runner) = runner else {
                // Its runner died between the asking and the answer, or it was cancelled then: as if it had not
                // been claimed.
                let (request, ruling, told) = (ticket.id, Ruling::GiveBack, told::unsent());
                turn.push(Command::Record(Record { request, lease, attempt, ruling, told }));
                continue;
            };
            self.dispatch(turn, (lease, runner), Box::new(ticket));
        }
    }

    pub(super) fn dispatch(
        &mut self,
        turn: &mut Turn,
        (lease, runner): (LeaseId, RunnerId),
        ticket: Box<Ticket>,
    ) {
        let held = Held::new(turn.now, runner, Some(ticket.clone()));
        self.leases.insert(lease, held);
        turn.push(Command::Dispatch { lease, runner, ticket });
    }
}

impl Held {
    const fn new(since: Moment, runner: RunnerId, ticket: Option<Box<Ticket>>) -> Self {
        Self { runner, ticket, cancelled: false, since, is_retired: false }
    }
}
