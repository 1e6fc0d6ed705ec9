//! Realtime sessions: inputs and outputs as msgpack, in fal's protocol.
//!
//! Three parts run side by side on one task: one reads inputs, one has them answered, one writes the
//! outputs. The first of them that ends, ends the session.

use std::{convert::Infallible, future::pending, pin::pin, time::Duration};

use bytes::Bytes;
use futures_util::{
    SinkExt as _, StreamExt as _,
    stream::{SplitSink, SplitStream},
};
use serde_json::json;
use tokio::{
    select,
    sync::mpsc::{self, Receiver, Sender},
    task::yield_now,
    time::timeout,
};
use tokio_tungstenite::tungstenite::Message;

use super::{
    End, Talk, Talked, caught, failed,
    line::{self, Broke, Farewell, Line},
    stops::Stops,
    waiting::{self, Taking, Waiting, Why},
};
use crate::{
    app::RealtimeOptions,
    chain::Chain,
    endpoint::{
        error::EndpointError,
        message::{self, Messages, RealtimeInput, RealtimeOutput},
    },
    request::Request,
};

/// How long a client may take for one output. One that takes nothing for so long is gone.
const STALLED: Duration = Duration::from_secs(120);

/// How long a client may take for what was said before it ended its session itself.
const PATIENCE: Duration = Duration::from_secs(2);

/// Runs a session of an endpoint.
pub(crate) async fn talk<I, O, E, F, R>(talk: Talk, options: RealtimeOptions, handler: F) -> Talked
where
    I: RealtimeInput,
    O: RealtimeOutput,
    E: EndpointError,
    F: Fn(I, Request) -> R + Send + Sync,
    R: Future<Output = Result<O, E>> + Send,
{
    let Talk { line, request, stops } = talk;
    let (mut sink, mut frames) = line.split();
    let (waiting, taking) = waiting::queue(options);
    //= docs/contract.md#app-buffering
    //# As many as twice n outputs wait to be sent, and an endpoint that is ahead of its client waits.
    let (outputs, queued) = mpsc::channel(2 * options.buffering.unwrap_or(1) as usize);
    let end = {
        let mut reading = pin!(caught(&request, read::<I>(&mut frames, &waiting)));
        let mut writing = pin!(write(&mut sink, queued));
        let worker = Worker { waiting: &waiting, outputs, request: &request, stops: &stops };
        let mut working = Box::pin(caught(&request, worker.run(taking, handler)));
        let (end, is_asked_for) = select! {
            biased;
            //= docs/contract.md#app-session-life
            //# A client that leaves, with or without a word, MUST end its session: what it had begun is
            //# dropped at its next `await`.
            end = &mut reading => (end, true),
            () = &mut writing => (End::Left, true),
            () = stops.over() => (End::GoingAway, true),
            never = close(&waiting, &request, &stops) => match never {},
            end = &mut working => (end, false),
        };
        // With it goes the last sender, so the writing ends with what is queued.
        drop(working);
        if end == End::Left {
            end
        } else if is_asked_for || matches!(end, End::Cancelled | End::Broken(_)) {
            let _late = timeout(PATIENCE, writing).await;
            end
        } else {
            select! {
                biased;
                sooner = &mut reading => sooner,
                () = writing => end,
                () = stops.over() => End::GoingAway,
            }
        }
    };
    let farewell = farewell(&end);
    Talked { line: frames.reunite(sink).ok(), end, farewell }
}

/// Reads inputs until the client ends the session.
async fn read<I: RealtimeInput>(frames: &mut SplitStream<Line>, waiting: &Waiting<I::Item>) -> End {
    loop {
        waiting.room().await;
        match frames.next().await {
            Some(Ok(Message::Binary(message))) => match message::read(&message) {
                Ok(input) => {
                    waiting.push(input, message.len());
                    // A client that never stops talking lets its inputs be answered all the same.
                    yield_now().await;
                }
                Err(unread) => return End::Failed(unread.to_string()),
            },
            // The word of fal's own runner, which looks for a key of this name.
            Some(Ok(Message::Text(_))) => return End::Failed("'bytes'".to_owned()),
            // The next read answers a ping, and a close.
            Some(Ok(
                Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_),
            )) => {}
            Some(Err(error)) => {
                tracing::debug!(%error, "a session's client cannot be read");
                return match Broke::from(&error) {
                    Broke::Left => End::Left,
                    Broke::TooLong => End::TooLong,
                    Broke::Violated(code) => End::Violated(code),
                };
            }
            None => return End::Left,
        }
    }
}

