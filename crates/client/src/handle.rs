//! A request in a queue.

use http::{HeaderValue, Method, Uri, header};
use serde::{Deserialize, de::DeserializeOwned};

mod events;
mod guard;
mod status;

use self::events::Follower;
pub use self::{
    events::{Events, Follow},
    guard::CancelOnDrop,
    status::{Completed, LogLine, Logs, State, Status},
};
use crate::{
    client::Client,
    error::{BadCall, Error},
    places::{self, AppId},
    reply::{Answer, Reply},
    retries::Repeat,
};

/// A request that was submitted. A clone is cheap, and dropping it changes nothing: the request goes on.
///
/// Its URLs are made of the client's own and its id, never taken from an answer, so that the key goes nowhere else.
#[derive(Debug, Clone)]
pub struct Handle {
    client: Client,
    /// `owner/alias`, perhaps with a namespace before it.
    app: String,
    request_id: String,
    queue_position: Option<u64>,
    is_replay: bool,
}

/// What a cancel came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancel {
    /// It is asked for. A waiting request will not start; a running one is told, and ends as its app decides.
    Requested,
    /// The request was completed before.
    AlreadyCompleted,
}

/// What a submit is answered. More stands there, and nothing else is needed.
#[derive(Debug, Deserialize)]
struct Submitted {
    request_id: String,
    #[serde(default)]
    queue_position: Option<u64>,
}

impl Handle {
    pub(crate) fn submitted(client: Client, app: &AppId, reply: &Reply) -> Result<Self, Error> {
        let submitted: Submitted = reply.json()?;
        let handle = Self::known(client, app, &submitted.request_id)?;
        let (queue_position, is_replay) = (submitted.queue_position, reply.is_replay());
        Ok(Self { queue_position, is_replay, ..handle })
    }

