//! Webhooks: sent until they arrive, from a queue of their own that survives the platform.
//!
//! They have a runtime of their own: looking up a name may hold a thread for as long as the resolver likes, and the
//! threads of the platform's runtime are there to start runners.

use std::{sync::Arc, thread, time::Duration};

use bytes::Bytes;
use fal_queue::{
    Ending, State, Ticket,
    store::{Delivery, Done, Op, Reader, Reply, Sent},
};
use fal_types::{Moment, RequestId};
use fal_webhook::{
    Answer, Key, Message, Outcome, Payload, Private, Sender, Signed, Target, schedule,
};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{Clock, handle::Shared, journal::Chain};

/// Deliveries under way at once.
const AT_ONCE: usize = 64;
/// Taken from the store at once.
const BATCH: u32 = 32;
/// Results of more than one of these bytes are large, and of all of them together only so many are in memory at once.
const PIECE: usize = 1024 * 1024;
const PIECES: u32 = 256;
/// How long a large one waits for that, which is held all the while: it must be sent before somebody else may try.
const ROOM: Duration = Duration::from_secs(10);
/// Results that are read at once: how large one is shows when it is there.
const READ_AT_ONCE: usize = 4;
/// A delivery that is not reported for so long is sent again by whoever asks next.
const HOLD: Duration = Duration::from_secs(150);
/// The longest pause between two looks.
const PAUSE: Duration = Duration::from_secs(30);
/// The longest pause where another node may have left something.
const SHARED_PAUSE: Duration = Duration::from_secs(5);
/// How long the store is left alone after it failed.
const AGAIN: Duration = Duration::from_secs(1);

/// How webhooks are sent.
#[derive(Debug, Clone)]
pub struct Webhooks {
    /// What they are signed with.
    pub key: Arc<Key>,
    /// What sends them.
    pub sender: Sender,
    /// Where they may go.
    pub private: Private,
}

/// Sends what is due, for as long as the platform runs.
pub(crate) fn start(shared: Arc<Shared>, webhooks: Webhooks) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(8)
        .build()?;
    let busy = Arc::new(Semaphore::new(AT_ONCE));
    let reading = Semaphore::new(READ_AT_ONCE);
    let room = Semaphore::new(usize::try_from(PIECES).unwrap_or(1));
    let office = Arc::new(Office { shared, webhooks, busy, reading, room });
    let run = move || runtime.block_on(office.run());
    thread::Builder::new().name("fal-webhooks".to_owned()).spawn(run).map(drop)
}

struct Office {
    shared: Arc<Shared>,
    webhooks: Webhooks,
    busy: Arc<Semaphore>,
    reading: Semaphore,
    room: Semaphore,
}

/// A request with its result, as the store has them.
type Found = (Option<Ticket>, Option<Reply>);

impl Office {
    async fn run(self: Arc<Self>) {
        loop {
            let free = u32::try_from(self.busy.available_permits()).unwrap_or(BATCH).min(BATCH);
            let collect = Op::Collect { max: free, hold: HOLD };
            let next = match self.shared.journal.commit(collect).await {
                Ok(Done::Collected { deliveries, next }) => {
                    for delivery in deliveries {
                        self.hand_over(delivery).await;
                    }
                    next
                }
                Ok(_) => None,
                Err(crate::journal::JournalError::Ended) => return,
                Err(crate::journal::JournalError::Refused(_)) => Some(self.clock().now() + AGAIN),
            };
            self.pause(next).await;
        }
    }

    fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    async fn pause(&self, next: Option<Moment>) {
        let most = if self.shared.is_store_shared { SHARED_PAUSE } else { PAUSE };
        let latest = self.clock().now() + most;
        let wake = next.map_or(latest, |next| next.min(latest));
        tokio::select! {
            () = self.shared.webhooks.notified() => {}
            () = tokio::time::sleep_until(self.clock().instant(wake)) => {
                // Where none is free, a delivery that ends makes room.
                let _room = self.busy.acquire().await;
            }
        }
    }

    async fn hand_over(self: &Arc<Self>, delivery: Delivery) {
        let Ok(permit) = Arc::clone(&self.busy).acquire_owned().await else { return };
        let office = Arc::clone(self);
        tokio::spawn(async move {
            office.deliver(&delivery).await;
            drop(permit);
        });
    }

