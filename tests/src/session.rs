//! A WebSocket as a caller has it.

use std::net::{SocketAddr, TcpStream};

use serde_json::Value;
use tungstenite::{
    Message, WebSocket,
    client::IntoClientRequest,
    error::Error,
    handshake::{HandshakeError, client::Response},
};

use crate::{LONG, Platform, http::fail};

/// A session that was opened.
#[derive(Debug)]
pub struct Session {
    socket: WebSocket<TcpStream>,
    /// The answer to the handshake.
    pub handshake: Response,
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// With a close, and the code and reason that it had.
    Closed(Option<(u16, String)>),
    /// Without one.
    Cut,
}

impl Session {
    /// Opens one, with these headers; the status where it is refused.
    ///
    /// # Errors
    /// The status and the body of a refusal.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn open(
        addr: SocketAddr,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, (u16, String)> {
        let mut request =
            format!("ws://{addr}{path}").into_client_request().expect("the path is part of a URL");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header's value"));
        }
        let stream = TcpStream::connect(addr).expect("the platform accepts connections");
        stream.set_read_timeout(Some(LONG)).expect("a socket may have a timeout");
        stream.set_nodelay(true).expect("a socket may send at once");
        match tungstenite::client(request, stream) {
            Ok((socket, handshake)) => Ok(Self { socket, handshake }),
            Err(HandshakeError::Failure(Error::Http(refusal))) => {
                let body = refusal.body().clone().unwrap_or_default();
                Err((refusal.status().as_u16(), String::from_utf8_lossy(&body).into_owned()))
            }
            Err(error) => fail(&format!("no answer to the handshake: {error}")),
        }
    }

    /// Sends what the runner is to do.
    ///
    /// # Panics
    /// When it cannot be sent.
    #[track_caller]
    pub fn order(&mut self, orders: &Value) {
        self.send(Message::text(orders.to_string()));
    }

    /// Sends any message.
    ///
    /// # Panics
    /// When it cannot be sent.
    #[track_caller]
    pub fn send(&mut self, message: Message) {
        self.socket.send(message).expect("the session is open");
    }

    /// The next message.
    ///
    /// # Panics
    /// When none comes.
    #[track_caller]
    pub fn message(&mut self) -> Message {
        self.socket.read().expect("a message comes")
    }

    /// What the runner says first: its process, and what it has seen of the handshake.
    ///
    /// # Panics
    /// When it says something else.
    #[track_caller]
    pub fn greeting(&mut self) -> Value {
        let text = self.message().into_text().expect("the greeting is text");
        serde_json::from_str(&text).expect("the greeting is an object")
    }

    /// How it ends.
    #[track_caller]
    pub fn ended(&mut self) -> Ended {
        loop {
            match self.socket.read() {
                Ok(Message::Close(frame)) => {
                    // The answer to it goes out.
                    let _closed_already = self.socket.flush();
                    let frame = frame.map(|frame| (frame.code.into(), frame.reason.to_string()));
                    return Ended::Closed(frame);
                }
                Ok(_) => {}
                Err(_) => return Ended::Cut,
            }
        }
    }

    /// Closes it as one does, and waits for the answer.
    pub fn close(mut self) -> Ended {
        let _closed_already = self.socket.close(None);
        self.ended()
    }

    /// Goes away at once, and takes back what has not arrived.
    ///
    /// # Panics
    /// When it cannot.
    pub fn vanish(self) {
        let socket = socket2::SockRef::from(self.stream());
        socket.set_linger(Some(std::time::Duration::ZERO)).expect("a socket may not linger");
    }

    /// The connection below it.
    #[must_use]
    pub fn stream(&self) -> &TcpStream {
        self.socket.get_ref()
    }
}

impl Platform {
    /// A session of `demo/lab` under this path.
    ///
    /// # Panics
    /// When it is refused.
    #[must_use]
    #[track_caller]
    pub fn session(&self, path: &str) -> Session {
        Session::open(self.addr(), &format!("/run/demo/lab{path}"), &[])
            .expect("the handshake is answered with 101")
    }
}
