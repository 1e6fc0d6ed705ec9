//! What a world does: it performs commands, and lets happen what was planned.

use fal_policy::{Answer, Flag, Outcome};
use fal_queue::{
    NodeId, State, Ticket,
    store::{Backlog, CancelAnswer, Done, Op, Store},
};
use fal_types::{LeaseId, Moment, RequestId, RunnerId, Status};

use super::{
    World, app,
    law::{Broken, serving},
    render,
};
use crate::{CallId, Cause, Command, Effect, Event, Input, Offer, Record, Reported, Watched};

/// Something that is going to happen.
pub(super) enum Happening {
    Leaves(CallId),
    Arrives(Moment),
    ClaimCommits(u32, LeaseId),
    ClaimAnswers(Vec<Ticket>, Backlog),
    Looks(Backlog, u64),
    ClaimFails,
    Ends(LeaseId, Outcome),
    Records(Record),
    Cancels(RequestId),
    News(RunnerId, Event),
}

impl World {
    pub(super) fn perform(&mut self, command: Command) {
        let lag = self.dice.lag();
        match command {
            Command::Grant { lease, runner, .. } => self.work(lease, runner, None),
            Command::Dispatch { lease, runner, ticket } => {
                self.work(lease, runner, Some(ticket.id));
            }
            Command::Claim { max, leases_from } => {
                let fails = !self.is_benign && self.dice.one_in(10);
                let commits = Happening::ClaimCommits(max, leases_from);
                self.plan(lag, if fails { Happening::ClaimFails } else { commits });
            }
            Command::Record(record) => self.plan(lag, Happening::Records(record)),
            Command::SignalCancel { lease } => {
                if let Some((runner, _)) = self.leases.get(&lease) {
                    self.laws.seen(*runner, Cause::CancelIgnored);
                }
                if self.dice.one_in(2) {
                    self.plan(lag, Happening::Ends(lease, Outcome::Cancelled));
                }
            }
            Command::Runner { runner, effect } => self.affect(runner, effect),
            Command::Stands { runner, standing } => self.laws.stands(runner, standing),
            Command::Offer { offers } => self.offers = offers,
            Command::Refuse { .. }
            | Command::Moved { .. }
            | Command::Contained { .. }
            | Command::Forget { .. }
            | Command::Drained
            | Command::Rolled(_) => {}
        }
    }

    fn work(&mut self, lease: LeaseId, runner: RunnerId, request: Option<RequestId>) {
        self.leases.insert(lease, (runner, request));
        let (wait, outcome) = (self.dice.span(20), self.outcome());
        self.plan(wait, Happening::Ends(lease, outcome));
    }

