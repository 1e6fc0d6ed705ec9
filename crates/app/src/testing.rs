//! A test kit: an app's endpoints without a socket, and what their answers would do to a runner.
//!
//! ```
//! use fal_app::{prelude::*, testing::TestApp};
//! use serde_json::json;
//!
//! # #[derive(Debug, Deserialize, JsonSchema)]
//! # struct Input { prompt: String }
//! # #[derive(Debug, thiserror::Error, AppError)]
//! # enum PredictError {
//! #     #[error("prompt is empty")]
//! #     #[status(422)]
//! #     EmptyPrompt,
//! #     #[error("the device is gone")]
//! #     #[runner_broken]
//! #     Device(RunnerBroken),
//! # }
//! # #[fal_app]
//! # struct Hello;
//! # #[fal_app]
//! # impl Hello {
//! #     #[setup]
//! #     async fn setup() -> Result<Self, SetupError> { Ok(Self) }
//! #     #[endpoint("/")]
//! #     async fn predict(&self, input: Input) -> Result<String, PredictError> {
//! #         match input.prompt.as_str() {
//! #             "" => Err(PredictError::EmptyPrompt),
//! #             "unplug" => Err(PredictError::Device(RunnerBroken::declare("unplugged"))),
//! #             prompt => Ok(format!("Hello, {prompt}!")),
//! #         }
//! #     }
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let app = TestApp::<Hello>::start().await;
//!
//! app.post("/", json!({ "prompt": "you" })).await.expect(200).json(json!("Hello, you!"));
//! app.post("/", json!({ "prompt": "" })).await.expect(422).detail("prompt is empty").keeps_the_runner();
//! app.post("/", json!({ "prompt": "unplug" })).await.expect(503).kills_the_runner().is_retried();
//! # }
//! ```
//!
//! Each check panics with what was answered and what the answer would do.

use bytes::Bytes;
use http::{
    Method, Request as HttpRequest,
    header::{CONNECTION, CONTENT_TYPE, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE},
};
use http_body_util::{BodyExt as _, Full};
use serde::Serialize;

use crate::{
    app::{App, Wired},
    describe::verdict::rules,
    session::handshake::Given,
    setup::{SetupContext, run_setup, tear_down},
    shell::Shell,
};

mod reply;
mod session;

pub use fal_policy::{Impact, Retry, Verdict};

pub use self::{
    reply::Reply,
    session::{TestEnd, TestSession},
};

/// How many bytes are on their way between the ends of a test's session.
const WAY: usize = 64 << 10;

/// An app that was set up and warmed up, as a test asks it.
#[derive(Debug)]
pub struct TestApp<A> {
    shell: Shell<A>,
}

impl<A: Wired> TestApp<A> {
    /// Sets the app up with an empty environment.
    ///
    /// # Panics
    /// When the setup or the warm-up fails.
    pub async fn start() -> Self {
        Self::start_with(SetupContext::default()).await
    }

    /// Sets the app up with these variables.
    ///
    /// # Panics
    /// When the setup or the warm-up fails.
    pub async fn start_with(cx: SetupContext) -> Self {
        match run_setup::<A>(cx).await {
            Ok(ready) => Self::from(ready.into_shell()),
            Err(error) => {
                #[expect(clippy::panic, reason = "without the app there is no test")]
                {
                    panic!("{error}")
                }
            }
        }
    }

    /// The app itself, as its endpoints see it.
    #[must_use]
    pub fn app(&self) -> &A {
        self.shell.app()
    }

    /// Posts an input as JSON.
    ///
    /// # Panics
    /// When the input's `Serialize` fails.
    pub async fn post(&self, path: &str, input: impl Serialize) -> Reply {
        self.call(path).json(input).await
    }

    /// Opens a session with a realtime or a raw endpoint, when a slot is free.
    ///
    /// # Panics
    /// When there is no session at this path.
    pub async fn open(&self, path: &str) -> TestSession {
        self.call(path).open().await
    }

