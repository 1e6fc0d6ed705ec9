//! A connection that a runner has switched to another protocol, such as WebSocket.

use std::{
    fmt, io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response, StatusCode, response::Parts};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{ForwardError, Link, RequestBody, ResponseBody, body::Upload, link::Listed};

/// What a runner makes of a request to switch protocols.
#[derive(Debug)]
pub enum Switch {
    /// It has answered 101 with this head, and the bytes from now on are of the other protocol.
    Switched(Box<Parts>, Tunnel),
    /// It has answered something else.
    Answered(Response<ResponseBody>),
}

/// The bytes to and from a runner after it has switched protocols. They end when the runner's connections are cut.
pub struct Tunnel {
    io: TokioIo<hyper::upgrade::Upgraded>,
    /// By this the connection is found when all are cut.
    _listed: Listed,
}

impl Link {
    /// Sends a request to switch protocols, on a connection of its own.
    pub(crate) async fn switch(
        self: &Arc<Self>,
        mut request: Request<RequestBody>,
    ) -> Result<Switch, ForwardError> {
        self.prepare(&mut request);
        let (connection, listed) = self.connect_switchable().await?;
        let answered = self.exchange(connection, request, Upload::Stream).await;
        let mut response = answered.map_err(|broken| self.fault(broken))?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Self::checked(response).map(Switch::Answered);
        }
        if super::size(response.headers()) > super::MAX_HEAD {
            return Err(ForwardError::HeadTooLarge);
        }
        let upgraded = hyper::upgrade::on(&mut response);
        let upgraded = upgraded.await.map_err(ForwardError::Disconnected)?;
        let (head, _) = response.into_parts();
        let tunnel = Tunnel { io: TokioIo::new(upgraded), _listed: listed };
        Ok(Switch::Switched(Box::new(head), tunnel))
    }
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tunnel").finish_non_exhaustive()
    }
}

impl AsyncRead for Tunnel {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}
