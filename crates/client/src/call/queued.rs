//! Requests for a queue.

use std::time::Duration;

use http::HeaderValue;
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    call::Call,
    client::Idempotency,
    error::{Error, TimedOut},
    handle::{Follow, Handle, Status},
    headers,
    reply::{Answer, Reply},
    retries::Repeat,
    transport::within,
};

/// Said of a call that waits in its app's queue, survives the platform's restarts, and is tried again as the contract
/// says.
#[derive(Debug, Clone, Default)]
pub struct Queued {
    query: Vec<(&'static str, String)>,
    has_queue_limit: bool,
    abandoned: Abandoned,
    follow: Follow,
}

/// Which requests of an app go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// As usual.
    Normal,
    /// After all others.
    Low,
}

/// What becomes of a request when [`subscribe`](Call::subscribe) gives up on it: its timeout is over, it is dropped, or
/// the platform cannot be asked any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Abandoned {
    /// It stays in the queue and can be asked after by its id.
    #[default]
    Runs,
    /// The platform is asked to cancel it.
    Cancelled,
}

/// How long a request that is given up may take to be cancelled.
const CANCEL: Duration = Duration::from_secs(5);

/// The shortest deadline for a start that fal's own clients allow.
const SHORTEST: Duration = Duration::from_secs(1);

impl Call<Queued> {
    /// Which requests go first.
    pub fn priority(self, priority: Priority) -> Self {
        let word = match priority {
            Priority::Normal => "normal",
            Priority::Low => "low",
        };
        self.set(headers::PRIORITY, word)
    }

    /// Where the platform posts the result.
    pub fn webhook(mut self, url: &str) -> Self {
        self.kind.query.push(("fal_webhook", url.to_owned()));
        self
    }

    /// Refuses the request with [`Error::TooManyRequests`] where more than so many are waiting. That is not repeated.
    pub fn max_queue_length(mut self, requests: u64) -> Self {
        self.kind.query.push(("fal_max_queue_length", requests.to_string()));
        self.kind.has_queue_limit = true;
        self
    }

    /// Makes it the same request as any other of the same app with the same key and payload, for as long as the result
    /// is kept. Of 1 to 255 characters of ASCII. [`Idempotency`] says when a key makes a submit be repeated.
    pub fn idempotency_key(self, key: &str) -> Self {
        self.set(headers::IDEMPOTENCY_KEY, key)
    }

    /// Has the platform try it once and never again.
    pub fn no_retry(self) -> Self {
        self.set(headers::NO_RETRY, "1")
    }

    /// Has the platform keep input and result for 30 days.
    pub fn store_io(self) -> Self {
        self.set(headers::STORE_IO, "1")
    }

    /// What becomes of the request when [`subscribe`](Self::subscribe) gives up.
    pub const fn abandoned(mut self, abandoned: Abandoned) -> Self {
        self.kind.abandoned = abandoned;
        self
    }

    /// How [`subscribe`](Self::subscribe) follows the request.
    pub const fn follow(mut self, follow: Follow) -> Self {
        self.kind.follow = follow;
        self
    }

    /// Puts it into the queue. It is there, and will not be lost, when this has returned.
    ///
    /// # Errors
    /// Everything that [`Error`] lists. After an error that is not [`is_unsent`](Error::is_unsent) the request may be
    /// in the queue all the same, unless a key was sent that the platform honours and the error is an answer.
    pub async fn submit<I: Serialize + ?Sized>(mut self, input: &I) -> Result<Handle, Error> {
        within(self.timeout, self.send(input)).await?
    }

    /// Puts it into the queue, tells of every change, and waits for its output.
    ///
    /// # Errors
    /// Everything that [`Error`] lists; [`Error::Timeout`] has the request's id where it is in the queue.
    pub async fn subscribe<I, O>(
        self,
        input: &I,
        on_update: impl FnMut(&Status),
    ) -> Result<O, Error>
    where
        I: Serialize + ?Sized,
        O: DeserializeOwned,
    {
        Ok(self.subscribe_answer(input, on_update).await?.output)
    }

    /// The same, with the answer that the output stood in.
    ///
    /// # Errors
    /// As [`subscribe`](Self::subscribe).
    pub async fn subscribe_answer<I, O>(
        mut self,
        input: &I,
        on_update: impl FnMut(&Status),
    ) -> Result<Answer<O>, Error>
    where
        I: Serialize + ?Sized,
        O: DeserializeOwned,
    {
        let (begun, limit, cancels) =
            (Instant::now(), self.timeout, self.kind.abandoned == Abandoned::Cancelled);
        if cancels && limit.is_some_and(|limit| limit > SHORTEST) {
            // What nobody will wait for need not begin, should the cancel be lost.
            self.start_timeout = self.start_timeout.or(limit);
        }
        let handle = within(limit, self.send(input)).await??;
        let mut guard = cancels.then(|| handle.cancel_on_drop());
        let left = limit.map(|limit| limit.saturating_sub(begun.elapsed()));
        let ended = within(left, handle.ended(self.kind.follow, on_update)).await;
        let late = || {
            let request_id = Some(handle.request_id().to_owned());
            Error::Timeout(TimedOut { after: limit.unwrap_or_default(), request_id })
        };
        let Ok(ended) = ended else {
            if let Some(guard) = guard.take() {
                let _there_is_an_error_to_return_already =
                    within(Some(CANCEL), guard.cancel()).await;
            }
            return Err(late());
        };
        let ended = ended?;
        if let Some(guard) = guard {
            guard.disarm();
        }
        let left = limit.map(|limit| limit.saturating_sub(begun.elapsed()));
        within(left, handle.fetch(&ended)).await.map_err(|_elapsed| late())??.into_answer()
    }

    async fn send<I: Serialize + ?Sized>(&mut self, input: &I) -> Result<Handle, Error> {
        let client = self.client.clone();
        let query = std::mem::take(&mut self.kind.query);
        let (app, outgoing) = self.begin(&client.inner.places.queue, &query)?;
        let mut outgoing = outgoing.json(input)?;
        let repeat = self.repeat();
        if repeat > Repeat::Unsent {
            let key = HeaderValue::try_from(Uuid::now_v7().to_string());
            let key = key.expect("a UUID is ASCII");
            outgoing.headers.entry(headers::IDEMPOTENCY_KEY).or_insert(key);
        }
        let reply = client.exchange(&outgoing, repeat, client.bounds(client.silence())).await?;
        Handle::submitted(client, &app, &reply)
    }

    /// After what the submit may be repeated.
    //= docs/contract.md#rust-client-retries
    //# A submit MUST NOT be sent again unless nothing of it was sent, or the platform honours the idempotency key that it has.
    fn repeat(&self) -> Repeat {
        match (self.client.inner.idempotency, self.kind.has_queue_limit) {
            (Idempotency::Ignored, _) => Repeat::Unsent,
            (Idempotency::Honoured, true) => Repeat::Failed,
            (Idempotency::Honoured, false) => Repeat::Refused,
        }
    }
}

impl Reply {
    /// Whether a submit was made before under the same key.
    pub(crate) fn is_replay(&self) -> bool {
        self.headers().get(headers::REPLAYED).is_some_and(|value| value == "true")
    }
}
