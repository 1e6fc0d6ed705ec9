//! The other nodes on the same store: saying that this one lives, and hearing what they did.
//!
//! Hints may be late or lost, so everything is also looked at by itself: what waits every second, what was
//! cancelled with every beat.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use fal_engine::Input;
use fal_queue::store::{Done, Op, Wake, Wakes};
use fal_types::{Moment, RequestId};
use tokio::{sync::mpsc, time::MissedTickBehavior};

use crate::{conductor::Conductor, handle::Shared, journal::JournalError};

/// How long a node that says nothing is taken to live.
const LASTS: Duration = Duration::from_secs(15);
/// How often it says that it lives.
const BEAT: Duration = Duration::from_secs(3);
/// How often what waits is looked at where no hint came.
const LOOK: Duration = Duration::from_secs(1);
/// Hints that gather before the store is asked about them.
const GATHERED: usize = 4096;

/// Says again and again that this node lives.
pub(crate) async fn beat(shared: Arc<Shared>) {
    let mut tick = tokio::time::interval(BEAT);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        // A store that cannot be reached says so itself.
        let _later = say(&shared).await.is_err();
    }
}

/// Says that this node lives, where it has been silent: what it leases while it is taken for dead would be nobody's when
/// it dies.
pub(crate) async fn speak_up(shared: &Shared) {
    if !is_heard(shared, shared.clock.now()) {
        let _later = say(shared).await.is_err();
    }
}

/// Whether what this node leases is its own for a while, because the store has heard it not long before.
pub(crate) fn is_heard(shared: &Shared, now: Moment) -> bool {
    !shared.is_store_shared || !shared.heard.is_silent(now)
}

/// Says that this node lives, and hears which of its requests are to be cancelled.
//= docs/contract.md#many-nodes
//# A node that has not said that it lives for as long as its lease lasts MUST lose what it had leased, and those
//# requests wait again without being charged.
pub(crate) async fn say(shared: &Shared) -> Result<(), JournalError> {
    let op = Op::Beat { node: shared.node, lasts: LASTS };
    let Done::Beaten { lapsed, cancelled } = shared.journal.commit(op).await? else {
        return Ok(());
    };
    shared.heard.again(shared.clock.now());
    if lapsed {
        tracing::error!(
            "this node was silent for too long and was taken for dead: what it had leased was given to others, and \
             what its runners still answer to it changes nothing"
        );
    }
    for request in cancelled {
        cancel(shared, request);
    }
    Ok(())
}

/// When the store has heard this node. After a break others may have been cut off with it: they are given the time of
/// a lease to be heard again, before anybody takes them for dead.
#[derive(Debug)]
pub(crate) struct Heard {
    /// Microseconds.
    since: AtomicU64,
    /// Microseconds.
    last: AtomicU64,
}

impl Heard {
    pub(crate) const fn since(now: Moment) -> Self {
        Self { since: AtomicU64::new(now.micros()), last: AtomicU64::new(now.micros()) }
    }

    fn again(&self, now: Moment) {
        let before = Moment::from_micros(self.last.swap(now.micros(), Ordering::Relaxed));
        if now.since(before) > LASTS / 2 {
            self.since.store(now.micros(), Ordering::Relaxed);
        }
    }

    fn is_silent(&self, now: Moment) -> bool {
        let last = Moment::from_micros(self.last.load(Ordering::Relaxed));
        now.since(last) > LASTS / 2
    }

    /// Whether silent nodes may not be taken for dead yet.
    pub(crate) fn is_unfair(&self, now: Moment) -> bool {
        let since = Moment::from_micros(self.since.load(Ordering::Relaxed));
        self.is_silent(now) || now < since + LASTS
    }
}

fn cancel(shared: &Shared, request: RequestId) {
    let apps = shared.apps.upgrade();
    let holds = |conductor: &Arc<Conductor>| conductor.runs(request);
    let holding = apps.map_or_else(Vec::new, |apps| apps.all());
    for conductor in holding.iter().filter(|conductor| holds(conductor)) {
        conductor.drive(Input::CancelAsked { request });
    }
}

/// Follows the store's hints, and looks by itself where there are none.
pub(crate) fn start(shared: &Arc<Shared>, wakes: Box<dyn Wakes>) -> std::io::Result<()> {
    let (hints, heard) = mpsc::channel(GATHERED);
    thread::Builder::new().name("fal-wakes".to_owned()).spawn(move || listen(wakes, &hints))?;
    shared.runtime.spawn(follow(Arc::clone(shared), heard));
    Ok(())
}

fn listen(mut wakes: Box<dyn Wakes>, hints: &mpsc::Sender<Wake>) {
    while !hints.is_closed() {
        match wakes.next(LOOK) {
            Ok(found) => {
                for wake in found {
                    // One that does not fit is made up for by the next look.
                    let _dropped = hints.try_send(wake).is_err();
                }
            }
            Err(_) => thread::park_timeout(LOOK),
        }
    }
}

async fn follow(shared: Arc<Shared>, mut heard: mpsc::Receiver<Wake>) {
    let mut tick = tokio::time::interval(LOOK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut batch = Vec::new();
    loop {
        let everything = tokio::select! {
            count = heard.recv_many(&mut batch, GATHERED) => match count {
                0 => return,
                _ => false,
            },
            _ = tick.tick() => true,
        };
        let Some(apps) = shared.apps.upgrade() else { return };
        let (mut waiting, mut changed, mut missed) = (BTreeSet::new(), BTreeSet::new(), everything);
        for wake in batch.drain(..) {
            match wake {
                Wake::Waiting(app) => drop(waiting.insert(app)),
                Wake::Changed(request) => drop(changed.insert(request)),
                Wake::Missed => missed = true,
            }
        }
        apps.look(|app| missed || waiting.contains(app)).await;
        for request in changed {
            shared.changed(request);
            ask_cancelled(&shared, request).await;
        }
    }
}

/// Another node may have cancelled what runs here.
async fn ask_cancelled(shared: &Arc<Shared>, request: RequestId) {
    if !shared.lines.hold(request) {
        return;
    }
    let found = shared.readers.ask(move |reader| reader.find(request)).await;
    if let Some(Ok(Some(ticket))) = found
        && ticket.cancel_requested
    {
        cancel(shared, request);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_taken_for_dead_just_after_a_break() {
        let at = |seconds: u64| Moment::from_micros(seconds * 1_000_000);
        let heard = Heard::since(at(100));
        assert!(heard.is_unfair(at(101)) && heard.is_unfair(at(114)));
        for beat in [103, 106, 109, 112, 115] {
            heard.again(at(beat));
        }
        assert!(!heard.is_unfair(at(116)));
        assert!(heard.is_unfair(at(123)), "it was not heard for too long itself");
        heard.again(at(124));
        for beat in [127, 130, 133, 136] {
            assert!(heard.is_unfair(at(beat)));
            heard.again(at(beat));
        }
        assert!(heard.is_unfair(at(138)) && !heard.is_unfair(at(139)));
    }
}
