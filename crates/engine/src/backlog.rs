//! What the engine believes about the waiting requests of its app.
//!
//! The store knows; this is a hint that may say too much and never too little, so that a claim may come back
//! empty but no request is forgotten. Arrivals told while a claim is under way may or may not be in that
//! claim's answer, so they are added to it.

use fal_queue::store::Backlog as Answer;
use fal_types::Moment;

#[derive(Debug, Default)]
pub(crate) struct Backlog {
    waiting: u64,
    next_due: Option<Moment>,
    /// Slots kept free for the claim that is under way.
    claiming: u32,
    /// Arrivals since the claim under way was sent.
    fresh: u64,
    fresh_due: Option<Moment>,
    /// After a claim failed: no new one before this.
    not_before: Option<Moment>,
    due_since: Option<Moment>,
    /// Arrivals and answers so far.
    news: u64,
}

impl Backlog {
    pub(crate) fn arrived(&mut self, now: Moment, due: Moment) {
        self.news += 1;
        self.waiting = self.waiting.saturating_add(1);
        self.next_due = earlier(self.next_due, Some(due));
        if self.claiming > 0 {
            self.fresh = self.fresh.saturating_add(1);
            self.fresh_due = earlier(self.fresh_due, Some(due));
        }
        self.note(now);
    }

    pub(crate) fn claim_sent(&mut self, slots: u32) {
        self.claiming = slots;
    }

    pub(crate) fn claimed(&mut self, now: Moment, answer: &Answer) {
        self.news += 1;
        self.claiming = 0;
        self.waiting = answer.waiting.saturating_add(self.fresh);
        self.next_due = earlier(answer.next_due, self.fresh_due);
        self.not_before = None;
        self.fresh = 0;
        self.fresh_due = None;
        self.note(now);
    }

    /// What the store has, whoever left it there. A claim that is under way will know better; and what was heard
    /// since the store was asked may not be in its answer, which then does not take away.
    pub(crate) fn looked(&mut self, now: Moment, found: &Answer, news: u64) {
        if self.claiming > 0 {
            return;
        }
        if news == self.news {
            (self.waiting, self.next_due) = (found.waiting, found.next_due);
        } else {
            self.waiting = self.waiting.max(found.waiting);
            self.next_due = earlier(self.next_due, found.next_due);
        }
        self.note(now);
    }

    /// How often it was told something.
    pub(crate) const fn news(&self) -> u64 {
        self.news
    }

    pub(crate) fn claim_failed(&mut self, again: Moment) {
        self.claiming = 0;
        self.not_before = Some(again);
    }

    /// How many requests may be worth a claim now. One claim is under way at a time, so that its answer and
    /// the arrivals beside it can be told apart.
    pub(crate) fn claimable(&self, now: Moment) -> u64 {
        let held_off = self.not_before.is_some_and(|moment| moment > now);
        if self.claiming > 0 || held_off || !self.is_due(now) { 0 } else { self.waiting }
    }

    /// How many requests want a runner now.
    pub(crate) fn load(&self, now: Moment) -> u64 {
        if self.is_due(now) {
            self.waiting.max(u64::from(self.claiming))
        } else {
            u64::from(self.claiming)
        }
    }

    pub(crate) fn claiming(&self) -> u32 {
        self.claiming
    }

    /// Since when a request could have started.
    pub(crate) fn since(&self) -> Option<Moment> {
        self.due_since
    }

    pub(crate) fn next_deadline(&self, now: Moment) -> Option<Moment> {
        if self.waiting == 0 {
            return None;
        }
        match self.not_before {
            Some(moment) if moment > now => Some(moment),
            Some(_) | None => self.next_due.filter(|due| *due > now),
        }
    }

    fn is_due(&self, now: Moment) -> bool {
        self.waiting > 0 && self.next_due.is_some_and(|due| due <= now)
    }

    pub(crate) fn note(&mut self, now: Moment) {
        self.due_since = if self.is_due(now) { self.due_since.or(Some(now)) } else { None };
    }
}

fn earlier(one: Option<Moment>, other: Option<Moment>) -> Option<Moment> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (found, None) | (None, found) => found,
    }
}
