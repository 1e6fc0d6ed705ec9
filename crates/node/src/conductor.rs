//! One app's engine behind a lock, and what hangs on its decisions.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use fal_allotment::Gpu;
use fal_engine::{
    CallId, Cause, Command, Engine, Event, Input, Reconfigured, Record, Reported, Runner, Who,
};
use fal_queue::store::{Content, Error};
use fal_types::{AppId, LeaseId, Moment, Problem, RequestId, RunnerId};
use http::HeaderValue;
use parking_lot::{Mutex, MutexGuard, RwLock};
use tokio::sync::{Notify, oneshot, watch};

use crate::{
    AppOptions, Clock,
    exchange::Lease,
    handle::Shared,
    runners::{Seat, Slot, Stop},
    view::{RunnerView, Seen},
};

/// Runners that are remembered when they are gone.
const GONE: usize = 100;

/// One app of the node: its engine, its runners, its waiting calls.
#[derive(Debug)]
pub(crate) struct Conductor {
    pub(crate) id: AppId,
    /// What its runners' names begin with, which tells it from an app of the same name that was there before.
    boot: u32,
    current: RwLock<Arc<Current>>,
    pub(crate) shared: Arc<Shared>,
    inner: Mutex<Inner>,
    calls: AtomicU64,
    /// Rung when the engine's next deadline is earlier than the one the timer sleeps for.
    pub(crate) alarm: Notify,
    /// Whether the last runner is gone after a drain.
    pub(crate) drained: watch::Sender<bool>,
    /// How the last change of the runners' revision went.
    pub(crate) roll: watch::Sender<Roll>,
}

/// The app as its configuration has it now.
#[derive(Debug)]
pub(crate) struct Current {
    pub(crate) options: AppOptions,
    /// What every attempt begins with, as its runner is told.
    pub(crate) time_left: HeaderValue,
}

/// Where the last change of the runners' revision stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Roll {
    Over,
    HeldUp,
    UnderWay,
}

/// What the lock protects.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) seats: BTreeMap<RunnerId, Seat>,
    /// The GPUs of runners that have asked for something of the machine; none before they have it.
    pub(crate) claims: BTreeMap<RunnerId, Vec<Gpu>>,
    /// Direct calls that wait for the engine's word.
    pub(crate) calls: BTreeMap<CallId, oneshot::Sender<Result<Lease, Problem>>>,
    /// Bodies of claimed requests, from the claim's answer until their dispatch.
    pub(crate) contents: BTreeMap<LeaseId, Content>,
    /// Leases of queued requests in flight, for their cancel signal.
    pub(crate) dispatched: BTreeMap<LeaseId, crate::exchange::Dispatched>,
    /// Runners that are gone, the last ones last.
    gone: VecDeque<RunnerView>,
    /// Slots that were granted to callers who had left. They are given back once the lock is open again.
    pub(crate) unwanted: Vec<Lease>,
    armed: Option<Moment>,
}

/// What becomes of a queued request whose attempt is over.
pub(crate) struct Settled {
    pub(crate) record: Record,
    /// At which deaths of runners it was, where it is not tried again because of them.
    pub(crate) died: Vec<(RunnerId, Cause)>,
}

/// What a direct call gets when it asks.
pub(crate) enum Admitted {
    Granted(Lease),
    Refused(Problem),
    Waiting(CallId, oneshot::Receiver<Result<Lease, Problem>>),
}

impl Conductor {
    pub(crate) fn new(options: AppOptions, who: Who, shared: Arc<Shared>) -> Self {
        let engine = Engine::new(options.settings.clone(), who);
        let inner = Inner {
            engine,
            seats: BTreeMap::new(),
            claims: BTreeMap::new(),
            calls: BTreeMap::new(),
            contents: BTreeMap::new(),
            dispatched: BTreeMap::new(),
            gone: VecDeque::new(),
            unwanted: Vec::new(),
            armed: None,
        };
        Self {
            id: options.id.clone(),
            boot: who.boot,
            current: RwLock::new(Arc::new(Current::new(options))),
            shared,
            inner: Mutex::new(inner),
            calls: AtomicU64::new(0),
            alarm: Notify::new(),
            drained: watch::Sender::new(false),
            roll: watch::Sender::new(Roll::Over),
        }
    }

