//! Starting a node, and stopping it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use fal_engine::Input;
use fal_queue::{
    NodeId,
    store::{Done, Op},
};
use tokio::{
    sync::{Notify, Semaphore},
    task::JoinHandle,
};

use crate::{
    Clock, Handle, Options,
    apps::Apps,
    conductor::Conductor,
    handle::Shared,
    journal::{Journal, JournalError},
    lines::Lines,
    machine::Machine,
    readers::Readers,
    sweep,
};

/// The number of the only node that an embedded store has.
pub(crate) const ONLY: NodeId = NodeId(1);

/// Attempts at queued requests that may be under way at once, on all runners.
const RECORDINGS: usize = 1 << 20;

/// How long a store that refuses may hold up the end.
const LAST_RECORDS: Duration = Duration::from_secs(10);

/// A node that runs: its handle, and what has to be ended with it.
#[derive(Debug)]
pub struct Node {
    handle: Handle,
    sweeper: JoinHandle<()>,
    /// Who gets what of the machine.
    desk: JoinHandle<()>,
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
        let clock = Clock::start();
        let reader = options.store.reader().map_err(StartError::Read)?;
        let apps = Arc::new(Apps::new(options.boot));
        let (machine, desk) = Machine::new(options.machine.shared, clock);
        let shared = Arc::new(Shared {
            clock,
            journal: Journal::start(options.store, clock).map_err(StartError::Thread)?,
            readers: Readers::start(reader).map_err(StartError::Thread)?,
            supervisor: options.supervisor,
            watchers: Arc::default(),
            lines: Lines::default(),
            runtime: tokio::runtime::Handle::current(),
            node: ONLY,
            apps: Arc::downgrade(&apps),
            machine,
            kind: options.machine.kind,
            max_body: options.max_body,
            recording: Semaphore::new(RECORDINGS),
            deadlines: Notify::new(),
        });
        recover(&shared).await?;
        let sweeper = tokio::spawn(sweep::keep(Arc::clone(&shared)));
        let desk = tokio::spawn(desk.serve());
        for app in options.apps {
            begin(&apps.add(app, &shared)).await?;
        }
        let stopping = Arc::new(AtomicBool::new(false));
        Ok(Self { handle: Handle { shared, apps, stopping }, sweeper, desk })
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
        self.sweeper.abort();
        self.desk.abort();
    }
}

//= docs/contract.md#queue-restart
//# An attempt that the platform's own death cut MUST NOT be charged to its request.
async fn recover(shared: &Shared) -> Result<(), StartError> {
    let done = shared.journal.commit(Op::Recover { node: ONLY }).await;
    let done = done.map_err(|error: JournalError| StartError::Recover(Box::new(error)))?;
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
    let app = conductor.id.clone();
    let backlog = conductor.shared.readers.ask(move |reader| reader.backlog(&app)).await;
    if let Some(backlog) = backlog.transpose().map_err(StartError::Read)?
        && backlog.waiting > 0
    {
        conductor.drive(Input::Claimed { batch: Vec::new(), backlog });
    }
    conductor.drive(Input::Elapsed);
    Ok(())
}
