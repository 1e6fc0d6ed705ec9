//! What is sent, as data that can be sent again.

use std::{
    io,
    path::PathBuf,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Request, Uri};
use http_body::{Frame, SizeHint};
use http_body_util::{Either, Full};
use tokio::{
    fs::File,
    io::{AsyncRead as _, AsyncSeekExt as _, ReadBuf},
};

use crate::{
    error::{Error, FileError, TransportError},
    transport::Body,
};

/// Bytes of a file that are read at once.
const CHUNK: usize = 64 * 1024;

/// A request that has not been sent yet, or not for the last time.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) content: Content,
}

/// The body of a request.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// Bytes in memory; a clone shares them.
    Bytes(Bytes),
    /// So many bytes of a file, from here on. They are read while they are sent.
    File { path: PathBuf, from: u64, length: u64 },
}

impl Outgoing {
    pub(crate) async fn request(&self) -> Result<Request<Body>, Error> {
        let mut request = Request::new(self.content.open().await?);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        Ok(request)
    }
}

impl Content {
    pub(crate) const fn empty() -> Self {
        Self::Bytes(Bytes::new())
    }

    /// So many bytes of this, from here on.
    pub(crate) fn part(&self, from: u64, length: u64) -> Self {
        match self {
            Self::Bytes(bytes) => {
                let at = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(bytes.len());
                Self::Bytes(bytes.slice(at(from)..at(from + length)))
            }
            Self::File { path, from: before, .. } => {
                Self::File { path: path.clone(), from: before + from, length }
            }
        }
    }

    /// The error, or that of the file where it was the file that could not be read.
    pub(crate) fn blame(&self, error: Error) -> Error {
        let Error::Transport(TransportError::Broken { cause, .. }) = &error else { return error };
        match (self, cause.own_body()) {
            (Self::File { path, .. }, Some(source)) => {
                Error::File(FileError { path: path.clone(), source })
            }
            (Self::File { .. } | Self::Bytes(_), _) => error,
        }
    }

    async fn open(&self) -> Result<Body, Error> {
        match self {
            Self::Bytes(bytes) => Ok(Either::Left(Full::new(bytes.clone()))),
            Self::File { path, from, length } => {
                let failed = |source| Error::File(FileError { path: path.clone(), source });
                let mut file = File::open(path).await.map_err(failed)?;
                file.seek(io::SeekFrom::Start(*from)).await.map_err(failed)?;
                Ok(Either::Right(Chunks { file, left: *length, buffer: BytesMut::new() }))
            }
        }
    }
}

/// A part of a file, chunk by chunk.
#[derive(Debug)]
pub(crate) struct Chunks {
    file: File,
    /// Bytes that are still to come. Their number was announced, so a file that has become shorter is an error.
    left: u64,
    buffer: BytesMut,
}

impl http_body::Body for Chunks {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.is_end_stream() {
            return Poll::Ready(None);
        }
        let this = &mut *self;
        let wanted = usize::try_from(this.left).unwrap_or(CHUNK).min(CHUNK);
        this.buffer.resize(wanted, 0);
        let mut buffer = ReadBuf::new(&mut this.buffer);
        ready!(Pin::new(&mut this.file).poll_read(cx, &mut buffer))?;
        let read = buffer.filled().len();
        if read == 0 {
            let text = "the file has become shorter";
            return Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::UnexpectedEof, text))));
        }
        this.left -= read as u64;
        Poll::Ready(Some(Ok(Frame::data(this.buffer.split_to(read).freeze()))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
