//! Starting a node, and stopping it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use fal_engine::Input;
use fal_queue::store::{Done, Op};
use tokio::{
    sync::{Notify, Semaphore},
    task::JoinHandle,
};

use crate::{
    Clock, Handle, Options,
    apps::Apps,
    conductor::Conductor,
    handle::Shared,
    journal::{Journal, JournalError, LaneError},
    known::Known,
    lines::{self, Lines},
    machine::Machine,
    mail,
    others::{self, Heard},
    readers::Readers,
    sweep,
};

/// Attempts at queued requests that may be under way at once, on all runners.
const RECORDINGS: usize = 1 << 20;

/// Threads that ask a store over the network.
const SHARED_READERS: usize = 3;

/// How long a store that refuses may hold up the end.
const LAST_RECORDS: Duration = Duration::from_secs(10);

/// A node that runs: its handle, and what has to be ended with it.
#[derive(Debug)]
pub struct Node {
    handle: Handle,
    /// What goes on for as long as it runs.
    chores: Vec<JoinHandle<()>>,
}

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The operating system refused a thread.
    #[error("could not start a thread for the store")]
    Thread(#[source] std::io::Error),
    /// The store cannot be read.
    #[error("could not read the store")]
    Read(#[source] fal_queue::store::Error),
    /// What an earlier start left could not be put in order.
    #[error("could not recover the queue")]
    Recover(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Node {
    /// Puts in order what an earlier start left, and starts serving. Must be called in a tokio runtime.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let Options { mut store, webhooks, .. } = options;
        //= docs/contract.md#many-nodes
        //# All nodes MUST go by the clock of the store.
        let clock = store.clock().map_err(StartError::Read)?.map_or_else(Clock::start, Clock::at);
        let caps = store.caps();
        let readers = (0..if caps.shared { SHARED_READERS } else { 1 }).map(|_| store.reader());
        let readers = readers.collect::<Result<_, _>>().map_err(StartError::Read)?;
        let wakes = store.wakes().map_err(StartError::Read)?;
        let apps = Arc::new(Apps::new(options.boot));
        let (machine, desk) = Machine::new(options.machine.shared, clock);
        let shared = Arc::new(Shared {
            clock,
            journal: Journal::start(store, clock)?,
            readers: Readers::start(readers).map_err(StartError::Thread)?,
            supervisor: options.supervisor,
            watchers: Arc::default(),
            known: Known::default(),
            lines: Lines::default(),
            runtime: tokio::runtime::Handle::current(),
            node: options.node,
            apps: Arc::downgrade(&apps),
            machine,
            kind: options.machine.kind,
            max_body: options.max_body,
            recording: Semaphore::new(RECORDINGS),
            deadlines: Notify::new(),
            webhooks: Notify::new(),
            is_store_shared: caps.shared,
            heard: Heard::since(clock.now()),
            jwks: webhooks.key.jwks(),
            private: webhooks.private,
            env: options.env,
        });
        recover(&shared).await?;
        let mut chores = vec![
            tokio::spawn(sweep::keep(Arc::clone(&shared))),
            tokio::spawn(lines::store(Arc::clone(&shared))),
            tokio::spawn(desk.serve()),
        ];
        if caps.shared {
            // Before it leases anything.
            others::say(&shared).await?;
            chores.push(tokio::spawn(others::beat(Arc::clone(&shared))));
        }
        if let Some(wakes) = wakes {
            others::start(&shared, wakes).map_err(StartError::Thread)?;
        }
        mail::start(Arc::clone(&shared), webhooks).map_err(StartError::Thread)?;
        for app in options.apps {
            begin(&apps.add(app, &shared)).await?;
        }
        let stopping = Arc::new(AtomicBool::new(false));
        Ok(Self { handle: Handle { shared, apps, stopping }, chores })
    }

    /// What others hold of it.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Stops taking work, lets running requests finish within each app's grace period, and ends every runner.
    pub async fn stop(self) {
        self.handle.stopping.store(true, Ordering::Relaxed);
        let conductors = self.handle.apps.all();
        for conductor in &conductors {
            conductor.drive(Input::Drain);
        }
        for conductor in &conductors {
            conductor.has_drained().await;
        }
        // What the last attempts left is made durable before the store's writer goes.
        let all = u32::try_from(RECORDINGS).unwrap_or(u32::MAX);
        let recorded = self.handle.shared.recording.acquire_many(all);
        if tokio::time::timeout(LAST_RECORDS, recorded).await.is_err() {
            tracing::error!("the store did not take the last results; those requests run again");
        }
        for chore in &self.chores {
            chore.abort();
        }
        if self.handle.shared.is_store_shared {
            // Others need not wait for this node's lease to run out.
            let farewell = recover(&self.handle.shared);
            let _either = tokio::time::timeout(LAST_RECORDS, farewell).await;
        }
    }
}

//= docs/contract.md#queue-restart
//# An attempt that the platform's own death cut MUST NOT be charged to its request.
async fn recover(shared: &Shared) -> Result<(), StartError> {
    let done = shared.journal.commit(Op::Recover { node: shared.node, leases: None }).await?;
    if let Done::Recovered { tickets } = done
        && tickets > 0
    {
        tracing::warn!(
            tickets,
            "requests that were running when the platform last ended wait again"
        );
    }
    Ok(())
}

/// Tells the engine what waits for it already, and lets it start its first runners.
pub(crate) async fn begin(conductor: &Arc<Conductor>) -> Result<(), StartError> {
    conductor.look().await.map_err(StartError::Read)?;
    conductor.drive(Input::Elapsed);
    Ok(())
}

impl From<JournalError> for StartError {
    fn from(error: JournalError) -> Self {
        Self::Recover(Box::new(error))
    }
}

impl From<LaneError> for StartError {
    fn from(error: LaneError) -> Self {
        match error {
            LaneError::Thread(error) => Self::Thread(error),
            LaneError::Store(error) => Self::Read(error),
        }
    }
}
