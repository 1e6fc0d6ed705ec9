//! The client: where calls begin.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, Uri, header};
use hyper::body::Incoming;
use serde::{Serialize, de::DeserializeOwned};

mod builder;
mod env;

pub use self::builder::{Builder, Idempotency, SetupError};
use crate::{
    call::{Call, Direct, Queued},
    content::{Content, Outgoing},
    error::{Error, Refusal},
    fetch::Fetch,
    handle::Handle,
    key::Key,
    places::{AppId, Places},
    reply::Reply,
    retries::{Repeat, Retries, Tries},
    stream::EventStream,
    transport::{self, Bounds, Transport},
    upload::Upload,
};

/// Calls apps. A clone is cheap, and shares its connections and settings.
///
/// It belongs to the Tokio runtime on which it is first used, which has to have its time and its I/O.
///
/// ```no_run
/// # #[derive(serde::Serialize)] struct Input { prompt: String }
/// # #[derive(serde::Deserialize)] struct Output { text: String }
/// # async fn call() -> Result<(), Box<dyn std::error::Error>> {
/// let client = fal_client::Client::builder().base("http://127.0.0.1:8080").build()?;
/// let output: Output = client.run("demo/hello", &Input { prompt: "you".into() }).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

/// What all clones share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) http: Transport,
    /// The same for what may lead to public addresses only.
    pub(crate) public: Transport,
    pub(crate) places: Places,
    key: Option<Key>,
    pub(crate) retries: Retries,
    read_timeout: Duration,
    response_limit: u64,
    pub(crate) idempotency: Idempotency,
}

/// Who this is, for the logs of servers.
const USER_AGENT: &str = concat!("fal-client/", env!("CARGO_PKG_VERSION"), " (rust)");

impl Client {
    /// A client with all of its settings.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Calls an app and waits for its output; nothing is queued. See [`call`](Self::call) for what can be said of
    /// a call.
    ///
    /// Dropping the future hangs up, which the app is told as a cancel.
    ///
    /// # Errors
    /// Everything that [`Error`] lists.
    pub async fn run<I, O>(&self, app: &str, input: &I) -> Result<O, Error>
    where
        I: Serialize + ?Sized,
        O: DeserializeOwned,
    {
        self.call(app).run(input).await
    }

    /// Puts a request into an app's queue.
    ///
    /// # Errors
    /// Everything that [`Error`] lists.
    pub async fn submit<I: Serialize + ?Sized>(
        &self,
        app: &str,
        input: &I,
    ) -> Result<Handle, Error> {
        self.queued(app).submit(input).await
    }

    /// Puts a request into an app's queue and waits for its output, however long it takes.
    ///
    /// # Errors
    /// Everything that [`Error`] lists.
    pub async fn subscribe<I, O>(&self, app: &str, input: &I) -> Result<O, Error>
    where
        I: Serialize + ?Sized,
        O: DeserializeOwned,
    {
        self.queued(app).subscribe(input, |_update| ()).await
    }

    /// Calls an app's path `/stream` and gives its events as they come.
    ///
    /// # Errors
    /// Everything that [`Error`] lists, and [`Error::NotAStream`] where the app answers at once.
    pub async fn stream<I, E>(&self, app: &str, input: &I) -> Result<EventStream<E>, Error>
    where
        I: Serialize + ?Sized,
        E: DeserializeOwned,
    {
        self.call(app).stream(input).await
    }

    /// A direct call of an app, `owner/alias` or `owner/alias/path`, to say more about.
    pub fn call(&self, app: &str) -> Call<Direct> {
        Call::new(self.clone(), app)
    }

    /// A request for an app's queue, to say more about.
    pub fn queued(&self, app: &str) -> Call<Queued> {
        Call::new(self.clone(), app)
    }

    /// The handle of a request that was submitted before, perhaps by somebody else.
    ///
    /// # Errors
    /// [`Error::BadCall`] where the app's name is none, or the id could not stand in a URL.
    pub fn handle(&self, app: &str, request_id: &str) -> Result<Handle, Error> {
        Handle::known(self.clone(), &AppId::parse(app)?, request_id)
    }

