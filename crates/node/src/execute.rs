//! Performing commands. Nothing here waits: the engine's lock is held.

use std::sync::Arc;

use fal_allotment::Gpu;
use fal_engine::{Cause, Command, Effect, Event, Input, Record, Rollover, Runner};
use fal_queue::store::{Done, Leases, Op};
use fal_types::{LeaseId, RunnerId};

use crate::{
    conductor::{Conductor, Inner, Roll},
    exchange::{self, Lease},
    journal::JournalError,
    others, probe,
    runners::{self, Seat, Stop},
};

/// How long the store is left alone after it refused a claim.
const CLAIM_AGAIN: std::time::Duration = std::time::Duration::from_millis(500);

impl Conductor {
    pub(crate) fn execute(self: &Arc<Self>, inner: &mut Inner, command: Command) {
        match command {
            Command::Grant { call, lease, runner } => {
                let Some(slot) = inner.slot(runner) else { return };
                let lease = Lease::new(self, slot, lease);
                let unwanted = match inner.calls.remove(&call) {
                    None => Some(lease),
                    Some(waiter) => waiter.send(Ok(lease)).err().and_then(Result::ok),
                };
                // The caller left meanwhile. The lock is held here, so the slot is given back after it.
                inner.unwanted.extend(unwanted);
            }
            Command::Refuse { call, problem } => {
                if let Some(waiter) = inner.calls.remove(&call) {
                    let _gone = waiter.send(Err(problem)).is_err();
                }
            }
            Command::Claim { max, leases_from } => {
                self.shared.runtime.spawn(claim(Arc::clone(self), max, leases_from));
            }
            Command::Dispatch { lease, runner, ticket } => {
                let (Some(slot), Some(content)) =
                    (inner.slot(runner), inner.contents.remove(&lease))
                else {
                    return;
                };
                let dispatched = exchange::Dispatched::new(&slot, &ticket);
                inner.dispatched.insert(lease, dispatched);
                self.shared.runtime.spawn(exchange::queued(
                    Arc::clone(self),
                    (lease, slot),
                    *ticket,
                    content,
                ));
            }
            Command::Record(record) => {
                inner.contents.remove(&record.lease);
                self.shared.runtime.spawn(give_back(Arc::clone(self), record));
            }
            Command::SignalCancel { lease } => {
                if let Some(dispatched) = inner.dispatched.get(&lease) {
                    self.shared.runtime.spawn(dispatched.clone().signal());
                }
            }
            Command::Runner { runner, effect } => self.affect(inner, runner, effect),
            Command::Moved { .. } | Command::Stands { .. } | Command::Contained { .. } => {
                self.tell(&command);
            }
            Command::Offer { offers } => self.shared.machine.offers(self.boot(), offers),
            Command::Forget { runner, last } => self.forget(inner, runner, *last),
            Command::Rolled(how) => self.rolled(how),
            Command::Drained => {
                self.drained.send_replace(true);
                // Its timer has nothing to wait for any more.
                self.alarm.notify_one();
            }
        }
    }

    /// What is for the record and not to be done.
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other command is done, not told")]
    fn tell(&self, command: &Command) {
        let app = &self.id;
        match command {
            Command::Moved { runner, state, cause } => {
                tracing::info!(%app, %runner, state, cause = cause.name(), "runner moved");
            }
            Command::Stands { runner, standing } => {
                tracing::info!(%app, %runner, standing = standing.name(), "runner stands elsewhere");
            }
            //= docs/contract.md#poison
            //# The error and the log name the runners and their causes.
            Command::Contained { request, deaths } => {
                let name =
                    |(runner, cause): &(RunnerId, Cause)| format!("{runner} {}", cause.name());
                let deaths = deaths.iter().map(name).collect::<Vec<_>>().join(", ");
                tracing::error!(%app, %request, deaths, "request is not tried again: runners died with it");
            }
            _ => {}
        }
    }

    fn rolled(&self, how: Rollover) {
        let app = &self.id;
        match how {
            Rollover::Over => {
                tracing::info!(%app, "every runner in service is of the new revision");
            }
            Rollover::HeldUp => tracing::error!(
                %app,
                "the new revision does not start, or waits for what others hold of the machine: the runners of the old one stay in service, and it is tried again"
            ),
        }
        self.roll.send_replace(match how {
            Rollover::Over => Roll::Over,
            Rollover::HeldUp => Roll::HeldUp,
        });
    }

