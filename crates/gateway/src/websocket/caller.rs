//! The caller's end of a session.

use std::{
    io,
    os::fd::AsFd,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use fal_tls::Secured;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, Interest, ReadBuf},
    net::TcpStream,
};

/// A caller's connection after its handshake.
pub(super) struct Caller {
    io: Io,
    /// What came with the handshake.
    early: Bytes,
}

enum Io {
    Plain(TcpStream),
    Secured(Box<Secured>),
    /// None of those that are made here.
    Other(Box<TokioIo<Upgraded>>),
}

impl Caller {
    pub(super) fn new(upgraded: Upgraded) -> Self {
        let upgraded = match upgraded.downcast::<TokioIo<TcpStream>>() {
            Ok(parts) => {
                return Self { io: Io::Plain(parts.io.into_inner()), early: parts.read_buf };
            }
            Err(upgraded) => upgraded,
        };
        match upgraded.downcast::<TokioIo<Secured>>() {
            Ok(parts) => {
                Self { io: Io::Secured(Box::new(parts.io.into_inner())), early: parts.read_buf }
            }
            Err(upgraded) => {
                Self { io: Io::Other(Box::new(TokioIo::new(upgraded))), early: Bytes::new() }
            }
        }
    }

    /// What tells that the caller has left although what it sent before is still unread.
    pub(super) fn watch(&self) -> Watch {
        let socket = match &self.io {
            Io::Plain(socket) => Some(socket),
            Io::Secured(secured) => Some(secured.get_ref().0),
            Io::Other(_) => None,
        };
        // Where there are no descriptors left, the caller is missed when its bytes end.
        let same = socket.and_then(|socket| socket.as_fd().try_clone_to_owned().ok());
        Watch(same.and_then(|same| TcpStream::from_std(same.into()).ok()))
    }

    fn io(&mut self) -> Pin<&mut (dyn Both + Send)> {
        match &mut self.io {
            Io::Plain(socket) => Pin::new(socket),
            Io::Secured(secured) => Pin::new(&mut **secured),
            Io::Other(other) => Pin::new(&mut **other),
        }
    }
}

trait Both: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Both for T {}

/// The same connection, to be looked at only.
pub(super) struct Watch(Option<TcpStream>);

impl Watch {
    /// Resolves when the caller sends nothing any more.
    pub(super) async fn left(&self) {
        let Some(socket) = &self.0 else { return std::future::pending().await };
        match socket.ready(Interest::PRIORITY).await {
            Ok(ready) if !ready.is_read_closed() => std::future::pending().await,
            Ok(_) | Err(_) => {}
        }
    }
}

impl AsyncRead for Caller {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.early.is_empty() {
            return this.io().poll_read(cx, buf);
        }
        let taken = this.early.len().min(buf.remaining());
        buf.put_slice(this.early.get(..taken).unwrap_or_default());
        this.early.advance(taken);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Caller {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().io().poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().io().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().io().poll_shutdown(cx)
    }
}
