//! Bodies on their way in.

use std::time::Duration;

use axum::{body::Body, extract::Request};
use bytes::Bytes;
use fal_objects::Intake;
use http::{StatusCode, header, request::Parts};
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::{
    Options,
    problem::{Problem, Result},
};

/// The longest JSON, in bytes: a list of ten thousand parts has half of it.
const LONGEST: usize = 2 * 1024 * 1024;

/// What is read of a body that was refused, in bytes, and for how long. A caller that is cut off while it sends
/// would see a broken connection, and not why.
const DRAINED: usize = 128 * 1024 * 1024;
const DRAINING: Duration = Duration::from_secs(10);

/// A body whose caller may not pause for long.
#[derive(Debug)]
pub(crate) struct Arriving {
    body: Body,
    pause: Duration,
    rest: Rest,
}

/// What is to be expected of a body that has not been read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// Nothing, until its caller is asked to send it, which reading does.
    HeldBack,
    Coming,
    Over,
}

pub(crate) fn split(request: Request, options: &Options) -> (Parts, Arriving) {
    let (head, body) = request.into_parts();
    let is_held_back = head.headers.contains_key(header::EXPECT);
    let rest = if is_held_back { Rest::HeldBack } else { Rest::Coming };
    (head, Arriving { body, pause: options.pause, rest })
}

impl Arriving {
    /// How long it is, where its caller has said so.
    pub(crate) fn length(&self) -> Option<u64> {
        http_body::Body::size_hint(&self.body).exact()
    }

    /// The next piece; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>> {
        self.rest = Rest::Over;
        loop {
            let late = |_| Problem::new(StatusCode::REQUEST_TIMEOUT, "The body came to a halt");
            let frame = timeout(self.pause, self.body.frame()).await.map_err(late)?;
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|_| Problem::bad("The body broke off"))?;
            if let Ok(piece) = frame.into_data() {
                self.rest = Rest::Coming;
                return Ok(Some(piece));
            }
        }
    }

    /// All of it goes into the store.
    pub(crate) async fn pour(&mut self, intake: &mut Intake) -> Result<()> {
        while let Some(piece) = self.next().await? {
            intake.push(piece).await?;
        }
        Ok(())
    }

    /// All of it, as JSON.
    pub(crate) async fn json<T: DeserializeOwned>(&mut self) -> Result<T> {
        let mut text = Vec::new();
        while let Some(piece) = self.next().await? {
            if text.len() + piece.len() > LONGEST {
                let detail = format!("The body has more than {LONGEST} bytes");
                return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
            }
            text.extend_from_slice(&piece);
        }
        serde_json::from_slice(&text).map_err(|error| {
            Problem::bad(format!("The body is not the JSON that is wanted: {error}"))
        })
    }

    //= docs/contract.md#upload-errors
    //# A caller that is refused while it sends MUST still get to read why, unless more than 128 MiB or 10 s of its body are left.
    /// Passes an answer on. Of what is refused the rest is read first, within bounds.
    pub(crate) async fn end<T>(mut self, answer: Result<T>) -> Result<T> {
        if answer.is_err() && self.rest == Rest::Coming {
            // Where it takes too long, the answer is given all the same.
            let _rest = timeout(DRAINING, self.drain()).await;
        }
        answer
    }

    async fn drain(&mut self) {
        let mut left = DRAINED;
        if self.length().is_some_and(|length| length > left as u64) {
            return;
        }
        while let Ok(Some(piece)) = self.next().await {
            match left.checked_sub(piece.len()) {
                Some(less) => left = less,
                None => return,
            }
        }
    }
}