/// Writes outputs until there are no more, or nobody takes them.
async fn write(sink: &mut SplitSink<Line, Message>, mut queued: Receiver<Bytes>) {
    while let Some(output) = queued.recv().await {
        match timeout(STALLED, sink.send(Message::Binary(output))).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(%error, "a session's client cannot be written");
                return;
            }
            Err(_elapsed) => return,
        }
    }
}

//= docs/contract.md#app-session-life
//# A cancel MUST end a session: it takes no more inputs, what it has begun is told as any request is,
//# and then it closes with 1000.
/// Ends the inputs when the session is cancelled and when the runner stops.
async fn close<T>(waiting: &Waiting<T>, request: &Request, stops: &Stops) -> Infallible {
    select! {
        () = request.cancelled() => waiting.end(Why::Cancelled),
        () = stops.asked() => waiting.end(Why::GoingAway),
    }
    pending().await
}

/// What has inputs answered.
struct Worker<'s, T> {
    waiting: &'s Waiting<T>,
    outputs: Sender<Bytes>,
    request: &'s Request,
    stops: &'s Stops,
}

impl<T: Send> Worker<'_, T> {
    async fn run<I, O, E, F, R>(self, taking: Taking<T>, handler: F) -> End
    where
        I: RealtimeInput<Item = T>,
        O: RealtimeOutput,
        E: EndpointError,
        F: Fn(I, Request) -> R + Send,
        R: Future<Output = Result<O, E>> + Send,
    {
        let mut inputs = Some(taking);
        //= docs/contract.md#app-shapes
        //# An endpoint that takes one input and returns a stream MUST answer each input with all that
        //# its stream yields.
        while let Some(input) = I::next(&mut inputs).await {
            let said = match handler(input, self.request.clone()).await {
                Ok(output) => self.say(output.messages()).await,
                Err(error) => return failed(&error, self.request, self.stops),
            };
            if let Err(end) = said {
                return end;
            }
        }
        //= docs/contract.md#app-shapes
        //# An endpoint that takes `Inputs` is called once for a session, which MUST end as if it had been
        //# idle when the endpoint has returned and all that it returned is said.
        match self.waiting.ended() {
            _ if self.request.is_cancelled() => End::Cancelled,
            //= docs/contract.md#app-session-life
            //# When the runner stops, a session takes no more inputs, and MUST close with 1001 when it
            //# has answered those that it has.
            Some(Why::GoingAway) => End::GoingAway,
            Some(Why::Idle | Why::Cancelled | Why::Unwanted) | None => End::Done,
        }
    }

    /// Sends what answers an input. Nobody wants the rest of it when the session is cancelled.
    async fn say(&self, mut messages: Messages) -> Result<(), End> {
        while let Ok(Some(message)) = self.request.until_cancelled(messages.next()).await {
            let message = message.map_err(|error| {
                let endpoint = self.request.endpoint();
                let text = error.to_string();
                tracing::error!(endpoint, error = %Chain(error), "the endpoint's output cannot be sent");
                End::Failed(text)
            })?;
            match self.request.until_cancelled(self.outputs.send(message)).await {
                Ok(Ok(())) => {}
                Ok(Err(_closed)) => return Err(End::Left),
                Err(_cancelled) => return Err(End::Cancelled),
            }
        }
        Ok(())
    }
}

/// The last words of a session that ended so.
fn farewell(end: &End) -> Farewell {
    let say = |text, (code, reason)| Farewell::Say { text, close: line::close(code, reason) };
    let error = |error: &str, reason: &str| {
        Some(json!({ "type": "x-fal-error", "error": error, "reason": reason }).to_string())
    };
    let failed = |reason| error("INTERNAL_ERROR", reason);
    match end {
        End::Left => Farewell::Left,
        End::Violated(code) => Broke::Violated(*code).farewell(),
        End::Done => say(error("TIMEOUT", "no inputs, reconnect when needed!"), (1000, "")),
        End::Cancelled => say(None, (1000, "cancelled")),
        End::GoingAway => say(None, (1001, "going away")),
        //= docs/contract.md#app-messages
        //# A message of more than 16 MiB MUST end the session as an error does, but with close 1009.
        End::TooLong => {
            let most = line::LONGEST;
            say(failed(&format!("a message has at most {most} bytes")), (1009, "message too long"))
        }
        //= docs/contract.md#app-session-error
        //# A text frame, a frame that is no such map, an input that does not fit, an `Err` of the
        //# endpoint and a panic of it MUST end the session: with the text frame
        //# `{"type":"x-fal-error","error":"INTERNAL_ERROR","reason":".."}`, and close 1000.
        End::Failed(reason) => say(failed(reason), (1000, "")),
        End::Broken(reason) => say(failed(reason), (1011, reason)),
    }
}
