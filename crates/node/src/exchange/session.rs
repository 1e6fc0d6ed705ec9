//! A session: a direct call whose runner has switched protocols, with the slot that it holds until its end.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use fal_engine::Reported;
use fal_policy::{Answer, Outcome};
use fal_supervisor::{Switch, Tunnel};
use fal_types::{Problem, RequestId, Status};
use http::{HeaderValue, Response, response::Parts, uri::PathAndQuery};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::oneshot,
    time::Instant,
};

use super::direct::{self, DirectCall, Refusal};
use crate::{
    Body,
    conductor::Conductor,
    exchange::{self, Lease},
    runners::Slot,
};

/// What a runner makes of a call that asks to switch protocols.
#[derive(Debug)]
pub enum Connected {
    /// It has switched.
    Session(Box<Session>),
    /// It has answered as to any call; with what names the runner to the caller.
    Answered(Response<Body>, HeaderValue),
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEnd {
    /// Both sides have said so, or the platform has: the runner is not to blame for anything.
    Closed,
    /// The caller has left without a word.
    CallerLeft,
    /// The runner's connection broke.
    RunnerBroke,
}

/// The bytes to and from a runner that has switched protocols. Its slot is held until [`Session::end`]; dropped before,
/// the attempt counts as abandoned.
#[derive(Debug)]
pub struct Session {
    /// The head of the runner's 101.
    pub head: Parts,
    /// When `request_timeout` has passed, and the session has to end.
    pub deadline: Instant,
    tunnel: Tunnel,
    lease: Lease,
    path: PathAndQuery,
    request: RequestId,
}

/// Sends a call that asks to switch protocols to a runner of this app, once. Once it is sent, it goes on without its
/// caller if it must: the runner works on it whether anybody waits or not.
pub(crate) async fn connect(
    conductor: &Arc<Conductor>,
    mut call: DirectCall,
) -> Result<Connected, Refusal> {
    let lease = direct::take_slot(conductor, &mut call).await?;
    let deadline = Instant::now() + conductor.current().options.request_timeout;
    let (slot, path, request) = (Arc::clone(lease.slot()), call.path.clone(), call.request);
    let (told, waits) = oneshot::channel();
    tokio::spawn(async move {
        // An answer that nobody waits for settles its attempt where it is dropped.
        if let Err(Ok(Connected::Session(session))) =
            told.send(attempt(lease, call, deadline).await)
        {
            session.end(SessionEnd::CallerLeft);
        }
    });
    let mut waiter = Waiter { left: Some((slot, path, request)) };
    let connected = waits.await;
    waiter.left = None;
    connected.unwrap_or_else(|_| Err(Problem::Internal.into()))
}

/// Tells the runner when the caller leaves before the session is open.
struct Waiter {
    left: Option<(Arc<Slot>, PathAndQuery, RequestId)>,
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let Some((slot, path, request)) = self.left.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move { exchange::signal_cancel(&slot, path.path(), request).await });
    }
}

async fn attempt(lease: Lease, call: DirectCall, deadline: Instant) -> Result<Connected, Refusal> {
    let slot = Arc::clone(lease.slot());
    let (path, request) = (call.path.clone(), call.request);
    let switched = tokio::select! {
        biased;
        switched = slot.runner.switch(direct::outgoing(call)) => switched,
        () = tokio::time::sleep_until(deadline) => {
            return Err(direct::refused(lease, &slot, exchange::reported(Outcome::TimedOut)));
        }
    };
    match switched {
        Ok(Switch::Switched(head, tunnel)) => {
            let session = Session { head: *head, deadline, tunnel, lease, path, request };
            Ok(Connected::Session(Box::new(session)))
        }
        Ok(Switch::Answered(response)) => {
            let mut late = Box::pin(tokio::time::sleep_until(deadline));
            let response = direct::answered((lease, &slot), response, (path, request), &mut late);
            response.await.map(|(response, runner)| Connected::Answered(response, runner))
        }
        Err(error) => Err(direct::refused(lease, &slot, exchange::failure(&error))),
    }
}

impl Session {
    /// Ends it, and frees its slot.
    //= docs/contract.md#sessions
    //# A session whose runner breaks MUST be closed with 1011, and its runner is checked as after a 502.
    pub fn end(self, end: SessionEnd) {
        let Self { lease, tunnel, path, request, .. } = self;
        let slot = Arc::clone(lease.slot());
        drop(tunnel);
        let reported = match end {
            //= docs/contract.md#sessions
            //# A session that was closed counts as an answer of 200.
            SessionEnd::Closed => answered(Status::new(200)),
            SessionEnd::CallerLeft => {
                tokio::spawn(async move {
                    exchange::signal_cancel(&slot, path.path(), request).await;
                });
                exchange::reported(Outcome::Abandoned)
            }
            // A caller's garbage makes many a server drop the connection, so that alone ends no runner.
            SessionEnd::RunnerBroke => answered(Status::new(502)),
        };
        let _direct_calls_have_none = lease.settle(reported);
    }

    /// The id that caller and runner know it by.
    #[must_use]
    pub const fn request(&self) -> RequestId {
        self.request
    }
}

/// What a session comes to, as an answer of this status would.
const fn answered(status: Status) -> Reported {
    exchange::reported(Outcome::Responded(Answer {
        status,
        needs_retry: None,
        stop_runner: None,
        retry_after: None,
    }))
}

impl AsyncRead for Session {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tunnel).poll_read(cx, buf)
    }
}

impl AsyncWrite for Session {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().tunnel).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tunnel).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tunnel).poll_shutdown(cx)
    }
}