    fn affect(self: &Arc<Self>, inner: &mut Inner, runner: RunnerId, effect: Effect) {
        if effect == Effect::Allot {
            inner.claims.insert(runner, Vec::new());
            let want = self.current().options.want.clone();
            let rank = inner.engine.rank(runner);
            self.shared.machine.claim(self, (runner, want, rank));
            return;
        }
        if effect == Effect::Spawn {
            inner.seats.insert(runner, Seat::Starting { stop: None });
            let gpus = inner.claims.get(&runner).cloned().unwrap_or_default();
            let start = runners::start(Arc::clone(self), (runner, gpus), self.current());
            self.shared.runtime.spawn(start);
            return;
        }
        let Some(seat) = inner.seats.get_mut(&runner) else { return };
        let slot = match seat {
            Seat::Seated(slot) => slot,
            Seat::Starting { stop } => {
                let wanted = match effect {
                    Effect::SignalKill => Some(Stop::Kill),
                    Effect::SignalTerm => Some(Stop::Term),
                    Effect::Allot
                    | Effect::Spawn
                    | Effect::ProbeTcp
                    | Effect::ProbeHealth
                    | Effect::Cut => None,
                };
                *stop = (*stop).max(wanted);
                return;
            }
        };
        match effect {
            Effect::Allot | Effect::Spawn => {}
            Effect::ProbeTcp => {
                self.shared.runtime.spawn(probe::tcp(Arc::clone(self), Arc::clone(slot)));
            }
            Effect::ProbeHealth => {
                let slot = Arc::clone(slot);
                let on_demand = inner.engine.is_health_on_demand(runner);
                self.shared.runtime.spawn(probe::health(Arc::clone(self), slot, on_demand));
            }
            Effect::Cut => slot.runner.cut(),
            Effect::SignalTerm => slot.runner.terminate(),
            Effect::SignalKill => slot.runner.kill(),
        }
    }

    fn forget(&self, inner: &mut Inner, runner: RunnerId, last: Runner) {
        let (seat, gpus) = (inner.seats.remove(&runner), inner.claims.remove(&runner));
        inner.remember(last, seat.as_ref(), gpus.as_deref().unwrap_or_default());
        if let Some(gpus) = gpus {
            self.hand_back((runner, gpus), seat);
        }
    }

    /// What a runner had of the machine is free for others.
    //= docs/contract.md#gpus
    //# A GPU is free again when the processes of its runner are gone.
    fn hand_back(&self, (runner, gpus): (RunnerId, Vec<Gpu>), seat: Option<Seat>) {
        let shared = Arc::clone(&self.shared);
        match seat {
            Some(Seat::Seated(slot)) if !gpus.is_empty() => {
                // Said before its app stops speaking of it.
                shared.machine.ended(runner);
                self.shared.runtime.spawn_blocking(move || {
                    shared.supervisor.end_descendants(&slot.runner);
                    shared.machine.gone(runner);
                });
            }
            _ => shared.machine.gone(runner),
        }
    }

    /// Tells the engine about a runner, from a task.
    pub(crate) fn report(self: &Arc<Self>, runner: RunnerId, event: Event) {
        self.drive(Input::Runner { runner, event });
    }
}

//= docs/contract.md#queue-order
//# Claiming a request and marking it as leased MUST be one durable step.
async fn claim(conductor: Arc<Conductor>, max: u32, leases_from: LeaseId) {
    let (app, node) = (conductor.id.clone(), conductor.shared.node);
    others::speak_up(&conductor.shared).await;
    let begun = conductor.clock().now();
    let op = Op::Claim { app, max, node, leases_from };
    match conductor.shared.journal.commit(op).await {
        Ok(Done::Claimed { batch, deadlines, backlog }) => {
            if !deadlines.is_empty() {
                conductor.shared.webhooks.notify_one();
            }
            // Before anything can become of them.
            if others::is_heard(&conductor.shared, begun) {
                conductor.shared.known.leased(begun, batch.iter().map(|(ticket, _)| ticket));
            }
            batch.iter().for_each(|(ticket, _)| conductor.shared.watchers.notify(ticket.id));
            deadlines.into_iter().for_each(|request| conductor.shared.changed(request));
            conductor.claimed(batch, backlog);
        }
        Ok(_) => claim_failed(&conductor),
        Err(error) => {
            if error.is_doubtful() {
                let leases = Leases { app: conductor.id.clone(), from: leases_from, count: max };
                disown(&conductor, leases).await;
            }
            claim_failed(&conductor);
        }
    }
}

fn claim_failed(conductor: &Arc<Conductor>) {
    let again = conductor.clock().now() + CLAIM_AGAIN;
    conductor.drive(Input::ClaimFailed { again });
}

/// Puts back what a claim without an answer may have leased: nobody knows of it, so nobody would settle it.
async fn disown(conductor: &Arc<Conductor>, leases: Leases) {
    let node = conductor.shared.node;
    loop {
        let op = Op::Recover { node, leases: Some(leases.clone()) };
        match conductor.shared.journal.commit(op).await {
            Ok(_) | Err(JournalError::Ended) => return,
            Err(JournalError::Refused(_)) => tokio::time::sleep(CLAIM_AGAIN).await,
        }
    }
}

/// Puts a claimed request back that no runner could take after all.
async fn give_back(conductor: Arc<Conductor>, record: Record) {
    exchange::make_durable(&conductor, record, (None, Vec::new())).await;
}
