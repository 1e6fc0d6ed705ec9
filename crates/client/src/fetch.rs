//! Fetching what a URL names that somebody else has given: bit by bit, up to a limit, and not from everywhere.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Method, Response, Uri, header, response::Parts};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use crate::{
    client::Client,
    content::Outgoing,
    download::follow,
    error::{Cut, Error},
    places,
    reach::Reach,
    reply::Reply,
    retries::{Repeat, Tries},
    transport::within,
};

/// How many redirects are followed.
const REDIRECTS: u32 = 5;

/// A fetch that has not begun.
///
/// ```no_run
/// # async fn fetch(client: fal_client::Client) -> Result<(), fal_client::Error> {
/// use fal_client::Reach;
///
/// let fetch = client.fetch("https://example.com/cat.png").limit(1024 * 1024).reach(Reach::Public);
/// let mut fetched = fetch.send().await?;
/// while let Some(chunk) = fetched.chunk().await? {
///     println!("{} bytes", chunk.len());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a fetch does nothing until it is sent"]
pub struct Fetch {
    client: Client,
    url: String,
    limit: u64,
    reach: Reach,
    known: Option<String>,
}

/// An answer that has begun, and comes as it is asked for.
#[derive(Debug)]
pub struct Fetched {
    head: Parts,
    body: Incoming,
    silence: Option<Duration>,
    limit: u64,
    received: u64,
}

impl Fetch {
    pub(crate) fn new(client: Client, url: &str, limit: u64) -> Self {
        Self { client, url: url.to_owned(), limit, reach: Reach::Anywhere, known: None }
    }

    /// The most bytes that are taken; what the client's answers may have by default.
    pub const fn limit(mut self, bytes: u64) -> Self {
        self.limit = bytes;
        self
    }

    /// Where it may lead, redirects included; [`Anywhere`](Reach::Anywhere) by default.
    pub const fn reach(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }

    /// URLs that begin like this, up to the end of a path's segment, are within reach whatever their address: those
    /// of one's own store, `http://127.0.0.1:8080/cdn/`.
    pub fn known(mut self, beginning: impl Into<String>) -> Self {
        self.known = Some(beginning.into());
        self
    }

    /// Sends it, without the key, and waits for the head of the answer. Five redirects are followed; one that leaves
    /// TLS is not.
    ///
    /// # Errors
    /// [`Error::BadCall`] where it is no URL, [`TransportError::OutOfReach`](crate::TransportError::OutOfReach) where it leads to an address that it may
    /// not, [`Error::TooLarge`] where the answer says that it is longer than the limit, and everything that a call
    /// may fail for. A body that comes with a refusal is not read.
    pub async fn send(self) -> Result<Fetched, Error> {
        let mut at = places::whole(&self.url)?;
        let mut followed = 0;
        loop {
            match self.begin(&at).await {
                Ok(answer) => return Fetched::new(answer, self.client.silence(), self.limit),
                //= docs/contract.md#file-input
                //# At most five redirects MUST be followed, each checked as the first URL.
                Err(Error::Redirect(refusal)) if followed < REDIRECTS => {
                    let next = refusal.reply.header("location").and_then(|to| follow(&at, to));
                    at = next.ok_or(Error::Redirect(refusal))?;
                    followed += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn begin(&self, uri: &Uri) -> Result<Response<Incoming>, Error> {
        let mut outgoing = self.client.nameless(Method::GET, uri.clone());
        outgoing.headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        let mut tries = Tries::new(self.client.inner.retries, Repeat::Refused);
        loop {
            match self.begin_once(&outgoing).await {
                Ok(answer) => return Ok(answer),
                Err(error) => tries.again(&outgoing, error).await?,
            }
        }
    }

    async fn begin_once(&self, outgoing: &Outgoing) -> Result<Response<Incoming>, Error> {
        let inner = &self.client.inner;
        let reach = if self.is_known(&outgoing.uri) { Reach::Anywhere } else { self.reach };
        let transport = match reach {
            Reach::Anywhere => &inner.http,
            Reach::Public => &inner.public,
        };
        let answer = transport.head(outgoing.request().await?, self.client.silence()).await?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(Error::answered(Reply::new(answer.into_parts().0, Bytes::new())))
    }

    /// A path that climbs could lead elsewhere on the same host.
    fn is_known(&self, uri: &Uri) -> bool {
        let Some(known) = &self.known else { return false };
        let path = uri.path().to_ascii_lowercase().replace("%2e", ".");
        let climbs = path.split('/').any(|step| matches!(step, "." | ".."));
        !climbs && uri.to_string().starts_with(known)
    }
}

impl Fetched {
    fn new(
        answer: Response<Incoming>,
        silence: Option<Duration>,
        limit: u64,
    ) -> Result<Self, Error> {
        let (head, body) = answer.into_parts();
        if body.size_hint().lower() > limit {
            return Err(Error::TooLarge { limit });
        }
        Ok(Self { head, body, silence, limit, received: 0 })
    }

    /// What it is, as the answer says.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.head.headers.get(header::CONTENT_TYPE)?.to_str().ok()
    }

    /// How many bytes are still to come, where the answer says so.
    #[must_use]
    pub fn left(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }

    /// More of it; none at its end.
    ///
    /// # Errors
    /// [`Error::TooLarge`] where it is longer than the limit, [`Error::Cut`] where its end is missing, and
    /// [`Error::Timeout`] where nothing came for too long.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        while let Some(frame) = within(self.silence, self.body.frame()).await? {
            let frame = frame.map_err(|error| {
                let reply = Reply::new(self.head.clone(), Bytes::new());
                Error::Cut(Cut::new(self.received, reply, Some(error)))
            })?;
            let Ok(data) = frame.into_data() else { continue };
            self.received += data.len() as u64;
            if self.received > self.limit {
                return Err(Error::TooLarge { limit: self.limit });
            }
            return Ok(Some(data));
        }
        Ok(None)
    }

    /// All that is left, in memory.
    ///
    /// # Errors
    /// Those of [`chunk`](Self::chunk).
    pub async fn bytes(mut self) -> Result<Bytes, Error> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }
}
