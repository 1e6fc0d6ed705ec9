//! What the model keeps, and what can be seen of it.

use std::{cmp::Reverse, collections::BTreeMap};

use fal_types::{AppId, Moment, RequestId};

use crate::{
    account::Account,
    store::{Backlog, Content, Line, Reply, Sent, Webhook},
    ticket::{NodeId, Priority, State, Ticket},
};

#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) entries: BTreeMap<RequestId, Entry>,
    /// How many requests were ever submitted: the next number of the sequence.
    pub(super) submitted: u64,
    /// Until when each node lives that has said so; none where it is taken for dead.
    pub(super) nodes: BTreeMap<NodeId, Option<Moment>>,
}

/// A request with all that belongs to it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) sequence: u64,
    pub(super) ticket: Ticket,
    pub(super) content: Content,
    pub(super) reply: Option<Reply>,
    pub(super) accounts: Vec<Account>,
    pub(super) lines: Vec<Line>,
    /// From its end on, where it has a webhook.
    pub(super) outbox: Option<Outbox>,
}

/// Where a webhook stands.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    pub(super) due: Option<Moment>,
    /// How many deliveries were handed out.
    pub(super) number: u32,
    /// How many of them were before the present series.
    pub(super) base: u32,
    pub(super) sent: Vec<Sent>,
}

impl Entry {
    pub(super) const fn new(sequence: u64, ticket: Ticket, content: Content) -> Self {
        Self {
            sequence,
            ticket,
            content,
            reply: None,
            accounts: Vec::new(),
            lines: Vec::new(),
            outbox: None,
        }
    }

    pub(super) const fn key(&self) -> (Priority, u64) {
        self.ticket.order_key(self.sequence)
    }

    pub(super) fn webhook(&self) -> Option<Webhook> {
        let outbox = self.outbox.as_ref()?;
        let url = self.ticket.webhook.clone()?;
        Some(Webhook { url, next: outbox.due, number: outbox.number, sent: outbox.sent.clone() })
    }
}

impl Kept {
    pub(super) fn of<'a>(&'a self, app: &'a AppId) -> impl Iterator<Item = &'a Entry> {
        self.entries.values().filter(move |entry| entry.ticket.app == *app)
    }

    pub(super) fn waiting<'a>(&'a self, app: &'a AppId) -> impl Iterator<Item = &'a Entry> {
        self.of(app).filter(|entry| entry.ticket.is_waiting())
    }

    pub(super) fn ahead(&self, app: &AppId, key: (Priority, u64)) -> u64 {
        //= docs/contract.md#queue-position
        //# `queue_position` MUST be the number of waiting requests of the same app that will
        //# start before this one.
        count(self.waiting(app).filter(|entry| entry.key() < key))
    }

    pub(super) fn backlog(&self, app: &AppId) -> Backlog {
        let due = |entry: &Entry| match entry.ticket.state {
            State::Waiting { not_before } => Some(not_before),
            State::Leased(_) | State::Done(_) => None,
        };
        Backlog {
            waiting: count(self.waiting(app)),
            next_due: self.waiting(app).filter_map(due).min(),
        }
    }

    /// The ids of the tickets whose next deadline has passed and that `wanted` wants, the earliest
    /// deadline first.
    pub(super) fn overdue(
        &self,
        now: Moment,
        limit: u32,
        wanted: fn(&Ticket) -> bool,
    ) -> Vec<RequestId> {
        let mut found: Vec<_> = self
            .entries
            .values()
            .filter(|entry| wanted(&entry.ticket))
            .filter_map(|entry| {
                let deadline = entry.ticket.next_deadline()?;
                (deadline <= now).then_some((deadline, entry.sequence, entry.ticket.id))
            })
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(_, _, id)| id).take(size(limit)).collect()
    }

    /// What `node` has leased, in the order of submission.
    pub(super) fn leased(&self, node: NodeId) -> Vec<&Entry> {
        let is_its = |entry: &&Entry| match entry.ticket.state {
            State::Leased(lease) => lease.node == node,
            State::Waiting { .. } | State::Done(_) => false,
        };
        let mut found: Vec<_> = self.entries.values().filter(is_its).collect();
        found.sort_unstable_by_key(|entry| entry.sequence);
        found
    }

    pub(super) fn newest(
        &self,
        app: Option<&AppId>,
        limit: u32,
        wanted: fn(&Ticket) -> bool,
        by: fn(&Entry) -> (Moment, u64),
    ) -> Vec<Ticket> {
        let is_wanted = |entry: &&Entry| {
            app.is_none_or(|app| entry.ticket.app == *app) && wanted(&entry.ticket)
        };
        let mut found: Vec<_> = self.entries.values().filter(is_wanted).collect();
        found.sort_unstable_by_key(|entry| Reverse(by(entry)));
        found.into_iter().take(size(limit)).map(|entry| entry.ticket.clone()).collect()
    }

    /// When webhooks are due next.
    pub(super) fn next_delivery(&self) -> Option<Moment> {
        self.entries.values().filter_map(|entry| entry.outbox.as_ref()?.due).min()
    }
}

pub(super) fn count<T>(items: impl Iterator<Item = T>) -> u64 {
    items.map(|_| 1).sum()
}

pub(super) fn size(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