    /// A call to be completed: with headers, with bytes, or by another method.
    ///
    /// # Panics
    /// When the path is none.
    pub fn call<'a>(&'a self, path: &str) -> TestCall<'a, A> {
        let mut request = HttpRequest::new(Bytes::new());
        *request.method_mut() = Method::POST;
        let uri = path.parse().ok().filter(|_| path.starts_with('/'));
        assert!(uri.is_some(), "{path:?} is no path: one begins with a slash");
        *request.uri_mut() = uri.unwrap_or_default();
        TestCall { shell: &self.shell, request }
    }

    /// Returns when a session has shown that the runner is broken, for which its program ends.
    pub async fn broken(&self) {
        self.shell.broken().await;
    }

    /// Ends the app as SIGTERM does: its sessions and its `#[on_exit]`, and when nothing works any
    /// more its `#[teardown]`.
    pub async fn stop(self) {
        self.shell.end_sessions();
        self.shell.on_exit().await;
        self.shell.idle().await;
        tear_down(self.shell.into_app()).await;
    }

    /// Sends the platform's cancel signal for the request with this id at this endpoint.
    pub async fn cancel(&self, path: &str, request_id: &str) -> Reply {
        let path = format!("{}/cancel", path.trim_end_matches('/'));
        self.call(&path).request_id(request_id).send().await
    }
}

/// With routes or layers of the author's own: `TestApp::from(ready.into_shell_with(add))`.
impl<A> From<Shell<A>> for TestApp<A> {
    fn from(shell: Shell<A>) -> Self {
        Self { shell }
    }
}

/// One call of a test.
#[derive(Debug)]
#[must_use = "a call is made by `send`, `json` or `bytes`"]
pub struct TestCall<'a, A> {
    shell: &'a Shell<A>,
    request: HttpRequest<Bytes>,
}

impl<A: Wired> TestCall<'_, A> {
    /// By another method than POST.
    ///
    /// # Panics
    /// When this is no method.
    pub fn method(mut self, method: &str) -> Self {
        let method = method.parse();
        assert!(method.is_ok(), "this is no method");
        *self.request.method_mut() = method.unwrap_or_default();
        self
    }

    /// With a header.
    ///
    /// # Panics
    /// When the name or the value cannot stand in a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let key = http::HeaderName::from_bytes(name.as_bytes()).ok();
        let pair = key.zip(value.parse().ok());
        assert!(pair.is_some(), "`{name}: {value}` cannot be a header");
        self.request.headers_mut().extend(pair);
        self
    }

    /// As the request with this id.
    pub fn request_id(self, id: &str) -> Self {
        self.header("x-fal-request-id", id)
    }

    /// As this attempt at a queued request, from 1.
    pub fn attempt(self, number: u32) -> Self {
        self.header("x-fal-attempt", &number.to_string())
    }

    /// Posts an input as JSON.
    ///
    /// # Panics
    /// When the input's `Serialize` fails.
    pub async fn json(self, input: impl Serialize) -> Reply {
        let json = serde_json::to_vec(&input);
        assert!(json.is_ok(), "the input could not be serialised");
        self.bytes("application/json", json.unwrap_or_default()).await
    }

    /// Posts bytes of this type.
    pub async fn bytes(mut self, content_type: &str, bytes: impl Into<Bytes>) -> Reply {
        *self.request.body_mut() = bytes.into();
        self.header(CONTENT_TYPE.as_str(), content_type).send().await
    }

    /// Opens a session as a client does who sends these headers, when a slot is free.
    ///
    /// # Panics
    /// When there is no session at this path.
    pub async fn open(self) -> TestSession {
        let (near, far) = tokio::io::duplex(WAY);
        let asked = self.request.uri().to_string();
        let mut call = self
            .method("GET")
            .header(CONNECTION.as_str(), "upgrade")
            .header(UPGRADE.as_str(), "websocket")
            .header(SEC_WEBSOCKET_VERSION.as_str(), "13")
            .header(SEC_WEBSOCKET_KEY.as_str(), "dGhlIHNhbXBsZSBub25jZQ==");
        call.request.extensions_mut().insert(Given::new(far));
        call.send().await.expect(101);
        TestSession::new(Box::new(near), asked).await
    }

    /// Makes the call as it is, and reads the answer to its end.
    pub async fn send(self) -> Reply {
        let Self { shell, request } = self;
        let asked = format!("{} {}", request.method(), request.uri());
        let (head, body) = shell.answer(request.map(Full::new)).await.into_parts();
        let body = body.collect().await.map(http_body_util::Collected::to_bytes);
        Reply::new(asked, head, body.ok(), rules(&<A as App>::METADATA.limits))
    }
}
