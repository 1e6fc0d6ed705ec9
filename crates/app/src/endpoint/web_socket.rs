//! A WebSocket in the author's own hands: what a raw endpoint takes.

use std::fmt;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite;

use crate::{
    request::Request,
    session::line::{self, Broke, Farewell, Line},
};

/// One WebSocket: what an endpoint marked `#[websocket("/path")]` takes.
///
/// Its messages are passed on as they are, text and binary. Pings are answered while it is read. When
/// it is dropped and its endpoint has returned, it is closed: with 1000, or with 1011 after an error.
///
/// ```
/// use fal_app::{Message, prelude::*};
///
/// # struct Echo;
/// # #[derive(Debug, thiserror::Error, AppError)]
/// # enum EchoError {
/// #     #[error("the client has left")]
/// #     #[status(499)]
/// #     Left(#[from] fal_app::Left),
/// # }
/// # impl Echo {
/// async fn echo(&self, mut socket: WebSocket) -> Result<(), EchoError> {
///     while let Some(message) = socket.recv().await {
///         match message {
///             Message::Text(text) => socket.send(text.to_uppercase()).await?,
///             Message::Binary(bytes) => socket.send(bytes).await?,
///         }
///     }
///     Ok(())
/// }
/// # }
/// ```
pub struct WebSocket {
    /// There until it is given back.
    line: Option<Line>,
    request: Request,
    /// What the line says of its end, where it knows.
    farewell: Option<Farewell>,
    back: Option<oneshot::Sender<Returned>>,
}

/// What is left of a socket when its endpoint has done with it.
pub(crate) struct Returned {
    pub(crate) line: Line,
    pub(crate) farewell: Option<Farewell>,
}

/// A message of a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
}

/// The client has left, so nothing can be sent to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the client has left")]
pub struct Left;

impl WebSocket {
    pub(crate) fn new(line: Line, request: Request) -> (Self, oneshot::Receiver<Returned>) {
        let (back, returned) = oneshot::channel();
        let socket = Self { line: Some(line), request, farewell: None, back: Some(back) };
        (socket, returned)
    }

    //= docs/contract.md#app-raw-session
    //# The messages of a raw session MUST pass as they are, text and binary.
    /// The next message; `None` when the client has left, or the session was cancelled. Safe to drop
    /// and to call again.
    ///
    /// A message of more than 16 MiB ends the session.
    pub async fn recv(&mut self) -> Option<Message> {
        let line = self.line.as_mut().filter(|_| self.farewell.is_none())?;
        loop {
            let read = self.request.until_cancelled(line.next()).await.ok()?;
            match read {
                Some(Ok(tungstenite::Message::Text(text))) => {
                    return Some(Message::Text(text.as_str().to_owned()));
                }
                Some(Ok(tungstenite::Message::Binary(bytes))) => {
                    return Some(Message::Binary(bytes));
                }
                // The next read answers a ping, and a close.
                Some(Ok(
                    tungstenite::Message::Ping(_)
                    | tungstenite::Message::Pong(_)
                    | tungstenite::Message::Close(_)
                    | tungstenite::Message::Frame(_),
                )) => {}
                Some(Err(error)) => {
                    self.farewell = Some(Broke::from(&error).farewell());
                    return None;
                }
                None => {
                    self.farewell = Some(Farewell::Left);
                    return None;
                }
            }
        }
    }

    /// Sends a message, and returns when it has left this process.
    ///
    /// # Errors
    /// When the client has left.
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<(), Left> {
        let line = self.line.as_mut().filter(|_| self.farewell.is_none()).ok_or(Left)?;
        line.send(message.into().framed()).await.map_err(|error| {
            tracing::debug!(%error, "a WebSocket could not be written");
            self.farewell = Some(Farewell::Left);
            Left
        })
    }

    /// Ends the session with a code and a reason of the endpoint's own.
    ///
    /// Only 1000, 1001, 1003, 1007 to 1011 and 3000 to 4999 may stand in a close: another code is sent
    /// as 1011. A reason is cut after 123 bytes.
    pub async fn close(mut self, code: u16, reason: &str) {
        let Some(line) = self.line.as_mut().filter(|_| self.farewell.is_none()) else { return };
        let close = tungstenite::Message::Close(Some(line::close(code, reason)));
        let said = line.send(close).await;
        self.farewell = Some(said.map_or(Farewell::Left, |()| Farewell::Said));
    }
}

impl Drop for WebSocket {
    fn drop(&mut self) {
        if let (Some(line), Some(back)) = (self.line.take(), self.back.take()) {
            // Where nobody waits for it any more the line ends here.
            let _unheard = back.send(Returned { line, farewell: self.farewell.take() });
        }
    }
}

impl Message {
    /// It as a line takes it.
    pub(crate) fn framed(self) -> tungstenite::Message {
        match self {
            Self::Text(text) => tungstenite::Message::Text(text.into()),
            Self::Binary(bytes) => tungstenite::Message::Binary(bytes),
        }
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes.into())
    }
}

impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Self {
        Self::Binary(bytes)
    }
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket").field("request", &self.request).finish_non_exhaustive()
    }
}

/// What a raw endpoint takes beside its request: the socket, and nothing else.
#[diagnostic::on_unimplemented(
    message = "an endpoint cannot take `{Self}` as its socket",
    label = "not the socket of `fal_app`",
    note = "take `socket: WebSocket` with `use fal_app::prelude::*;`"
)]
pub trait TakenSocket {
    /// The socket itself.
    fn taken(socket: WebSocket) -> Self;
}

impl TakenSocket for WebSocket {
    fn taken(socket: WebSocket) -> Self {
        socket
    }
}
