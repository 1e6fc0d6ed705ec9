//! A session as a test has it: a client's end of a WebSocket that needs no socket.

use std::fmt;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio_tungstenite::tungstenite;

use crate::{
    endpoint::{message, web_socket::Message},
    session::line::{self, Line, Wire},
};

/// A client in a session with an app. Dropped, it has left without a word.
///
/// ```
/// use fal_app::{prelude::*, testing::TestApp};
/// use serde_json::json;
///
/// # #[derive(Debug, Deserialize, JsonSchema)]
/// # struct Input { prompt: String }
/// # #[derive(Debug, Serialize, JsonSchema)]
/// # struct Output { text: String }
/// # #[fal_app]
/// # struct Echo;
/// # #[fal_app]
/// # impl Echo {
/// #     #[setup]
/// #     async fn setup() -> Result<Self, SetupError> { Ok(Self) }
/// #     #[realtime("/realtime")]
/// #     async fn live(&self, input: Input) -> Result<Output, std::convert::Infallible> {
/// #         Ok(Output { text: input.prompt })
/// #     }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let app = TestApp::<Echo>::start().await;
///
/// let mut session = app.open("/realtime").await;
/// session.send(json!({ "prompt": "hello" })).await;
/// assert_eq!(session.output::<serde_json::Value>().await, json!({ "text": "hello" }));
/// session.send(json!({ "no": "prompt" })).await;
/// session.end().await.failed("prompt: Field required").code(1000);
/// # }
/// ```
pub struct TestSession {
    line: Line,
    asked: String,
}

impl TestSession {
    pub(super) async fn new(wire: Wire, asked: String) -> Self {
        Self { line: line::to(wire).await, asked }
    }

    /// Sends an input to a realtime endpoint. Where the session has ended it goes nowhere.
    ///
    /// # Panics
    /// When the input's `Serialize` fails, or it is no map.
    pub async fn send(&mut self, input: impl Serialize) {
        let message = message::write(&input);
        assert!(message.is_ok(), "the input is no message: {message:?}");
        self.say(message.unwrap_or_default()).await;
    }

    /// Sends a message as it is. Where the session has ended it goes nowhere.
    pub async fn say(&mut self, message: impl Into<Message>) {
        // Who wants to know what became of the session asks for its end.
        let _gone = self.line.send(message.into().framed()).await;
    }

    /// The next output of a realtime endpoint.
    ///
    /// # Panics
    /// When there is none: the session ends, or says something else.
    pub async fn output<T: DeserializeOwned>(&mut self) -> T {
        match self.heard().await {
            Some(Message::Binary(output)) => match message::read(&output) {
                Ok(output) => output,
                Err(error) => self.fail(format_args!("said no such output: {error}")),
            },
            Some(Message::Text(text)) => self.fail(format_args!("said {text}, and no output")),
            None => self.fail(format_args!("ended, and said no output")),
        }
    }

    /// The next message as it is; `None` when the session has ended.
    pub async fn heard(&mut self) -> Option<Message> {
        loop {
            match self.line.next().await? {
                Ok(tungstenite::Message::Text(text)) => {
                    return Some(Message::Text(text.as_str().to_owned()));
                }
                Ok(tungstenite::Message::Binary(bytes)) => return Some(Message::Binary(bytes)),
                Ok(
                    tungstenite::Message::Ping(_)
                    | tungstenite::Message::Pong(_)
                    | tungstenite::Message::Frame(_),
                ) => {}
                Ok(tungstenite::Message::Close(_)) | Err(_) => return None,
            }
        }
    }

    /// Waits for the end of the session; what it still says is heard.
    pub async fn end(mut self) -> TestEnd {
        let (mut outputs, mut word, mut close) = (Vec::new(), None, None);
        while let Some(Ok(message)) = self.line.next().await {
            match message {
                tungstenite::Message::Text(text) => word = serde_json::from_str(&text).ok(),
                tungstenite::Message::Binary(output) => outputs.push(output),
                tungstenite::Message::Close(frame) => close = frame,
                tungstenite::Message::Ping(_)
                | tungstenite::Message::Pong(_)
                | tungstenite::Message::Frame(_) => {}
            }
        }
        let close = close.map(|frame| (frame.code.into(), frame.reason.as_str().to_owned()));
        TestEnd { asked: self.asked, outputs, word: word.unwrap_or_default(), close }
    }

