//! What the operations do to the model.

use std::time::Duration;

use fal_types::{AppId, LeaseId, Moment, RequestId};

use super::kept::{Entry, Kept, Outbox, count, size};
use crate::{
    account::{Account, Told},
    event::{Event, Step},
    retention::Keep,
    store::{CancelAnswer, Content, Delivery, Done, Leases, Line, Op, Reply, Sent, Silent},
    ticket::{Ending, NodeId, State, Ticket},
};

/// One operation under way.
pub(super) struct Change<'a> {
    pub(super) keep: Keep,
    pub(super) now: Moment,
    pub(super) kept: &'a mut Kept,
}

/// What comes with an event and is kept beside the ticket.
#[derive(Default)]
struct Besides {
    told: Told,
    lines: Vec<Line>,
    reply: Option<Reply>,
}

impl Change<'_> {
    pub(super) fn apply(&mut self, op: Op) -> Done {
        match op {
            Op::Submit { ticket, content, max_ahead } => self.submit(ticket, content, max_ahead),
            Op::Claim { app, max, node, leases_from } => self.claim(&app, max, node, leases_from),
            Op::Settle { request, lease, attempt, ruling, told, lines, reply } => {
                let event = Event::Settled { lease, attempt, ruling };
                let after = self.step(request, &event, Besides { told, lines, reply });
                after.map_or(Done::Stale, |entry| Done::Settled(Box::new(entry.ticket.clone())))
            }
            Op::Note { request, lease, attempt, lines } => {
                noted(self.note(request, |held| held == (lease, attempt), lines))
            }
            Op::Cancel { app, request } => Done::Cancelled(self.cancel(&app, request)),
            Op::Recover { node, leases } => self.recover(node, leases.as_ref()),
            Op::Beat { node, lasts } => self.beat(node, lasts),
            Op::Collect { max, hold } => self.collect(max, hold),
            Op::Sent { request, sent, next } => noted(self.sent(request, sent, next)),
            Op::SendAgain { request } => noted(self.send_again(request)),
            Op::Resubmit { request, heir } => self.resubmit(request, heir),
            Op::Drop { request } => noted(self.drop(request)),
            Op::Sweep { limit, silent } => self.sweep(limit, silent),
        }
    }

    fn submit(&mut self, ticket: Ticket, content: Content, max_ahead: Option<u64>) -> Done {
        if self.kept.entries.contains_key(&ticket.id) {
            return Done::Duplicate;
        }
        if let Some(known) = self.known(&ticket) {
            return known;
        }
        let waiting = count(self.kept.waiting(&ticket.app));
        if max_ahead.is_some_and(|most| waiting > most) {
            return Done::QueueFull { waiting };
        }
        self.insert(ticket, content)
    }

    fn insert(&mut self, ticket: Ticket, content: Content) -> Done {
        let sequence = self.kept.submitted;
        let ahead = self.kept.ahead(&ticket.app, ticket.order_key(sequence));
        self.kept.submitted += 1;
        self.kept.entries.insert(ticket.id, Entry::new(sequence, ticket, content));
        Done::Submitted { ahead }
    }

    /// What a submit is answered with whose key is known.
    //= docs/contract.md#idempotency
    //# Of one app, the same `Idempotency-Key` with the same payload MUST be the same request, for as
    //# long as its result is kept.
    //= docs/contract.md#idempotency
    //# With another payload it MUST be answered with 422, and changes nothing.
    fn known(&self, ticket: &Ticket) -> Option<Done> {
        let key = ticket.key.as_ref()?;
        let same = |entry: &&Entry| {
            let known = entry.ticket.key.as_ref();
            !entry.ticket.is_expired(self.now) && known.is_some_and(|known| known.text == key.text)
        };
        let entry = self.kept.of(&ticket.app).find(same)?;
        let request = entry.ticket.id;
        let is_same = entry.ticket.key.as_ref() == Some(key);
        Some(if is_same { Done::Repeated { request } } else { Done::KeyTaken { request } })
    }

    fn claim(&mut self, app: &AppId, max: u32, node: NodeId, leases_from: LeaseId) -> Done {
        let due = self.kept.waiting(app).filter(|entry| entry.ticket.is_due(self.now));
        let mut due: Vec<_> = due.map(|entry| (entry.key(), entry.ticket.id)).collect();
        due.sort_unstable();
        let (mut batch, mut deadlines) = (Vec::new(), Vec::new());
        for (_, id) in due {
            if batch.len() == size(max) {
                break;
            }
            let lease = LeaseId::new(leases_from.number() + count(batch.iter()));
            let event = Event::Claimed { lease, node };
            let Some(entry) = self.step(id, &event, Besides::default()) else { continue };
            match entry.ticket.state {
                State::Leased(_) => batch.push((entry.ticket.clone(), entry.content.clone())),
                State::Waiting { .. } | State::Done(_) => deadlines.push(id),
            }
        }
        Done::Claimed { batch, deadlines, backlog: self.kept.backlog(app) }
    }

    fn note(
        &mut self,
        request: RequestId,
        is_held: impl FnOnce((LeaseId, fal_types::Attempt)) -> bool,
        lines: Vec<Line>,
    ) -> Option<()> {
        let entry = self.kept.entries.get_mut(&request)?;
        //= docs/contract.md#queue-fencing
        //# A result of an attempt whose lease is no longer current MUST change nothing.
        let State::Leased(held) = entry.ticket.state else { return None };
        is_held((held.id, held.attempt)).then(|| entry.lines.extend(lines))
    }

    fn cancel(&mut self, app: &AppId, request: RequestId) -> CancelAnswer {
        let found = self.present(request).filter(|entry| entry.ticket.app == *app);
        let Some(answer) = found.map(|entry| CancelAnswer::from_state(&entry.ticket.state)) else {
            return CancelAnswer::Unknown;
        };
        self.step(request, &Event::CancelAsked, Besides::default());
        answer
    }

    fn recover(&mut self, node: NodeId, leases: Option<&Leases>) -> Done {
        if leases.is_none() {
            self.kept.nodes.remove(&node);
        }
        let is_meant = |entry: &&Entry| match (leases, entry.ticket.state) {
            (None, _) => true,
            (Some(leases), State::Leased(held)) => leases.contain(&entry.ticket.app, held.id),
            (Some(_), State::Waiting { .. } | State::Done(_)) => false,
        };
        let leased = self.kept.leased(node).into_iter().filter(is_meant);
        let leased: Vec<_> = leased.map(|entry| entry.ticket.id).collect();
        Done::Recovered { tickets: count(self.lose(node, leased).iter()) }
    }

    fn lose(&mut self, node: NodeId, leased: Vec<RequestId>) -> Vec<RequestId> {
        let lost = Event::Lost { node };
        let is_lost = |id: &RequestId| self.step(*id, &lost, Besides::default()).is_some();
        leased.into_iter().filter(is_lost).collect()
    }

    fn beat(&mut self, node: NodeId, lasts: Duration) -> Done {
        let before = self.kept.nodes.insert(node, Some(self.now + lasts));
        let leased = self.kept.leased(node).into_iter();
        let cancelled = leased.filter(|entry| entry.ticket.cancel_requested);
        let cancelled = cancelled.map(|entry| entry.ticket.id).collect();
        Done::Beaten { lapsed: before == Some(None), cancelled }
    }

    fn collect(&mut self, max: u32, hold: Duration) -> Done {
        let due = self.kept.entries.values().filter_map(|entry| {
            let due = entry.outbox.as_ref()?.due.filter(|due| *due <= self.now)?;
            Some((due, entry.sequence, entry.ticket.id))
        });
        let mut due: Vec<_> = due.collect();
        due.sort_unstable();
        let taken = due.into_iter().take(size(max));
        let deliveries = taken.filter_map(|(_, _, id)| self.hand_out(id, hold)).collect();
        Done::Collected { deliveries, next: self.kept.next_delivery() }
    }

    fn hand_out(&mut self, request: RequestId, hold: Duration) -> Option<Delivery> {
        let entry = self.kept.entries.get_mut(&request)?;
        let (outbox, url) = (entry.outbox.as_mut()?, entry.ticket.webhook.clone()?);
        let before = outbox.number - outbox.base;
        outbox.number += 1;
        outbox.due = Some(self.now + hold);
        let app = entry.ticket.app.clone();
        Some(Delivery { request, app, url, number: outbox.number, before })
    }

    fn sent(&mut self, request: RequestId, sent: Sent, next: Option<Moment>) -> Option<()> {
        let outbox = self.kept.entries.get_mut(&request)?.outbox.as_mut()?;
        let is_known = outbox.sent.last().is_some_and(|last| last.number == sent.number);
        if sent.number != outbox.number || is_known {
            return None;
        }
        // A series that was begun meanwhile is not ended by a delivery of the one before.
        if outbox.base < outbox.number {
            outbox.due = next;
        }
        outbox.sent.push(sent);
        Some(())
    }

    fn send_again(&mut self, request: RequestId) -> Option<()> {
        let now = self.now;
        let outbox = self.present_mut(request)?.outbox.as_mut()?;
        (outbox.base, outbox.due) = (outbox.number, Some(now));
        Some(())
    }

    fn resubmit(&mut self, request: RequestId, heir: RequestId) -> Done {
        let found = self.present(request);
        let again = found.and_then(|entry| entry.ticket.again(heir, self.now));
        let Some((ticket, content)) = again.zip(found.map(|entry| entry.content.clone())) else {
            return Done::Stale;
        };
        if self.kept.entries.contains_key(&heir) {
            return Done::Duplicate;
        }
        if let Some(entry) = self.kept.entries.get_mut(&request) {
            entry.ticket.heir = Some(heir);
        }
        self.insert(ticket, content)
    }

    fn drop(&mut self, request: RequestId) -> Option<()> {
        let is_dead = self.present(request)?.ticket.is_dead;
        is_dead.then(|| self.kept.entries.remove(&request)).map(drop)
    }

    fn sweep(&mut self, limit: u32, silent: Silent) -> Done {
        let deadlines = self.kept.overdue(self.now, limit, Ticket::is_waiting);
        for id in &deadlines {
            self.step(*id, &Event::Elapsed, Besides::default());
        }
        let expired = self.kept.overdue(self.now, limit, |ticket| !ticket.is_waiting());
        for id in &expired {
            //= docs/contract.md#retention
            //# After that it MUST be answered as unknown.
            self.kept.entries.remove(id);
        }
        let (lost, living) = match silent {
            Silent::Dead => (self.bury(), self.kept.nodes.values().copied().flatten().min()),
            Silent::Spared => (Vec::new(), None),
        };
        let left = self.kept.entries.values().filter_map(|entry| entry.ticket.next_deadline());
        let next = left.chain(living).min();
        Done::Swept { deadlines, lost, removed: count(expired.iter()), next }
    }

    /// Takes for dead the nodes that have not said for too long that they live.
    //= docs/contract.md#many-nodes
    //# A node that has not said that it lives for as long as its lease lasts MUST lose what it had
    //# leased, and those requests wait again without being charged.
    fn bury(&mut self) -> Vec<RequestId> {
        let is_late = |until: &Option<Moment>| until.is_some_and(|until| until <= self.now);
        let nodes = self.kept.nodes.iter().filter(|(_, until)| is_late(until));
        let nodes: Vec<_> = nodes.map(|(node, _)| *node).collect();
        let mut lost = Vec::new();
        for node in nodes {
            self.kept.nodes.insert(node, None);
            let leased = self.kept.leased(node).into_iter().map(|entry| entry.ticket.id).collect();
            lost.extend(self.lose(node, leased));
        }
        lost
    }

    /// A request that has not expired.
    fn present(&self, id: RequestId) -> Option<&Entry> {
        self.kept.entries.get(&id).filter(|entry| !entry.ticket.is_expired(self.now))
    }

    fn present_mut(&mut self, id: RequestId) -> Option<&mut Entry> {
        let now = self.now;
        self.kept.entries.get_mut(&id).filter(|entry| !entry.ticket.is_expired(now))
    }

    /// What every store does with every event: load, step, stamp, keep. None where the ticket did
    /// not move.
    fn step(&mut self, id: RequestId, event: &Event, besides: Besides) -> Option<&Entry> {
        let Besides { told, lines, reply } = besides;
        let entry = self.kept.entries.get_mut(&id)?;
        let before = entry.ticket.state;
        match entry.ticket.step(self.now, event) {
            Step::Moved => {}
            Step::Stale | Step::Ignored | Step::Impossible => return None,
        }
        entry.accounts.extend(Account::of(&before, &entry.ticket, self.now, event, told));
        entry.lines.extend(lines);
        let answered =
            matches!(entry.ticket.state, State::Done(Ending::Responded(_) | Ending::Failed(_)));
        entry.reply = reply.filter(|_| answered);
        let bytes = entry.reply.as_ref().map_or(0, |reply| reply.body.len());
        self.keep.stamp(&mut entry.ticket, bytes);
        //= docs/contract.md#webhook-durable
        //# A webhook MUST become durable together with the end that it tells of.
        if matches!(entry.ticket.state, State::Done(_)) && entry.ticket.webhook.is_some() {
            entry.outbox = Some(Outbox { due: Some(self.now), ..Outbox::default() });
        }
        Some(entry)
    }
}

fn noted(done: Option<()>) -> Done {
    done.map_or(Done::Stale, |()| Done::Noted)
}