    pub(crate) fn known(client: Client, app: &AppId, request_id: &str) -> Result<Self, Error> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if request_id.is_empty() || !request_id.bytes().all(is_plain) {
            return Err(BadCall::Url(request_id.to_owned()).into());
        }
        let (app, request_id) = (app.app().to_owned(), request_id.to_owned());
        Ok(Self { client, app, request_id, queue_position: None, is_replay: false })
    }

    /// The request's id. With the app's name, [`Client::handle`] makes a handle of it again.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// The app, as `owner/alias`.
    #[must_use]
    pub fn app(&self) -> &str {
        &self.app
    }

    /// How many requests were ahead when it was submitted; none where that was not heard.
    #[must_use]
    pub const fn queue_position(&self) -> Option<u64> {
        self.queue_position
    }

    /// Whether the submit had been made before under the same idempotency key, so that this is the request of then.
    #[must_use]
    pub const fn is_replay(&self) -> bool {
        self.is_replay
    }

    /// Where it is now. With [`Logs::Wanted`], the status has all lines that its app has printed for it.
    ///
    /// # Errors
    /// [`Error::NotFound`] where it is unknown or forgotten, and everything that a read may fail for.
    pub async fn status(&self, logs: Logs) -> Result<Status, Error> {
        let reply = self.read(self.uri("/status", logs)?, Repeat::Refused).await?;
        reply.json::<status::Wire>().map(Status::from)
    }

    /// Every change from now on, up to its end.
    #[must_use]
    pub fn events(&self, follow: Follow) -> Events {
        Events::new(self.clone(), follow)
    }

    /// Waits for its end, and gives its output.
    ///
    /// # Errors
    /// What became of it, where that is no output, and everything that a read may fail for.
    pub async fn result<O: DeserializeOwned>(&self) -> Result<O, Error> {
        Ok(self.answer().await?.output)
    }

    /// The same, with the answer that the output stood in.
    ///
    /// # Errors
    /// As [`result`](Self::result).
    pub async fn answer<O: DeserializeOwned>(&self) -> Result<Answer<O>, Error> {
        self.reply().await?.into_answer()
    }

    /// The same, as it came, for an app that answers something else than JSON.
    ///
    /// # Errors
    /// As [`result`](Self::result), but for [`Error::Decode`].
    pub async fn reply(&self) -> Result<Reply, Error> {
        let ended = self.ended(Follow::default(), |_update| ()).await?;
        self.fetch(&ended).await
    }

    /// Its output, where it has come to its end, and none where it has not.
    ///
    /// # Errors
    /// As [`result`](Self::result).
    pub async fn try_result<O: DeserializeOwned>(&self) -> Result<Option<O>, Error> {
        match self.status(Logs::LeftOut).await?.state {
            State::Completed(ended) => {
                self.fetch(&ended).await?.into_answer().map(|answer| Some(answer.output))
            }
            State::InQueue { .. } | State::InProgress | State::Other(_) => Ok(None),
        }
    }

    /// Asks for its end.
    ///
    /// # Errors
    /// [`Error::NotFound`] where it is unknown or forgotten, and everything that a read may fail for.
    pub async fn cancel(&self) -> Result<Cancel, Error> {
        let outgoing = self.client.outgoing(Method::PUT, self.below("/cancel")?);
        let bounds = self.client.bounds(self.client.silence());
        match self.client.exchange(&outgoing, Repeat::Refused, bounds).await {
            Ok(_accepted) => Ok(Cancel::Requested),
            Err(Error::App(refusal)) if is_over(&refusal.reply) => Ok(Cancel::AlreadyCompleted),
            Err(error) => Err(error),
        }
    }

    /// Something that asks for its end when it is dropped.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    #[must_use = "the request is cancelled when this is dropped"]
    pub fn cancel_on_drop(&self) -> CancelOnDrop {
        CancelOnDrop::new(self.clone())
    }

    /// Waits for its end.
    pub(crate) async fn ended(
        &self,
        follow: Follow,
        mut on_update: impl FnMut(&Status),
    ) -> Result<Completed, Error> {
        let mut follower = Follower::new(self.clone(), follow);
        loop {
            let update = follower.change().await?;
            on_update(&update);
            if let State::Completed(ended) = update.state {
                return Ok(ended);
            }
        }
    }

    /// Reads the result of a request that has ended so.
    ///
    /// The statuses of a failed one are its result, and to ask again would only give them again.
    pub(crate) async fn fetch(&self, ended: &Completed) -> Result<Reply, Error> {
        let repeat = if ended.error.is_some() { Repeat::Unanswered } else { Repeat::Refused };
        self.read(self.below("")?, repeat).await
    }

    async fn read(&self, uri: Uri, repeat: Repeat) -> Result<Reply, Error> {
        let outgoing = self.client.outgoing(Method::GET, uri);
        self.client.exchange(&outgoing, repeat, self.client.bounds(self.client.silence())).await
    }

    /// The stream of its statuses.
    async fn stream(&self, logs: Logs) -> Result<http::Response<hyper::body::Incoming>, Error> {
        let mut outgoing = self.client.outgoing(Method::GET, self.uri("/status/stream", logs)?);
        outgoing.headers.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
        self.client.open(&outgoing, Repeat::Unsent, self.client.silence()).await
    }

    fn uri(&self, tail: &str, logs: Logs) -> Result<Uri, BadCall> {
        let logs = match logs {
            Logs::Wanted => "1",
            Logs::LeftOut => "0",
        };
        self.below(&places::with_query(tail.to_owned(), &[("logs", logs.to_owned())]))
    }

    fn below(&self, tail: &str) -> Result<Uri, BadCall> {
        let path = format!("/{}/requests/{}{tail}", self.app, self.request_id);
        self.client.inner.places.queue.join(&path)
    }
}

/// Whether a cancel was refused because there is nothing left to cancel.
fn is_over(reply: &Reply) -> bool {
    #[derive(Deserialize)]
    struct Word {
        status: String,
    }
    let word: Result<Word, _> = reply.json();
    reply.status() == 400 && word.is_ok_and(|word| word.status == "ALREADY_COMPLETED")
}
