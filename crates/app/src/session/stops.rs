//! What ends all sessions at once: a runner that stops, or one that is broken.

use std::time::Duration;

use tokio::{
    select,
    sync::watch,
    time::{self, Instant},
};

/// What of its grace period a runner leaves for what comes after its sessions.
const REST: Duration = Duration::from_secs(1);

/// fal's grace period, for an app that declares none.
const GRACE: u64 = 5;

/// Whether this runner's sessions go on.
#[derive(Debug)]
pub(crate) struct Stops {
    /// How long a session may go on with what it has begun.
    patience: Duration,
    /// When sessions are cut; nothing while they go on.
    cut: watch::Sender<Option<Instant>>,
    /// Why the runner is broken.
    broken: watch::Sender<Option<String>>,
}

impl Stops {
    /// For an app with this grace period, in seconds.
    pub(crate) fn new(grace: Option<u64>) -> Self {
        let grace = Duration::from_secs(grace.unwrap_or(GRACE));
        let patience = grace.saturating_sub(REST.min(grace / 2));
        Self { patience, cut: watch::Sender::new(None), broken: watch::Sender::new(None) }
    }

    //= docs/contract.md#app-session-life
    //# One that is not done a second before the grace period is over MUST be cut, with the same close.
    /// From now on no session takes more inputs, and when the grace is over each is cut.
    pub(crate) fn stop(&self) {
        self.cut_in(self.patience);
    }

    /// Ends every session at once, for the runner is broken.
    pub(crate) fn break_down(&self, reason: String) {
        self.broken.send_if_modified(|known| {
            let is_first = known.is_none();
            known.get_or_insert(reason);
            is_first
        });
        self.cut_in(Duration::ZERO);
    }

    fn cut_in(&self, patience: Duration) {
        let moment = Instant::now() + patience;
        self.cut.send_if_modified(|cut| {
            let is_sooner = cut.is_none_or(|earlier| moment < earlier);
            if is_sooner {
                *cut = Some(moment);
            }
            is_sooner
        });
    }

    /// Why the runner is broken, if it is.
    pub(crate) fn breakage(&self) -> Option<String> {
        self.broken.borrow().clone()
    }

    /// Returns when the runner is broken.
    pub(crate) async fn broken(&self) {
        let mut broken = self.broken.subscribe();
        // Its sender is here, so it is never closed.
        let _known = broken.wait_for(Option::is_some).await;
    }

    /// Returns when no session takes more inputs.
    pub(crate) async fn asked(&self) {
        let mut cut = self.cut.subscribe();
        let _known = cut.wait_for(Option::is_some).await;
    }

    /// Returns when sessions are cut.
    pub(crate) async fn over(&self) {
        let mut cut = self.cut.subscribe();
        loop {
            let moment = *cut.borrow_and_update();
            let over = async {
                match moment {
                    Some(moment) => time::sleep_until(moment).await,
                    None => std::future::pending().await,
                }
            };
            select! {
                () = over => return,
                _sooner = cut.changed() => {}
            }
        }
    }
}