    pub(crate) const fn boot(&self) -> u32 {
        self.boot
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    pub(crate) fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current.read())
    }

    /// Tells the engine what happened, and performs what it wants done.
    pub(crate) fn drive(self: &Arc<Self>, input: Input) {
        self.drive_on(self.inner.lock(), input);
    }

    /// From now on the app is as in these options. Where runners that were started with the present ones are not as
    /// good any more, others take their places.
    pub(crate) fn reconfigure(self: &Arc<Self>, options: AppOptions) {
        let settings = Box::new(options.settings.clone());
        // Under the engine's lock, so that each runner is started with the options of its revision.
        let inner = self.inner.lock();
        let processes_too = self.needs_roll(&options);
        if processes_too {
            self.roll.send_replace(Roll::UnderWay);
        }
        *self.current.write() = Arc::new(Current::new(options));
        let change = Reconfigured::Changed { settings, processes_too };
        self.drive_on(inner, Input::Reconfigured(change));
    }

    fn drive_on(self: &Arc<Self>, mut inner: MutexGuard<'_, Inner>, input: Input) {
        let commands = inner.engine.step(self.clock().now(), input);
        for command in commands {
            self.execute(&mut inner, command);
        }
        self.finish(inner);
    }

    /// Asks for a slot. The common answer, a grant at once, takes no detour.
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other command is executed alike")]
    pub(crate) fn admit(self: &Arc<Self>, until: Moment, late: Problem) -> Admitted {
        let call = CallId::new(self.calls.fetch_add(1, Ordering::Relaxed));
        let mut inner = self.inner.lock();
        let mut answer = None;
        for command in inner.engine.step(self.clock().now(), Input::Admit { call, until, late }) {
            match command {
                Command::Grant { call: granted, lease, runner } if granted == call => {
                    let slot = inner.slot(runner);
                    answer = Some(slot.map_or(Admitted::Refused(Problem::Internal), |slot| {
                        Admitted::Granted(Lease::new(self, slot, lease))
                    }));
                }
                Command::Refuse { call: refused, problem } if refused == call => {
                    answer = Some(Admitted::Refused(problem));
                }
                other => self.execute(&mut inner, other),
            }
        }
        let answer = answer.unwrap_or_else(|| {
            let (word, wait) = oneshot::channel();
            inner.calls.insert(call, word);
            Admitted::Waiting(call, wait)
        });
        self.finish(inner);
        answer
    }

    /// Ends a lease. For a queued request the answer says what is to be made durable, and at which deaths the
    /// request was where that is why it ends.
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other command is executed alike")]
    pub(crate) fn settle(self: &Arc<Self>, lease: LeaseId, reported: Reported) -> Option<Settled> {
        let mut inner = self.inner.lock();
        inner.dispatched.remove(&lease);
        let (mut mine, mut died) = (None, Vec::new());
        for command in inner.engine.step(self.clock().now(), Input::Settled { lease, reported }) {
            match command {
                Command::Record(record) if record.lease == lease => mine = Some(record),
                // Only the request that is settled can be.
                Command::Contained { ref deaths, .. } => {
                    died.clone_from(deaths);
                    self.execute(&mut inner, command);
                }
                other => self.execute(&mut inner, other),
            }
        }
        self.finish(inner);
        Some(Settled { record: mine?, died })
    }

    /// A call that waited goes away; a grant that crossed it on the way is given back by its receiver's drop.
    pub(crate) fn withdraw(self: &Arc<Self>, call: CallId) {
        self.inner.lock().calls.remove(&call);
        self.drive(Input::Withdrawn { call });
    }

    /// The claimed requests' bodies arrive just before the engine hears of the claim.
    pub(crate) fn claimed(
        self: &Arc<Self>,
        batch: Vec<(fal_queue::Ticket, Content)>,
        backlog: fal_queue::store::Backlog,
    ) {
        let mut tickets = Vec::with_capacity(batch.len());
        let mut inner = self.inner.lock();
        for (ticket, content) in batch {
            if let fal_queue::State::Leased(lease) = &ticket.state {
                inner.contents.insert(lease.id, content);
            }
            tickets.push(ticket);
        }
        drop(inner);
        self.drive(Input::Claimed { batch: tickets, backlog });
    }

    /// Replaces a starting runner's seat by its process, unless the engine has given it up meanwhile.
    pub(crate) fn seat(self: &Arc<Self>, runner: RunnerId, slot: Arc<Slot>) {
        let mut inner = self.inner.lock();
        // A runner that ended before it was seated has been forgotten, and stays so.
        let Some(Seat::Starting { stop }) = inner.seats.get(&runner) else { return };
        match stop {
            None => {}
            Some(Stop::Term) => slot.runner.terminate(),
            Some(Stop::Kill) => slot.runner.kill(),
        }
        inner.seats.insert(runner, Seat::Seated(slot));
    }

    /// A runner has what it needs of the machine.
    pub(crate) fn allotted(self: &Arc<Self>, runner: RunnerId, gpus: Vec<Gpu>) {
        let mut inner = self.inner.lock();
        // One that was given up meanwhile has said so.
        let Some(claim) = inner.claims.get_mut(&runner) else { return };
        *claim = gpus;
        self.drive_on(inner, Input::Runner { runner, event: Event::Allotted });
    }

    pub(crate) fn runners(&self) -> Vec<Seen> {
        let inner = self.inner.lock();
        let view = |runner: Runner| Seen {
            slot: inner.slot(runner.id),
            gpus: inner.claims.get(&runner.id).cloned().unwrap_or_default(),
            runner,
        };
        inner.engine.runners().into_iter().map(view).collect()
    }

    /// Runners that are gone, the last one first.
    pub(crate) fn gone(&self) -> Vec<RunnerView> {
        self.inner.lock().gone.iter().rev().cloned().collect()
    }

    /// Whether the request is on one of its runners.
    pub(crate) fn runs(&self, request: RequestId) -> bool {
        let inner = self.inner.lock();
        inner.dispatched.values().any(|dispatched| dispatched.request() == request)
    }

    /// Asks the store what waits, and tells the engine.
    pub(crate) async fn look(self: &Arc<Self>) -> Result<(), Error> {
        let news = self.inner.lock().engine.news();
        let app = self.id.clone();
        let backlog = self.shared.readers.ask(move |reader| reader.backlog(&app)).await;
        if let Some(backlog) = backlog.transpose()? {
            self.drive(Input::Looked { backlog, news });
        }
        Ok(())
    }

    /// The one that serves the app: another, where the app has left and come back meanwhile.
    pub(crate) fn serving(self: &Arc<Self>) -> Arc<Self> {
        let serving = self.shared.apps.upgrade().and_then(|apps| apps.get(&self.id));
        serving.unwrap_or_else(|| Arc::clone(self))
    }

    pub(crate) fn has_ready(&self) -> bool {
        self.inner.lock().engine.has_ready()
    }

    pub(crate) fn next_deadline(&self) -> Option<Moment> {
        let mut inner = self.inner.lock();
        inner.armed = inner.engine.next_deadline();
        inner.armed
    }

    /// What every step ends with, and what must wait until the lock is open.
    fn finish(&self, mut inner: MutexGuard<'_, Inner>) {
        self.rearm(&mut inner);
        let unwanted = std::mem::take(&mut inner.unwanted);
        drop(inner);
        drop(unwanted);
    }

    /// Wakes the timer only when it would sleep too long.
    fn rearm(&self, inner: &mut Inner) {
        let next = inner.engine.next_deadline();
        let sooner = match (next, inner.armed) {
            (Some(next), Some(armed)) => next < armed,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if sooner {
            inner.armed = next;
            self.alarm.notify_one();
        }
    }
}