    /// Uploads a file and returns its URL, for the input of a call.
    ///
    /// # Errors
    /// [`Error::File`] where it cannot be read, and everything that a call may fail for.
    pub async fn upload(&self, upload: Upload) -> Result<String, Error> {
        upload.send(self).await
    }

    /// Fetches what an app has made, at most `limit` bytes of it. Redirects are followed, five at most, and the key
    /// is not sent.
    ///
    /// # Errors
    /// [`Error::TooLarge`] where it is longer, [`Error::BadCall`] where it is no URL, and everything that a call may
    /// fail for.
    pub async fn download(&self, url: &str, limit: u64) -> Result<Bytes, Error> {
        crate::download::download(self, url, limit).await
    }

    /// A fetch of what a URL names, to say more about: for what does not fit into memory, and for URLs that strangers
    /// have given.
    pub fn fetch(&self, url: &str) -> Fetch {
        Fetch::new(self.clone(), url, self.inner.response_limit)
    }

    //= docs/contract.md#rust-client-key
    //# The key MUST be sent to the URLs that the client was made with, and to no other.
    /// A request that names the caller, for the platform only.
    pub(crate) fn outgoing(&self, method: Method, uri: Uri) -> Outgoing {
        let mut outgoing = self.nameless(method, uri);
        if let Some(key) = &self.inner.key {
            outgoing.headers.insert(header::AUTHORIZATION, key.authorization());
        }
        outgoing
    }

    /// A request that goes anywhere.
    pub(crate) fn nameless(&self, method: Method, uri: Uri) -> Outgoing {
        let mut headers = HeaderMap::new();
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        Outgoing { method, uri, headers, content: Content::empty() }
    }

    /// Patient with nobody but apps.
    pub(crate) fn silence(&self) -> Option<Duration> {
        Some(self.inner.read_timeout)
    }

    pub(crate) fn bounds(&self, silence: Option<Duration>) -> Bounds {
        Bounds { silence, length: self.inner.response_limit }
    }

    /// Sends until there is an answer that is a success, as often as is allowed.
    pub(crate) async fn exchange(
        &self,
        outgoing: &Outgoing,
        repeat: Repeat,
        bounds: Bounds,
    ) -> Result<Reply, Error> {
        let mut tries = Tries::new(self.inner.retries, repeat);
        loop {
            match self.exchange_once(outgoing, bounds).await {
                Ok(reply) => return Ok(reply),
                Err(error) => tries.again(outgoing, error).await?,
            }
        }
    }

    async fn exchange_once(&self, outgoing: &Outgoing, bounds: Bounds) -> Result<Reply, Error> {
        let reply = self.inner.http.whole(outgoing.request().await?, bounds).await;
        let reply = reply.map_err(|error| outgoing.content.blame(error))?;
        if reply.is_success() { Ok(reply) } else { Err(Error::answered(reply)) }
    }

    /// The same, up to the head of an answer that is a stream of events.
    pub(crate) async fn open(
        &self,
        outgoing: &Outgoing,
        repeat: Repeat,
        silence: Option<Duration>,
    ) -> Result<Response<Incoming>, Error> {
        let mut tries = Tries::new(self.inner.retries, repeat);
        loop {
            match self.open_once(outgoing, silence).await {
                Ok(answer) => return Ok(answer),
                Err(error) => tries.again(outgoing, error).await?,
            }
        }
    }

    async fn open_once(
        &self,
        outgoing: &Outgoing,
        silence: Option<Duration>,
    ) -> Result<Response<Incoming>, Error> {
        let answer = self.inner.http.head(outgoing.request().await?, silence).await?;
        if !answer.status().is_success() {
            // What is no stream is not awaited for ever.
            let bounds = self.bounds(self.silence());
            return Err(Error::answered(transport::collect(answer, bounds).await?));
        }
        if is_stream(answer.headers()) { Ok(answer) } else { Err(not_a_stream(answer)) }
    }
}

fn is_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/event-stream"))
}

fn not_a_stream(answer: Response<Incoming>) -> Error {
    let reply = Reply::new(answer.into_parts().0, Bytes::new());
    let detail = reply.header("content-type").unwrap_or("it has no content type").to_owned();
    Error::NotAStream(Refusal { detail, reply })
}
