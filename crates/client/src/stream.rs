//! Answers that come event by event.

use std::{
    fmt,
    future::poll_fn,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_core::Stream;
use http::Response;
use http_body::Body as _;
use hyper::body::Incoming;
use serde::de::DeserializeOwned;

use crate::{
    error::{Cut, DecodeError, Error},
    reply::Reply,
    sse::Parser,
};

/// The events of an answer, each as a value, as they come.
///
/// It ends after the last event, with nothing, or where the answer is cut short, with [`Error::Cut`]: a stream that just
/// ends is a whole one. An event that does not fit the type is [`Error::Decode`], and the next one may fit again.
///
/// Dropping it hangs up, which the app is told as a cancel.
pub struct EventStream<E> {
    sse: Sse,
    event: PhantomData<fn() -> E>,
}

impl<E: DeserializeOwned> EventStream<E> {
    pub(crate) fn new(answer: Response<Incoming>, limit: u64) -> Self {
        Self { sse: Sse::new(answer, limit), event: PhantomData }
    }

    /// The next event; none after the last.
    pub async fn next(&mut self) -> Option<Result<E, Error>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// The head of the answer: its request id, its headers.
    #[must_use]
    pub const fn reply(&self) -> &Reply {
        self.sse.reply()
    }
}

impl<E: DeserializeOwned> Stream for EventStream<E> {
    type Item = Result<E, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match ready!(self.sse.poll_heard(cx)) {
                Some(Ok(None)) => {}
                Some(Ok(Some(data))) => {
                    return Poll::Ready(Some(DecodeError::read(&data, self.reply())));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl<E> fmt::Debug for EventStream<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").field("reply", &self.sse.reply).finish_non_exhaustive()
    }
}

/// A body that is read as server-sent events.
#[derive(Debug)]
pub(crate) struct Sse {
    body: Incoming,
    /// The head of the answer.
    reply: Reply,
    parser: Parser,
    limit: u64,
    /// What has come and is not read yet.
    buffer: Bytes,
    received: u64,
    is_over: bool,
}

impl Sse {
    pub(crate) fn new(answer: Response<Incoming>, limit: u64) -> Self {
        let (head, body) = answer.into_parts();
        let parser = Parser::new(usize::try_from(limit).unwrap_or(usize::MAX));
        let (reply, buffer) = (Reply::new(head, Bytes::new()), Bytes::new());
        Self { body, reply, parser, limit, buffer, received: 0, is_over: false }
    }

    pub(crate) const fn reply(&self) -> &Reply {
        &self.reply
    }

    /// The data of an event, or none where something has come that is no whole event yet. After an error, and after the
    /// end, nothing more is heard.
    pub(crate) async fn heard(&mut self) -> Option<Result<Option<Vec<u8>>, Error>> {
        poll_fn(|cx| self.poll_heard(cx)).await
    }

    fn poll_heard(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Option<Vec<u8>>, Error>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        if let Some(found) = self.parser.next(&mut self.buffer).transpose() {
            let too_long = |_too_long| Error::TooLarge { limit: self.limit };
            self.is_over = found.is_err();
            return Poll::Ready(Some(found.map(Some).map_err(too_long)));
        }
        match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            Some(Ok(frame)) => {
                let data = frame.into_data().unwrap_or_default();
                self.received += data.len() as u64;
                self.buffer = data;
                Poll::Ready(Some(Ok(None)))
            }
            Some(Err(error)) => Poll::Ready(Some(Err(self.cut(Some(error))))),
            None if self.parser.is_between() => {
                self.is_over = true;
                Poll::Ready(None)
            }
            None => Poll::Ready(Some(Err(self.cut(None)))),
        }
    }

    //= docs/contract.md#rust-client-cut
    //# A stream that is cut MUST end with an error after the events that have come.
    fn cut(&mut self, cause: Option<hyper::Error>) -> Error {
        self.is_over = true;
        Error::Cut(Cut::new(self.received, self.reply.clone(), cause))
    }
}