    fn outcome(&mut self) -> Outcome {
        let status = [200, 200, 200, 404, 429, 500, 502, 503, 504, 504][self.below(10)];
        let mut answer = Answer::new(Status::new(status));
        if self.is_benign {
            return Outcome::Responded(Answer::new(Status::new(200)));
        }
        match self.dice.below(30) {
            0 => Outcome::Truncated,
            1 => Outcome::Disconnected,
            2 => Outcome::TimedOut,
            3 => Outcome::Refused,
            4 => Outcome::ConnectTimedOut,
            5 => Outcome::ConnectFailed,
            6 => Outcome::Abandoned,
            7.. => {
                let flags = [Some(Flag::Yes), Some(Flag::No), None, None, None, None, None, None];
                answer.stop_runner = flags[self.below(8)];
                answer.needs_retry = flags[self.below(8)];
                Outcome::Responded(answer)
            }
        }
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.dice.below(end as u64)).expect("small")
    }

    fn affect(&mut self, runner: RunnerId, effect: Effect) {
        let (lag, is_bad) = (self.dice.lag(), !self.is_benign && self.dice.one_in(4));
        match effect {
            Effect::Allot => {
                let wait = if self.is_benign { lag } else { self.dice.span(15) };
                self.plan(wait, Happening::News(runner, Event::Allotted));
            }
            Effect::Spawn => self.spawn(runner),
            Effect::ProbeTcp => {
                let verdict = if is_bad { Event::ProbeFailed } else { Event::ProbePassed };
                self.plan(lag, Happening::News(runner, verdict));
            }
            Effect::ProbeHealth => {
                let verdict = if is_bad { Event::HealthFailed } else { Event::HealthPassed };
                self.plan(lag, Happening::News(runner, verdict));
            }
            Effect::Cut => self.cut(runner),
            // A bad runner waits to be killed.
            Effect::SignalTerm if is_bad => {}
            Effect::SignalTerm => {
                let wait = self.dice.span(8);
                self.plan(wait, Happening::News(runner, Event::Exited));
            }
            Effect::SignalKill => self.plan(lag, Happening::News(runner, Event::Exited)),
        }
    }

    fn spawn(&mut self, runner: RunnerId) {
        self.processes.insert(runner);
        let wait = self.dice.span(30);
        let event = match self.dice.below(10) {
            _ if self.is_benign => Event::PortOpened,
            0 => Event::SpawnFailed,
            1 | 2 => Event::Exited,
            // Its port never opens.
            3 => return,
            4.. => Event::PortOpened,
        };
        self.plan(wait, Happening::News(runner, event));
    }

    /// What is in flight on the runner breaks, each connection when it notices.
    fn cut(&mut self, runner: RunnerId) {
        let on = |(lease, (on, _)): (&LeaseId, &(RunnerId, _))| (*on == runner).then_some(*lease);
        let cut: Vec<_> = self.leases.iter().filter_map(on).collect();
        for lease in cut {
            let lag = self.dice.lag();
            self.plan(lag, Happening::Ends(lease, Outcome::Disconnected));
        }
    }

    /// A runner's process ends for no reason.
    pub(super) fn crash(&mut self) -> Result<(), Broken> {
        let count = self.processes.len().max(1);
        let place = self.below(count);
        let Some(runner) = self.processes.iter().nth(place).copied() else { return Ok(()) };
        self.happen(Happening::News(runner, Event::Exited))
    }

    pub(super) fn cancel(&mut self) -> Result<(), Broken> {
        if self.requests == 0 {
            return Ok(());
        }
        let request = RequestId::from_bits((self.dice.below(self.requests) + 1).into());
        self.trace.push(format!(
            "{} cancel {}",
            render::moment(self.now),
            render::request(request)
        ));
        let op = Op::Cancel { app: app(), request };
        if let Done::Cancelled(CancelAnswer::Signalled) = self.commit(op) {
            let lag = self.dice.lag();
            self.plan(lag, Happening::Cancels(request));
        }
        Ok(())
    }

    /// Another app wants to know what this one could do without.
    pub(super) fn watch(&mut self) -> Result<(), Broken> {
        let is_wanted = self.dice.one_in(2);
        let watched = if is_wanted { Watched::Yes } else { Watched::No };
        self.offers.clear();
        self.tell(&format!("watched {watched:?}"), Input::Watched(watched))
    }

    /// Another app's runner gets what one of these holds.
    pub(super) fn make_room(&mut self) -> Result<(), Broken> {
        let count = self.offers.len().max(1);
        let place = self.below(count);
        let Some((runner, offered)) = self.offers.get(place).copied() else { return Ok(()) };
        self.laws.seen(runner, Cause::MadeRoom);
        let what = format!("{} makes room", render::runner(runner));
        let before = serving(&self.engine.runners());
        let runners = self.engine.runners();
        let newest = runners.iter().map(|runner| runner.id).max().unwrap_or(runner);
        let claimant = if self.dice.one_in(2) { newest } else { RunnerId::new(9, 9) };
        self.tell(&what, Input::MakeRoom { runner, offered, claimant })?;
        if matches!(offered, Offer::Old { .. }) {
            return Ok(());
        }
        self.laws.judge_room(before, &self.engine.runners())
    }

    /// The caller of a direct call hangs up while its runner works.
    pub(super) fn leave(&mut self) -> Result<(), Broken> {
        let is_direct =
            |(_, (_, request)): &(&LeaseId, &(RunnerId, Option<RequestId>))| request.is_none();
        let Some((lease, (runner, _))) = self.leases.iter().find(is_direct) else { return Ok(()) };
        let (lease, runner) = (*lease, *runner);
        self.laws.seen(runner, Cause::CancelIgnored);
        self.tell(&format!("left {}", render::lease(lease)), Input::CallerLeft { lease })
    }

    pub(super) fn commit(&mut self, op: Op) -> Done {
        let done = self.store.commit(self.now, vec![op]).expect("the model never fails");
        done.into_iter().next().expect("one answer to one operation")
    }

    pub(super) fn happen(&mut self, happening: Happening) -> Result<(), Broken> {
        match happening {
            Happening::Leaves(call) => {
                self.laws.withdrawn(call);
                self.tell(&format!("withdraw c{}", call.number()), Input::Withdrawn { call })
            }
            Happening::Arrives(due) => {
                self.tell(&format!("arrived, due {}", render::moment(due)), Input::Arrived { due })
            }
            Happening::ClaimCommits(max, leases_from) => {
                self.claim(max, leases_from);
                Ok(())
            }
            Happening::ClaimAnswers(batch, backlog) => {
                let names: Vec<_> = batch.iter().map(|ticket| render::request(ticket.id)).collect();
                self.laws.claim_over(None);
                let what = format!("claimed {}, {} left", names.join(" "), backlog.waiting);
                self.tell(&what, Input::Claimed { batch, backlog })
            }
            Happening::Looks(backlog, news) => {
                let what = format!("{} wait, as somebody saw", backlog.waiting);
                self.tell(&what, Input::Looked { backlog, news })
            }
            Happening::ClaimFails => {
                let again = self.now + self.dice.span(2);
                self.laws.claim_over(Some(again));
                self.tell("claim-fails", Input::ClaimFailed { again })
            }
            Happening::Ends(lease, outcome) => self.settle(lease, outcome),
            Happening::Records(record) => self.record(&record),
            Happening::Cancels(request) => self.tell(
                &format!("cancel of {} heard", render::request(request)),
                Input::CancelAsked { request },
            ),
            Happening::News(runner, event) => self.news(runner, event),
        }
    }

    /// Somebody asks the store what waits, and tells it later.
    pub(super) fn look(&mut self) {
        let news = self.engine.news();
        let mut reader = self.store.reader().expect("the model has readers");
        let backlog = reader.backlog(&app()).expect("the model never fails");
        let lag = self.dice.lag();
        self.plan(lag, Happening::Looks(backlog, news));
    }

    fn claim(&mut self, max: u32, leases_from: LeaseId) {
        let op = Op::Claim { app: app(), max, node: NodeId(1), leases_from };
        let Done::Claimed { batch, backlog, .. } = self.commit(op) else {
            panic!("a claim is answered with what was claimed")
        };
        let batch = batch.into_iter().map(|(ticket, _)| ticket).collect();
        let lag = self.dice.lag();
        self.plan(lag, Happening::ClaimAnswers(batch, backlog));
    }

    fn settle(&mut self, lease: LeaseId, outcome: Outcome) -> Result<(), Broken> {
        let Some((runner, _)) = self.leases.remove(&lease) else { return Ok(()) };
        if let Some(cause) = blame(&outcome) {
            self.laws.seen(runner, cause);
        }
        let health_wanted = outcome.answer().is_some() && self.dice.one_in(10);
        let what = format!("{} {outcome:?}", render::lease(lease));
        let reported = Reported { outcome, health_wanted, problem: None, hints: None };
        self.tell(&what, Input::Settled { lease, reported })
    }

    fn record(&mut self, record: &Record) -> Result<(), Broken> {
        let Record { request, lease, attempt, ruling, told } = record.clone();
        let lines = Vec::new();
        let op = Op::Settle { request, lease, attempt, ruling, told, lines, reply: None };
        let Done::Settled(ticket) = self.commit(op) else {
            return Err(format!("{} is recorded twice", render::request(request)));
        };
        match ticket.state {
            State::Waiting { not_before } => {
                let lag = self.dice.lag();
                self.plan(lag, Happening::Arrives(not_before));
            }
            State::Done(_) => self.laws.ended(ticket.id),
            State::Leased(_) => return Err("settled, and still leased".to_owned()),
        }
        Ok(())
    }

    fn news(&mut self, runner: RunnerId, event: Event) -> Result<(), Broken> {
        let is_end = matches!(event, Event::Exited | Event::SpawnFailed);
        let is_there = self.processes.contains(&runner);
        if !is_there && (is_end || event == Event::PortOpened) {
            return Ok(());
        }
        if is_end {
            self.processes.remove(&runner);
            self.cut(runner);
        }
        self.laws.heard(self.now, runner, event);
        self.tell(&format!("{} {event:?}", render::runner(runner)), Input::Runner { runner, event })
    }
}

/// What an outcome may end its runner for.
fn blame(outcome: &Outcome) -> Option<Cause> {
    match outcome {
        Outcome::Responded(answer) => match (answer.stop_runner, answer.status.code()) {
            (Some(Flag::Yes), _) => Some(Cause::StopHeader),
            (None, 503) => Some(Cause::Status503),
            (Some(Flag::No) | None, _) => None,
        },
        Outcome::Truncated => Some(Cause::Truncated),
        Outcome::Disconnected => Some(Cause::Disconnected),
        Outcome::TimedOut => Some(Cause::RequestTimedOut),
        Outcome::Refused => Some(Cause::Refused),
        Outcome::ConnectTimedOut => Some(Cause::ConnectTimedOut),
        Outcome::ConnectFailed => Some(Cause::ConnectFailed),
        Outcome::Abandoned | Outcome::Cancelled => None,
    }
}
