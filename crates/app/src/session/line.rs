//! The line between a session and its client: WebSocket frames, and how one parts.

use std::time::Duration;

use futures_util::SinkExt as _;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message, Utf8Bytes,
        error::ProtocolError,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};

/// The most bytes that a message may have.
pub(crate) const LONGEST: usize = 16 << 20;

/// What is read and written at once, and kept for each line.
const BUFFER: usize = 16 << 10;

/// How long a client may take to hear the last words of its session.
const PATIENCE: Duration = Duration::from_secs(2);

/// The most bytes that the reason of a close may have.
const REASON: usize = 123;

/// Bytes in both directions.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

pub(crate) type Wire = Box<dyn Duplex>;

pub(crate) type Line = WebSocketStream<Wire>;

/// The runner's end of a line whose handshake is done.
pub(crate) async fn of(wire: Wire) -> Line {
    WebSocketStream::from_raw_socket(wire, Role::Server, Some(limits())).await
}

/// A client's end, for tests.
pub(crate) async fn to(wire: Wire) -> Line {
    WebSocketStream::from_raw_socket(wire, Role::Client, Some(limits())).await
}

fn limits() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_message_size(Some(LONGEST))
        .max_frame_size(Some(LONGEST))
}

/// The last words of a session.
#[derive(Debug)]
pub(crate) enum Farewell {
    /// Nobody is there to hear any.
    Left,
    /// They are out.
    Said,
    Say {
        text: Option<String>,
        close: CloseFrame,
    },
}

impl Farewell {
    /// A close alone.
    pub(crate) fn close(code: u16, reason: &str) -> Self {
        Self::Say { text: None, close: close(code, reason) }
    }
}

/// The frame that ends a session.
pub(crate) fn close(code: u16, reason: &str) -> CloseFrame {
    let is_allowed = matches!(code, 1000 | 1001 | 1003 | 1007..=1011 | 3000..=4999);
    let code = if is_allowed { CloseCode::from(code) } else { CloseCode::Error };
    let whole = reason.floor_char_boundary(REASON);
    CloseFrame { code, reason: Utf8Bytes::from(reason.get(..whole).unwrap_or_default()) }
}

/// Why nothing more can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broke {
    /// The client is gone.
    Left,
    /// It sent a message that is too long.
    TooLong,
    /// It sent what is no WebSocket.
    Violated(u16),
}

impl From<&Error> for Broke {
    fn from(error: &Error) -> Self {
        match error {
            Error::Capacity(_) => Self::TooLong,
            Error::Utf8(_) => Self::Violated(1007),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)
            | Error::ConnectionClosed
            | Error::AlreadyClosed
            | Error::Io(_)
            | Error::Tls(_) => Self::Left,
            Error::Protocol(_)
            | Error::WriteBufferFull(_)
            | Error::AttackAttempt
            | Error::Url(_)
            | Error::Http(_)
            | Error::HttpFormat(_) => Self::Violated(1002),
        }
    }
}

impl Broke {
    /// What there is to say then.
    pub(crate) fn farewell(self) -> Farewell {
        match self {
            Self::Left => Farewell::Left,
            Self::TooLong => Farewell::close(1009, "message too long"),
            Self::Violated(code) => Farewell::Say {
                text: None,
                close: CloseFrame { code: code.into(), reason: Utf8Bytes::default() },
            },
        }
    }
}

/// Says the last words and hangs up: the client may first hear them, and hang up itself.
pub(crate) async fn part(line: Line, farewell: Farewell) {
    // One that takes longer has heard what it wants to hear.
    let _late = timeout(PATIENCE, say(line, farewell)).await;
}

async fn say(mut line: Line, farewell: Farewell) {
    let said = match farewell {
        // The answer to its close, where it sent one.
        Farewell::Left | Farewell::Said => line.flush().await,
        Farewell::Say { text, close } => {
            let text = text.map(|text| Message::Text(text.into()));
            let close = Message::Close(Some(close));
            let mut words = futures_util::stream::iter(text.into_iter().chain([close]).map(Ok));
            line.send_all(&mut words).await
        }
    };
    if let Err(error) = said {
        tracing::debug!(%error, "a session's client did not hear its end");
    }
    // What it still sends is read and thrown away: closing over unread bytes would take back the
    // words that are on their way to it.
    let mut wire = line.into_inner();
    let mut rest = [0; 1 << 10];
    if wire.shutdown().await.is_ok() {
        while matches!(wire.read(&mut rest).await, Ok(read) if read > 0) {}
    }
}
