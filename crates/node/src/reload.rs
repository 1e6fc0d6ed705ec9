//! Another configuration, while everything runs.

use std::{collections::BTreeMap, sync::Arc};

use fal_engine::{Input, Reconfigured};
use fal_types::AppId;

use crate::{
    AppOptions, Handle,
    conductor::{Conductor, Roll},
    journal::Chain,
    recovery,
};

impl Handle {
    /// Serves these apps and no others from now on. Runners that have to be replaced for it are, one app at a time;
    /// returns when the last app's turn is over, with the apps whose new revision does not start.
    ///
    /// Dropping the future leaves the apps whose turn has not come as they were. Another call finds out what is left
    /// to do.
    pub async fn reload(&self, wanted: Vec<AppOptions>) -> Vec<AppId> {
        if self.is_stopping() {
            return Vec::new();
        }
        let wanted: BTreeMap<AppId, AppOptions> =
            wanted.into_iter().map(|app| (app.id.clone(), app)).collect();
        for conductor in self.apps.serving() {
            if !wanted.contains_key(&conductor.id) {
                self.remove(&conductor.id);
            }
        }
        let mut turns = Vec::new();
        for (id, options) in wanted {
            match self.apps.get(&id) {
                None => self.add(options),
                Some(conductor) if conductor.needs_roll(&options) => {
                    turns.push((conductor, options))
                }
                Some(conductor) if conductor.current().options == options => {}
                Some(conductor) => {
                    tracing::info!(app = %id, "its settings have changed; no runner is replaced for it");
                    conductor.reconfigure(options);
                }
            }
        }
        self.roll(turns).await;
        let serving = self.apps.serving();
        let held_up = serving.iter().filter(|app| *app.roll.borrow() == Roll::HeldUp);
        held_up.map(|app| app.id.clone()).collect()
    }

    //= docs/contract.md#reload
    //# Apps MUST be rolled over one at a time: the next one's turn comes when no old runner of the one before is in service, or its new revision has failed to start.
    async fn roll(&self, mut turns: Vec<(Arc<Conductor>, AppOptions)>) {
        // An earlier reload may have left one in the middle of its turn, which then is the first to have another.
        turns.sort_by_key(|(conductor, _)| *conductor.roll.borrow() != Roll::UnderWay);
        for (conductor, options) in turns {
            for other in self.apps.serving().iter().filter(|other| other.id != conductor.id) {
                other.has_rolled().await;
            }
            tracing::info!(app = %conductor.id, "its runners are replaced by others of a new revision");
            conductor.reconfigure(options);
            conductor.has_rolled().await;
        }
    }

    //= docs/contract.md#reload
    //# An app that is new MUST be served at once.
    fn add(&self, options: AppOptions) {
        tracing::info!(app = %options.id, "it is new, and served from now on");
        let conductor = self.apps.add(options, &self.shared);
        self.shared.runtime.spawn(async move {
            if let Err(error) = recovery::begin(&conductor).await {
                let (app, error) = (&conductor.id, Chain(&error));
                tracing::error!(%app, %error, "what waits in its queue is not known");
            }
        });
    }

    //= docs/contract.md#reload
    //# An app that is gone MUST get no new requests: its runners finish what they have, its queued requests stay in the store, and its URLs are answered with 404.
    fn remove(&self, id: &AppId) {
        let Some(conductor) = self.apps.remove(id) else { return };
        tracing::info!(app = %id, "it is not served any more; its runners finish what they have");
        conductor.drive(Input::Reconfigured(Reconfigured::Removed));
        conductor.roll.send_replace(Roll::Over);
        let apps = Arc::clone(&self.apps);
        self.shared.runtime.spawn(async move {
            conductor.has_drained().await;
            apps.forget(&conductor);
            tracing::info!(app = %conductor.id, "its last runner is gone");
        });
    }
}

impl Conductor {
    /// Whether runners have to be replaced for these options. A new revision that does not start is tried again.
    pub(crate) fn needs_roll(&self, options: &AppOptions) -> bool {
        *self.roll.borrow() == Roll::HeldUp || !self.current().options.starts_like(options)
    }

    /// Returns when no roll is under way.
    async fn has_rolled(&self) {
        // The sender lives as long as this does.
        let mut roll = self.roll.subscribe();
        let _always = roll.wait_for(|roll| *roll != Roll::UnderWay).await.is_ok();
    }

    /// Returns when the last runner is gone after a drain.
    pub(crate) async fn has_drained(&self) {
        let mut drained = self.drained.subscribe();
        let _always = drained.wait_for(|drained| *drained).await.is_ok();
    }
}
