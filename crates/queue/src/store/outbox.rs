//! What is kept of the webhook of a request: when it is sent next, and how it went before.

use std::time::Duration;

use fal_types::{AppId, Moment, RequestId};

/// A webhook that is to be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The request that has ended.
    pub request: RequestId,
    /// Its app.
    pub app: AppId,
    /// Where it is sent.
    pub url: String,
    /// The number of this delivery, from 1. It never goes back.
    pub number: u32,
    /// How many there were before it in this series: somebody who sends a webhook again begins a
    /// new one.
    pub before: u32,
}

/// How one delivery went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Its number.
    pub number: u32,
    /// When it began.
    pub at: Moment,
    /// How long it took.
    pub took: Duration,
    /// What came of it, in a few words without tabs and ends of lines.
    pub answer: String,
}

/// The webhook of a request that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Where it is sent.
    pub url: String,
    /// When it is sent next; none where it will not be, because it has arrived or was given up.
    pub next: Option<Moment>,
    /// The number of the last delivery that was handed out, and 0 before the first.
    pub number: u32,
    /// How it went so far, in order.
    pub sent: Vec<Sent>,
}

impl Webhook {
    /// Whether somebody sends it at this moment: a delivery was handed out of which nothing was heard
    /// yet, and which is still held.
    #[must_use]
    pub fn is_under_way(&self, now: Moment) -> bool {
        let heard = self.sent.last().map_or(0, |sent| sent.number);
        self.number > heard && self.next.is_some_and(|next| next > now)
    }
}
