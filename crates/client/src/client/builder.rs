//! What a client is made from.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use crate::{
    client::{Client, Inner},
    key::Key,
    places::{Place, Places},
    reach::Reach,
    retries::Retries,
    roots,
    transport::Transport,
};

/// Settings of a client. What is not said is as for fal itself.
#[derive(Clone)]
#[must_use = "it builds a client with `build`"]
pub struct Builder {
    key: Option<String>,
    run: String,
    queue: String,
    rest: String,
    roots: Vec<Vec<u8>>,
    root_files: Vec<PathBuf>,
    connect_timeout: Duration,
    read_timeout: Duration,
    response_limit: u64,
    retries: Retries,
    idempotency: Idempotency,
}

/// What the platform makes of an `Idempotency-Key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idempotency {
    /// The same key with the same payload is the same request, as on this project's platform. Every submit gets a key,
    /// made here where the caller gives none, and is repeated where its answer is lost or the platform says that it
    /// cannot at the moment.
    Honoured,
    /// It may be ignored, as fal does. A key is sent where the caller gives one, and changes nothing else.
    Ignored,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// There is no key where one was looked for.
    #[error("no key: set FAL_KEY, or FAL_KEY_ID and FAL_KEY_SECRET")]
    NoKey,
    /// The key has characters that no header can have. It is not shown.
    #[error("the key has characters that no key has")]
    BadKey,
    /// It cannot be what other URLs begin with.
    #[error("`{0}` is no http or https URL to begin others with")]
    BadUrl(String),
    /// An authority's certificate cannot be used.
    #[error("a certificate cannot be used: {0}")]
    BadRoot(String),
    /// An authority's file cannot be read.
    #[error("{path} cannot be read")]
    NoRoot {
        /// The file.
        path: PathBuf,
        /// Why it cannot.
        #[source]
        source: std::io::Error,
    },
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            key: None,
            run: "https://fal.run".to_owned(),
            queue: "https://queue.fal.run".to_owned(),
            rest: "https://rest.fal.ai".to_owned(),
            roots: Vec::new(),
            root_files: Vec::new(),
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            response_limit: 256 * 1024 * 1024,
            retries: Retries::default(),
            idempotency: Idempotency::Ignored,
        }
    }
}

impl Builder {
    /// The key, `id:secret` or in any other form. Without one, calls name nobody, which public apps and platforms
    /// without keys allow.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// A platform of this project, as `http://127.0.0.1:8080`: its `/run`, `/queue` and `/rest`, and its honouring of
    /// [idempotency keys](Idempotency::Honoured).
    pub fn base(mut self, url: &str) -> Self {
        let below = |name: &str| format!("{}/{name}", url.trim_end_matches('/'));
        (self.run, self.queue, self.rest) = (below("run"), below("queue"), below("rest"));
        self.idempotency = Idempotency::Honoured;
        self
    }

    /// What the URLs of direct calls and streams begin with; `https://fal.run` by default.
    pub fn run_url(mut self, url: impl Into<String>) -> Self {
        self.run = url.into();
        self
    }

    /// What the queue's URLs begin with; `https://queue.fal.run` by default.
    pub fn queue_url(mut self, url: impl Into<String>) -> Self {
        self.queue = url.into();
        self
    }

    /// What the URLs of the storage begin with; `https://rest.fal.ai` by default.
    pub fn rest_url(mut self, url: impl Into<String>) -> Self {
        self.rest = url.into();
        self
    }

    /// What is known of idempotency keys at the queue; [`Ignored`](Idempotency::Ignored) by default, and
    /// [`Honoured`](Idempotency::Honoured) after [`base`](Self::base).
    pub const fn idempotency(mut self, idempotency: Idempotency) -> Self {
        self.idempotency = idempotency;
        self
    }

    /// Trusts these authorities, too: certificates in PEM.
    pub fn trust(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots.push(pem.into());
        self
    }

    /// Trusts the authorities in this file, too: certificates in PEM.
    pub fn trust_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.root_files.push(path.into());
        self
    }

    /// How long a connection may take, with its TLS; 10 s by default.
    pub const fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// How long the platform may say nothing where no app is waited for: submits, statuses, results, downloads. 30 s
    /// by default.
    ///
    /// It is also how long a stream of statuses may be silent before the request is asked after instead. The platform has
    /// a comment for it every 15 s, so less than that leads to more requests.
    ///
    /// A direct call waits for its app as long as the platform does; [`timeout`](crate::Call::timeout) limits one call.
    pub const fn read_timeout(mut self, limit: Duration) -> Self {
        self.read_timeout = limit;
        self
    }

    /// The longest answer in bytes, and the longest event of a stream; 256 MiB by default. The whole of it is held in
    /// memory.
    pub const fn response_limit(mut self, bytes: u64) -> Self {
        self.response_limit = bytes;
        self
    }

    /// How often and how soon what is safe to repeat is repeated.
    pub const fn retries(mut self, retries: Retries) -> Self {
        self.retries = retries;
        self
    }

    /// The client. Reads the certificates that this machine trusts.
    ///
    /// # Errors
    /// Where the key cannot be sent, a URL is none, or a certificate cannot be used.
    pub fn build(self) -> Result<Client, SetupError> {
        let key = self.key.as_deref().map(Key::new).transpose()?;
        let places = Places {
            run: Place::parse(&self.run)?,
            queue: Place::parse(&self.queue)?,
            rest: Place::parse(&self.rest)?,
        };
        let mut pem = self.roots;
        for path in self.root_files {
            pem.push(std::fs::read(&path).map_err(|source| SetupError::NoRoot { path, source })?);
        }
        let tls = roots::config(&pem)?;
        let inner = Inner {
            http: Transport::new(tls.clone(), self.connect_timeout, Reach::Anywhere),
            public: Transport::new(tls, self.connect_timeout, Reach::Public),
            places,
            key,
            retries: self.retries,
            read_timeout: self.read_timeout,
            response_limit: self.response_limit,
            idempotency: self.idempotency,
        };
        Ok(Client { inner: Arc::new(inner) })
    }
}

/// Whether there is a key is shown, and the key is not.
impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("has_key", &self.key.is_some())
            .field("run", &self.run)
            .field("queue", &self.queue)
            .field("rest", &self.rest)
            .finish_non_exhaustive()
    }
}
