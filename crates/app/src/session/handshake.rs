//! The handshake that makes a WebSocket of a request.

use std::{fmt, mem, sync::Arc};

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode,
    header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE},
    request::Parts,
};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::io::DuplexStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::{
    session::line::{self, Line},
    shell::{answer, body::Body},
};

const VERSION: &str = "13";

/// What a caller sends who wants the outputs in a place of his own. Over HTTP too no app of this
/// framework heeds it, and fal refuses it here.
const UPLOAD_POLICY: HeaderName = HeaderName::from_static("x-app-fal-upload-policy");

/// Whether a request asks for a WebSocket.
pub(crate) fn is_asked(asked: &Parts) -> bool {
    asked.method == Method::GET
        && lists(&asked.headers, &CONNECTION, "upgrade")
        && lists(&asked.headers, &UPGRADE, "websocket")
}

/// Whether a header's list has this word.
fn lists(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    let mut words = values.flat_map(|value| value.split(','));
    words.any(|listed| listed.trim().eq_ignore_ascii_case(word))
}

/// Why a handshake is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Policy,
    Version,
    Key,
}

impl Refusal {
    pub(crate) fn answer(self) -> Response<Body> {
        match self {
            Self::Policy => answer::forbidden(),
            Self::Version => answer::other_version(VERSION),
            Self::Key => answer::no_key(),
        }
    }
}

/// What a handshake asks to hear.
#[derive(Debug)]
pub(crate) struct Accepted(HeaderValue);

/// Judges a handshake.
pub(crate) fn judge(asked: &HeaderMap) -> Result<Accepted, Refusal> {
    if asked.contains_key(UPLOAD_POLICY) {
        return Err(Refusal::Policy);
    }
    if asked.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != VERSION) {
        return Err(Refusal::Version);
    }
    let key = asked.get(SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
    key.and_then(|key| HeaderValue::try_from(key).ok()).map(Accepted).ok_or(Refusal::Key)
}

impl Accepted {
    //= docs/contract.md#app-handshake
    //# A handshake of an app's session MUST be answered with 101 and no subprotocol, when a slot is
    //# free for it.
    pub(crate) fn answer(self) -> Response<Body> {
        let mut response = Response::new(Body::default());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, self.0);
        response
    }
}

/// What becomes the WebSocket once its handshake is answered.
pub(crate) enum Upgrade {
    Http(OnUpgrade),
    Given(Box<DuplexStream>),
    Nothing,
}

/// A line that was there before its handshake, as the test kit's. It travels among the extensions of
/// its request, and is taken once.
#[derive(Debug, Clone)]
pub(crate) struct Given(Arc<Mutex<Option<DuplexStream>>>);

impl Given {
    pub(crate) fn new(stream: DuplexStream) -> Self {
        Self(Arc::new(Mutex::new(Some(stream))))
    }
}

impl Upgrade {
    /// Takes it from the request that asks for it.
    pub(crate) fn of(asked: &mut Parts) -> Self {
        if let Some(Given(stream)) = asked.extensions.remove()
            && let Some(stream) = mem::take(&mut *stream.lock())
        {
            return Self::Given(Box::new(stream));
        }
        asked.extensions.remove().map_or(Self::Nothing, Self::Http)
    }

    /// The line, when the answer has been sent; `None` where the client has left before.
    pub(crate) async fn line(self) -> Option<Line> {
        let wire: line::Wire = match self {
            Self::Http(upgrade) => Box::new(TokioIo::new(upgrade.await.ok()?)),
            Self::Given(stream) => stream,
            Self::Nothing => return None,
        };
        Some(line::of(wire).await)
    }
}

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrade").finish_non_exhaustive()
    }
}