impl Current {
    fn new(options: AppOptions) -> Self {
        let time_left = options.request_timeout.as_secs_f64().to_string();
        // Digits and a point.
        let time_left = HeaderValue::from_str(&time_left).unwrap_or(HeaderValue::from_static("0"));
        Self { options, time_left }
    }
}

impl Inner {
    /// Keeps what a runner was at its end, for whoever asks why it is gone.
    //= docs/contract.md#runner-record
    //# Of each app the last 100 runners that are gone MUST be kept, with the cause of their end.
    pub(crate) fn remember(&mut self, runner: Runner, seat: Option<&Seat>, gpus: &[Gpu]) {
        let slot = match seat {
            Some(Seat::Seated(slot)) => Some(Arc::clone(slot)),
            Some(Seat::Starting { .. }) | None => None,
        };
        let ended = runner.entered;
        let view = RunnerView::new(Seen { runner, slot, gpus: gpus.to_vec() }, ended);
        if self.gone.len() == GONE {
            self.gone.pop_front();
        }
        self.gone.push_back(view);
    }

    pub(crate) fn slot(&self, runner: RunnerId) -> Option<Arc<Slot>> {
        match self.seats.get(&runner)? {
            Seat::Seated(slot) => Some(Arc::clone(slot)),
            Seat::Starting { .. } => None,
        }
    }
}

/// Sleeps until the engine's next deadline, for as long as the app is there.
pub(crate) async fn keep_time(conductor: Arc<Conductor>) {
    loop {
        let alarm = conductor.alarm.notified();
        if *conductor.drained.borrow() {
            return;
        }
        match conductor.next_deadline() {
            None => alarm.await,
            Some(deadline) => {
                let sleep = tokio::time::sleep_until(conductor.clock().instant(deadline));
                tokio::select! {
                    () = alarm => continue,
                    () = sleep => conductor.drive(Input::Elapsed),
                }
            }
        }
    }
}
