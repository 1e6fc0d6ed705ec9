//! One connection, owned by whoever uses it, that makes itself anew when it is lost.

use std::{
    collections::VecDeque,
    hash::{BuildHasher as _, RandomState},
    thread,
    time::Duration,
};

use fal_queue::{Backoff, store::Error};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    time::{sleep, timeout},
};

use crate::{
    error::{Failure, Result},
    options::Place,
    session::{Backend, Role, Session},
};

/// The longest that one piece of work may take on the way there and back. The server ends it earlier; this is for a
/// server that does not answer at all.
const SILENT: Duration = Duration::from_secs(60);

/// How long a connection that is no longer wanted may take to say so.
const FAREWELL: Duration = Duration::from_millis(200);

/// Lost connections that are remembered.
const LOST: usize = 8;

/// How often the same question is asked again.
const TRIES: u8 = 10;

/// The pauses between two attempts to connect.
const CONNECTS: Backoff =
    Backoff { initial: Duration::from_millis(50), max: Duration::from_millis(1_000) };

/// The pauses after others were in the way.
const YIELDS: Backoff =
    Backoff { initial: Duration::from_millis(2), max: Duration::from_millis(100) };

/// Where a connection goes, and what it is for.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) place: Place,
    pub(crate) role: Role,
    pub(crate) patience: Duration,
}

/// A connection with the runtime that drives it. Nothing of it runs between two calls.
pub(crate) struct Link {
    /// None only while it is dropped.
    runtime: Option<Runtime>,
    target: Target,
    session: Option<Session>,
    /// Connections that were lost, and of which the server may not have heard that.
    lost: VecDeque<Backend>,
    /// Whether patience has run out: then whoever comes next does not wait as well.
    is_away: bool,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Link({})", self.target.place)
    }
}

impl Link {
    /// A link that connects when it is first used.
    pub(crate) fn new(target: Target) -> std::result::Result<Self, Error> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::Io(format!("no runtime: {error}")))?;
        Ok(Self {
            runtime: Some(runtime),
            target,
            session: None,
            lost: VecDeque::new(),
            is_away: false,
        })
    }

    /// Does a piece of work once, on a connection that is there. Lost or stuck, the connection is given up; a
    /// transaction that fails otherwise is left to [`Link::roll_back`].
    pub(crate) fn once<T>(&mut self, work: impl AsyncFnOnce(&Session) -> Result<T>) -> Result<T> {
        if !self.session.as_ref().is_some_and(Session::is_open) {
            self.lose();
        }
        let Some(runtime) = &self.runtime else { return Err(gone()) };
        if self.session.is_none() {
            let patience = if self.is_away { Duration::ZERO } else { self.target.patience };
            let reached = runtime.block_on(reach(&self.target, patience));
            self.is_away = matches!(reached, Err(Failure::Away(_)));
            self.session = Some(reached?);
        }
        let Some(session) = &self.session else { return Err(gone()) };
        let done = runtime.block_on(async { timeout(SILENT, work(session)).await });
        let done = done.unwrap_or_else(|_| Err(gone()));
        if matches!(done, Err(Failure::Lost(_))) {
            self.lose();
        }
        done
    }

    /// The connection is not of use any more.
    fn lose(&mut self) {
        if let Some(session) = self.session.take() {
            self.lost.push_back(session.backend);
        }
        if self.lost.len() > LOST {
            self.lost.pop_front();
        }
    }

    /// The connections that were lost, as the server knew them.
    pub(crate) fn lost(&self) -> VecDeque<Backend> {
        self.lost.clone()
    }

    /// The server has ended those.
    pub(crate) fn ended(&mut self, others: &VecDeque<Backend>) {
        self.lost.retain(|lost| !others.contains(lost));
    }

    /// Asks a question that may be asked again, because asked twice it changes no more than once.
    pub(crate) fn ask<T>(
        &mut self,
        mut question: impl AsyncFnMut(&Session) -> Result<T>,
    ) -> std::result::Result<T, Error> {
        for tries in 0..TRIES {
            match self.once(&mut question) {
                Ok(answer) => return Ok(answer),
                Err(Failure::Lost(_)) => {}
                Err(Failure::Clash(_)) => self.give_way(tries),
                Err(failure @ (Failure::Away(_) | Failure::NoDay | Failure::Failed(_))) => {
                    self.roll_back();
                    return Err(failure.into());
                }
            }
        }
        Err(Error::Unreachable(format!("{}: no answer in {TRIES} tries", self.target.place)))
    }

    /// Ends a transaction that others were in the way of, and lets them pass.
    pub(crate) fn give_way(&mut self, tries: u8) {
        self.roll_back();
        self.pause(YIELDS.delay(tries, roll()));
    }

    /// Ends a transaction that has failed.
    pub(crate) fn roll_back(&mut self) {
        let (Some(session), Some(runtime)) = (&self.session, &self.runtime) else { return };
        let rolled = runtime.block_on(async { timeout(SILENT, session.send("ROLLBACK")).await });
        if !matches!(rolled, Ok(Ok(()))) {
            self.lose();
        }
    }

    /// Waits for what others than the connection `own` say.
    pub(crate) fn wait(&mut self, own: i32, limit: Duration) -> Result<Vec<String>> {
        let limit = limit.min(SILENT / 2);
        self.once(async |session| session.notifications(own, limit).await)
    }

    /// Does nothing for a while.
    pub(crate) fn pause(&self, time: Duration) {
        if let Some(runtime) = &self.runtime {
            // A timer is made where its runtime runs.
            runtime.block_on(async { sleep(time).await });
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        // Where another runtime drives this thread, the server has to find out by itself.
        if let Some(session) = self.session.take()
            && Handle::try_current().is_err()
        {
            let _late = runtime.block_on(async { timeout(FAREWELL, session.close()).await });
        }
        runtime.shutdown_background();
    }
}

fn gone() -> Failure {
    Failure::Lost("the server does not answer".to_owned())
}

/// Connects, once at least and then as often as it takes within patience.
async fn reach(target: &Target, patience: Duration) -> Result<Session> {
    let mut last = match try_to_reach(target).await {
        Err(Failure::Lost(text)) => text,
        done => return done,
    };
    let tried = timeout(patience, async {
        for tries in 0.. {
            sleep(CONNECTS.delay(tries, roll())).await;
            match try_to_reach(target).await {
                Err(Failure::Lost(text)) => last = text,
                done => return done,
            }
        }
        Err(gone())
    });
    let tried = tried.await;
    tried.unwrap_or_else(|_| Err(Failure::Away(format!("{}: {last}", target.place))))
}

async fn try_to_reach(target: &Target) -> Result<Session> {
    let opened = timeout(SILENT, Session::open(&target.place, target.role)).await;
    opened.unwrap_or_else(|_| Err(gone()))
}

/// A number that differs each time, spread evenly.
pub(crate) fn roll() -> u64 {
    RandomState::new().hash_one(0)
}

/// Does it on another thread where this one is driven by a runtime, which must not be held up from inside.
pub(crate) fn apart<T: Send>(act: impl FnOnce() -> T + Send) -> T {
    if Handle::try_current().is_err() {
        return act();
    }
    thread::scope(|scope| match scope.spawn(act).join() {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}