    /// Leaves as a client does that has all it wants.
    pub async fn leave(mut self) {
        let _gone = self.line.close(None).await;
        while let Some(Ok(_)) = self.line.next().await {}
    }

    #[track_caller]
    #[expect(clippy::panic, reason = "a check of a test that does not hold")]
    fn fail(&self, what: fmt::Arguments<'_>) -> ! {
        panic!("{} {what}", self.asked)
    }
}

impl fmt::Debug for TestSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestSession").field("asked", &self.asked).finish_non_exhaustive()
    }
}

/// How a session ended, and what it said before that nobody had heard.
///
/// Its checks give it back, so that they stand in a row.
pub struct TestEnd {
    asked: String,
    outputs: Vec<Bytes>,
    /// The last text, as JSON.
    word: Value,
    /// The code and the reason of its close; `None` where the line just ended.
    close: Option<(u16, String)>,
}

/// The sentence that a failed check shows.
impl fmt::Debug for TestEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { asked, outputs, word, close } = self;
        write!(f, "{asked} ended after {} outputs with {word} and ", outputs.len())?;
        match close {
            Some((code, reason)) => write!(f, "close {code} {reason:?}"),
            None => f.write_str("no close"),
        }
    }
}

#[expect(
    clippy::return_self_not_must_use,
    clippy::must_use_candidate,
    reason = "a check is made for its panic"
)]
impl TestEnd {
    /// The outputs that nobody had heard.
    ///
    /// # Panics
    /// When one of them is none.
    #[must_use]
    #[track_caller]
    pub fn outputs<T: DeserializeOwned>(&self) -> Vec<T> {
        let outputs: Result<_, _> =
            self.outputs.iter().map(|output| message::read(output)).collect();
        assert!(outputs.is_ok(), "said no such output: {self:?}");
        outputs.unwrap_or_default()
    }

    /// It failed for this reason, as fal tells it.
    ///
    /// # Panics
    /// When it did not, or for another one.
    #[track_caller]
    pub fn failed(self, reason: &str) -> Self {
        self.said("INTERNAL_ERROR", reason)
    }

    /// There was nothing more to say, or nothing came for too long, as fal tells it.
    ///
    /// # Panics
    /// When it ended otherwise.
    #[track_caller]
    pub fn timed_out(self) -> Self {
        self.said("TIMEOUT", "no inputs, reconnect when needed!")
    }

    /// It ended without a word but its close.
    ///
    /// # Panics
    /// When there was one.
    #[track_caller]
    pub fn without_a_word(self) -> Self {
        assert_eq!(self.word, Value::Null, "was to say nothing: {self:?}");
        self
    }

    /// # Panics
    /// When it was closed with another code, or with none.
    #[track_caller]
    pub fn code(self, code: u16) -> Self {
        let found = self.close.as_ref().map(|(code, _)| *code);
        assert_eq!(found, Some(code), "was to close with {code}: {self:?}");
        self
    }

    /// # Panics
    /// When the reason of its close is another.
    #[track_caller]
    pub fn reason(self, reason: &str) -> Self {
        let found = self.close.as_ref().map(|(_, reason)| reason.as_str());
        assert_eq!(found, Some(reason), "was to close for {reason:?}: {self:?}");
        self
    }

    #[track_caller]
    fn said(self, error: &str, reason: &str) -> Self {
        let word = |key: &str| self.word.get(key).and_then(Value::as_str);
        let words = [word("type"), word("error"), word("reason")];
        assert_eq!(
            words,
            [Some("x-fal-error"), Some(error), Some(reason)],
            "was to say {error}: {self:?}"
        );
        self
    }
}
