//! A runner that was started, and what it reports.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use http::{Request, Response};
use rustix::process::Signal;
use tokio::sync::watch;

use crate::{
    forward::{ForwardError, Link, RequestBody, ResponseBody, Switch},
    output::{Output, Stream},
    reaper::Leader,
};

/// Where a runner's news goes. Called from the supervisor's own threads, so it must neither block
/// nor panic.
pub trait Sink: Send + Sync {
    /// The runner's leading process ended, and its process group with it. Called once for each runner,
    /// perhaps before [`Supervisor::launch`](crate::Supervisor::launch) has returned it.
    fn exited(&self, exit: Exit);

    /// The runner printed a line, here without its line end. A line of more than 64 KiB comes in pieces;
    /// bytes that are not UTF-8 are replaced. The last lines may come after [`Sink::exited`].
    fn line(&self, stream: Stream, line: String);
}

/// How a runner's leading process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exit {
    /// It ended by itself with this exit code, `0..=255`.
    Code(i32),
    /// A signal of this number ended it.
    Signal(i32),
    /// Somebody else reaped it, as the system does by itself for a platform that was started with SIGCHLD
    /// ignored.
    Unknown,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exited with code {code}"),
            Self::Signal(signal) => write!(f, "ended by signal {signal}"),
            Self::Unknown => f.write_str("ended in an unknown way"),
        }
    }
}

/// Where a runner is in its life, for those who wait on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Running,
    Cut,
    Exited,
}

/// A runner that was started. Clones stand for the same one; dropping them ends nothing.
#[derive(Clone)]
pub struct Runner {
    pub(crate) leader: Arc<Leader>,
    pub(crate) link: Arc<Link>,
    pub(crate) outputs: [Arc<Output>; 2],
}

impl Runner {
    /// The number of its leading process, which is that of its process group too.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.leader.pid().as_raw_pid().unsigned_abs()
    }

    /// The loopback port it was given.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.link.port()
    }

    /// Where it serves.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port()).into()
    }

    /// Asks its whole process group to stop (SIGTERM). Does nothing when its leader is gone.
    pub fn terminate(&self) {
        self.leader.signal(Signal::TERM);
    }

    /// Ends its whole process group (SIGKILL). Does nothing when its leader is gone.
    //= docs/contract.md#shutdown
    //# A runner that still runs when the grace period is over MUST be killed with its whole process group.
    pub fn kill(&self) {
        self.leader.signal(Signal::KILL);
    }

    /// Cuts every connection to it at once and refuses new ones: all that is being forwarded ends as
    /// [`ForwardError::Cut`] or [`BodyError::Cut`](crate::BodyError::Cut).
    ///
    /// When it has exited already, connections are left a second to deliver what it answered before.
    //= docs/contract.md#in-flight-on-death
    //# When a runner is terminated, its connections MUST be cut with it.
    pub fn cut(&self) {
        let mut exited = false;
        self.leader.life().send_modify(|life| {
            exited = *life == Life::Exited;
            if !exited {
                *life = Life::Cut;
            }
        });
        if exited { self.link.close() } else { self.link.cut() }
    }

    /// Forwards one request and gives back its answer as soon as the head is there.
    ///
    /// Headers go as they are; `host` is added when it is missing. A connection used before is taken where
    /// there is one. Should it break before the first byte of an answer, a [`RequestBody::Whole`] request
    /// is sent once more on a new connection, for the runner may just have closed an idle connection; a
    /// [`RequestBody::Stream`] cannot be sent twice and always gets a new one.
    ///
    /// Must be called within a tokio runtime. Dropping the future closes the connection.
    ///
    /// # Errors
    ///
    /// See [`ForwardError`]; an error after the head shows in the body, see
    /// [`BodyError`](crate::BodyError).
    pub async fn forward(
        &self,
        request: Request<RequestBody>,
    ) -> Result<Response<ResponseBody>, ForwardError> {
        self.link.forward(request).await
    }

    /// Sends a request to switch protocols (`Connection: Upgrade`), on a connection of its own that is never used for
    /// anything else.
    ///
    /// Must be called within a tokio runtime. Dropping the future or the [`Tunnel`](crate::Tunnel) closes the connection.
    ///
    /// # Errors
    ///
    /// See [`ForwardError`].
    pub async fn switch(&self, request: Request<RequestBody>) -> Result<Switch, ForwardError> {
        self.link.switch(request).await
    }

    /// Hands on what it has printed by now, in the calling thread: when this returns, its sink has heard every line
    /// whose end was in a pipe before.
    pub fn catch_up(&self) {
        for output in &self.outputs {
            output.catch_up();
        }
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Life> {
        self.leader.life().subscribe()
    }
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner").field("pid", &self.pid()).field("port", &self.port()).finish()
    }
}
