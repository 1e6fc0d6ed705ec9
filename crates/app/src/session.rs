//! Sessions: what goes on over one WebSocket, from its handshake to its last word.
//!
//! A session is one request. It has a slot while it lasts, a cancel finds it by its id, and the app is
//! not torn down before it has ended. Its status is sent before its first message, so whatever goes
//! wrong in it is told in its last ones.

pub(crate) mod handshake;
pub(crate) mod line;
pub(crate) mod raw;
pub(crate) mod realtime;
pub(crate) mod stops;
pub(crate) mod waiting;

use std::{panic::AssertUnwindSafe, pin::Pin, sync::Arc};

use futures_util::FutureExt as _;

use crate::{
    endpoint::error::{Answer, EndpointError, Sealed},
    request::Request,
    session::{
        handshake::Upgrade,
        line::{Farewell, Line},
        stops::Stops,
    },
    shell::{
        answer,
        serving::{Serving, Work},
    },
};

/// What a session's endpoint works with.
pub(crate) struct Talk {
    pub(crate) line: Line,
    pub(crate) request: Request,
    pub(crate) stops: Arc<Stops>,
}

/// A session whose endpoint has done with it.
pub(crate) struct Talked {
    /// `None` where the endpoint kept it.
    pub(crate) line: Option<Line>,
    pub(crate) end: End,
    pub(crate) farewell: Farewell,
}

/// A session on its way.
pub(crate) type Talking = Pin<Box<dyn Future<Output = Talked> + Send>>;

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// The client is gone.
    Left,
    /// The client broke the protocol of WebSockets, for which this code is.
    Violated(u16),
    /// There is nothing more to say, or nothing came for too long: fal tells both alike.
    Done,
    Cancelled,
    /// The runner stops.
    GoingAway,
    /// A message was longer than any may be.
    TooLong,
    /// It failed, for this reason.
    Failed(String),
    /// It failed and showed that the runner is broken.
    Broken(String),
}

/// A session whose handshake is being answered.
pub(crate) struct Opening {
    pub(crate) upgrade: Upgrade,
    pub(crate) serving: Serving,
    pub(crate) work: Work,
    pub(crate) stops: Arc<Stops>,
}

impl Opening {
    /// Runs the session to its end, on a task of its own.
    pub(crate) fn run(self, talk: impl FnOnce(Talk) -> Talking + Send + 'static) {
        let request = self.serving.request.clone();
        // Its head is sent: what its code says for it comes too late.
        drop(request.take_outgoing());
        tokio::spawn(async move { request.scope(self.last(talk)).await });
    }

    async fn last(self, talk: impl FnOnce(Talk) -> Talking + Send) {
        let Self { upgrade, serving, work, stops } = self;
        let Some(line) = upgrade.line().await else { return };
        let request = serving.request.clone();
        let Talked { line, end, farewell } = talk(Talk { line, request, stops }).await;
        tracing::debug!(endpoint = serving.request.endpoint(), ?end, "a session ended");
        match end {
            // Whoever works for it is told, as for a request whose caller has left.
            End::Left => drop(serving),
            End::Violated(_)
            | End::Done
            | End::Cancelled
            | End::GoingAway
            | End::TooLong
            | End::Failed(_)
            | End::Broken(_) => serving.finish(),
        }
        // Its slot is free by now, so a client that is slow to leave holds up nobody.
        if let Some(line) = line {
            line::part(line, farewell).await;
        }
        drop(work);
    }
}

/// What an endpoint's error means for its session, and for all others.
fn failed<E: EndpointError>(error: &E, request: &Request, stops: &Stops) -> End {
    let answered = error.answer(Sealed(()));
    answer::note(error, &answered, request.endpoint());
    match answered.status {
        Answer::Failed(_) => End::Failed(error.to_string()),
        //= docs/contract.md#app-broken-session
        //# A path of a session that is marked `#[runner_broken]` MUST end it as an error does, but with
        //# close 1011, and every health check of the app MUST answer 500 from then on.
        Answer::Broken(evidence) => {
            stops.break_down(evidence.reason().to_owned());
            End::Broken(error.to_string())
        }
    }
}

/// Runs a part of a session; a panic of it is logged and ends the session, and its client learns
/// nothing about it.
async fn caught(request: &Request, part: impl Future<Output = End>) -> End {
    AssertUnwindSafe(part).catch_unwind().await.unwrap_or_else(|payload| {
        answer::note_panic(request, &*payload);
        End::Failed("Internal Server Error".to_owned())
    })
}