    //= docs/contract.md#webhook-delivery
    //# A delivery that is not answered with 2XX MUST be repeated, after 5 s first and then after twice as long each
    //# time, an hour at most, up to 31 deliveries and for as long as the result is kept.
    async fn deliver(&self, delivery: &Delivery) {
        let (app, request) = (&delivery.app, delivery.request);
        // Where nothing is sent, it is handed out again when it has been held for long enough.
        let Some((found, _room)) = self.result(request).await else { return };
        let at = self.clock().now();
        let (answer, expires) = self.attempt(delivery, found, at).await;
        let now = self.clock().now();
        let took = now.since(at);
        let done = delivery.before + 1;
        let (next, text) = match &answer {
            Ok(Answer::Failed(failure)) => {
                (schedule::next(done, now, expires), failure.to_string())
            }
            Ok(answer) => (None, answer.to_string()),
            Err(text) => (None, text.clone()),
        };
        let url = &delivery.url;
        match (&answer, next) {
            (Ok(Answer::Delivered(_)), _) => {
                tracing::debug!(%app, %request, url, "webhook delivered")
            }
            (_, Some(_)) => {
                tracing::info!(%app, %request, url, answer = text, "webhook goes again")
            }
            (_, None) => tracing::warn!(%app, %request, url, answer = text, "webhook is given up"),
        }
        let sent = Sent { number: delivery.number, at, took, answer: text };
        let op = Op::Sent { request, sent, next };
        // If the store refuses, the delivery is repeated once it is held for too long: at least once, as promised.
        match self.shared.journal.commit(op).await {
            // Whoever waits for the next one that is due has not heard of this one.
            Ok(_) if next.is_some() => self.shared.webhooks.notify_one(),
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(%request, error = %Chain(&error), "a delivery could not be noted");
            }
        }
    }

    /// Sends it once. An error is for good, and says why nothing was sent. With it comes when the result expires.
    async fn attempt(
        &self,
        delivery: &Delivery,
        (ticket, reply): Found,
        at: Moment,
    ) -> (Result<Answer, String>, Option<Moment>) {
        let request = delivery.request;
        let Some(ticket) = ticket.filter(|ticket| !ticket.is_expired(at)) else {
            return (Err("the result is not kept any more".to_owned()), None);
        };
        let target = match Target::parse(&delivery.url, self.webhooks.private) {
            Ok(target) => target,
            Err(error) => return (Err(error.to_string()), ticket.expires),
        };
        let State::Done(ending) = ticket.state else {
            return (Err("the request has not ended".to_owned()), None);
        };
        self.shared.known.shown(&ticket);
        let body = Bytes::from(payload(request, ending, reply.as_ref()));
        // It may be large, and is in the body.
        drop(reply);
        let signed = Signed {
            request_id: request,
            user_id: delivery.app.owner(),
            timestamp_secs: Clock::wall().micros() / 1_000_000,
            body: &body,
        };
        let message = match Message::new(&self.webhooks.key, signed) {
            Ok(message) => message,
            Err(error) => return (Err(Chain(&error).to_string()), ticket.expires),
        };
        let limit = schedule::limit(delivery.before + 1);
        (Ok(self.webhooks.sender.send(&target, &message, limit).await), ticket.expires)
    }

    /// A request with its result, and the room that this takes until it is sent. None where the store cannot be read, and
    /// where there is no room for too long.
    async fn result(&self, request: RequestId) -> Option<(Found, Option<SemaphorePermit<'_>>)> {
        let found = self.read(request).await?;
        let pieces = found.1.as_ref().map_or(0, |reply| reply.body.len() / PIECE);
        let pieces = u32::try_from(pieces).unwrap_or(PIECES).min(PIECES);
        if pieces == 0 {
            return Some((found, None));
        }
        if let Ok(room) = self.room.try_acquire_many(pieces) {
            return Some((found, Some(room)));
        }
        drop(found);
        let room = tokio::time::timeout(ROOM, self.room.acquire_many(pieces)).await.ok()?.ok()?;
        Some((self.read(request).await?, Some(room)))
    }

    async fn read(&self, request: RequestId) -> Option<Found> {
        let _turn = self.reading.acquire().await.ok()?;
        let ask =
            move |reader: &mut dyn Reader| Ok((reader.find(request)?, reader.reply(request)?));
        self.shared.readers.ask(ask).await?.ok()
    }
}

fn payload(request: RequestId, ending: Ending, reply: Option<&Reply>) -> Vec<u8> {
    let said = reply.map(|reply| String::from_utf8_lossy(&reply.body));
    let outcome = match (ending.problem(), reply) {
        (Some(problem), _) => {
            let detail = said.as_deref().unwrap_or(problem.detail());
            Outcome::Failed { problem, detail }
        }
        (None, Some(reply)) => Outcome::Answered { status: reply.status, body: &reply.body },
        (None, None) => Outcome::Answered { status: ending.status(), body: b"" },
    };
    let gateway_request_id = request.to_string();
    Payload { request_id: request, gateway_request_id: &gateway_request_id, outcome }.to_json()
}
