//! A call, and what can be said of it before it is made.

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde::Serialize;
use serde_json::Value;

mod direct;
mod queued;

pub use self::{
    direct::Direct,
    queued::{Abandoned, Priority, Queued},
};
use crate::{
    client::Client,
    content::{Content, Outgoing},
    error::{BadCall, Error},
    headers,
    places::{self, AppId, Place},
};

/// A call that has not been made. `Kind` is [`Direct`] or [`Queued`].
#[must_use = "a call does nothing until it is made"]
pub struct Call<Kind> {
    client: Client,
    app: String,
    path: Option<String>,
    timeout: Option<Duration>,
    start_timeout: Option<Duration>,
    headers: HeaderMap,
    /// The first thing said that cannot be, kept until there is a result to say it in.
    fault: Option<BadCall>,
    kind: Kind,
}

/// How long what an app makes is kept, and who may have it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ObjectLifecycle {
    /// How long; whole seconds, at least one. None is for the platform's own rule.
    pub expires_after: Option<Duration>,
    /// Who, as fal writes it: `{"default": "hide", "rules": [..]}`.
    pub initial_acl: Option<Value>,
}

impl<Kind: Default> Call<Kind> {
    pub(crate) fn new(client: Client, app: &str) -> Self {
        Self {
            client,
            app: app.to_owned(),
            path: None,
            timeout: None,
            start_timeout: None,
            headers: HeaderMap::new(),
            fault: None,
            kind: Kind::default(),
        }
    }
}

impl<Kind> Call<Kind> {
    /// The path behind the app's name, perhaps with a query.
    pub fn path(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    /// How long the whole of it may take, repetitions included; unlimited by default. Then the client gives up with
    /// [`Error::Timeout`].
    ///
    /// Of a direct call, the app is told by a cancel. What a queued request comes to, [`Abandoned`] says. Of a stream
    /// it limits the time until it begins.
    pub const fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// When the app must have begun, counted from now; more than 0.1 s. A request that has not is answered with 504,
    /// of which [`is_user_timeout`](Error::is_user_timeout) is true.
    pub const fn start_timeout(mut self, limit: Duration) -> Self {
        self.start_timeout = Some(limit);
        self
    }

    /// Which runner is preferred: one that has said this in its hints.
    pub fn runner_hint(self, hint: &str) -> Self {
        self.set(headers::RUNNER_HINT, hint)
    }

    /// How long what the app makes is kept, and who may have it.
    pub fn object_lifecycle(self, lifecycle: &ObjectLifecycle) -> Self {
        let text = lifecycle.json();
        self.set(headers::LIFECYCLE, &text)
    }

    /// Any other header. One that the client sets itself stays as the client sets it.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match name.parse::<HeaderName>() {
            Ok(name) => self.set(name, value),
            Err(_no_name) => {
                self.fault.get_or_insert(BadCall::Header(name.to_owned()));
                self
            }
        }
    }

    fn set(mut self, name: HeaderName, value: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(value) => drop(self.headers.insert(name, value)),
            Err(_no_value) => drop(self.fault.get_or_insert(BadCall::Header(name.to_string()))),
        }
        self
    }

    /// The app, and the request as far as all kinds of calls have it in common.
    fn begin(
        &mut self,
        place: &Place,
        query: &[(&str, String)],
    ) -> Result<(AppId, Outgoing), Error> {
        if let Some(fault) = self.fault.take() {
            return Err(fault.into());
        }
        let app = AppId::parse(&self.app)?;
        let path = places::with_query(app.path(self.path.as_deref()), query);
        let mut outgoing = self.client.outgoing(Method::POST, place.join(&path)?);
        for (name, value) in &self.headers {
            outgoing.headers.entry(name).or_insert_with(|| value.clone());
        }
        if let Some(limit) = self.start_timeout {
            let value = seconds(limit);
            outgoing.headers.insert(headers::START_TIMEOUT, value.clone());
            outgoing.headers.insert(headers::OLD_START_TIMEOUT, value);
        }
        Ok((app, outgoing))
    }
}

impl Outgoing {
    /// With this as its body.
    pub(crate) fn json<I: Serialize + ?Sized>(mut self, input: &I) -> Result<Self, Error> {
        let body = serde_json::to_vec(input).map_err(BadCall::Input)?;
        self.content = Content::Bytes(Bytes::from(body));
        let json = HeaderValue::from_static("application/json");
        self.headers.insert(header::CONTENT_TYPE, json);
        Ok(self)
    }
}

impl ObjectLifecycle {
    /// Kept for this long.
    #[must_use]
    pub const fn expires_after(time: Duration) -> Self {
        Self { expires_after: Some(time), initial_acl: None }
    }

    pub(crate) fn json(&self) -> String {
        let mut object = serde_json::Map::new();
        if let Some(time) = self.expires_after {
            let seconds = time.as_secs().max(1);
            object.insert("expiration_duration_seconds".to_owned(), seconds.into());
        }
        if let Some(acl) = &self.initial_acl {
            object.insert("initial_acl".to_owned(), acl.clone());
        }
        Value::Object(object).to_string()
    }
}

/// Seconds as a number, with a fraction where there is one.
fn seconds(limit: Duration) -> HeaderValue {
    HeaderValue::try_from(limit.as_secs_f64().to_string()).expect("a number has only ASCII")
}

/// The names of its headers are shown, and their values may be secrets.
impl<Kind: fmt::Debug> fmt::Debug for Call<Kind> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("app", &self.app)
            .field("path", &self.path)
            .field("timeout", &self.timeout)
            .field("start_timeout", &self.start_timeout)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
