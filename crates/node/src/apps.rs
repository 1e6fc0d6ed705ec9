//! The apps of a node: those that are served, and those that are on their way out.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use fal_engine::Who;
use fal_types::AppId;
use parking_lot::RwLock;

use crate::{
    AppOptions,
    conductor::{self, Conductor},
    handle::Shared,
};

/// Apps by name. Whoever holds one of them keeps it, also when it is not served any more.
#[derive(Debug)]
pub(crate) struct Apps {
    serving: RwLock<BTreeMap<AppId, Arc<Conductor>>>,
    /// They take no work, and have runners still.
    leaving: RwLock<Vec<Arc<Conductor>>>,
    /// Each app counts its own runners, so each gets a start number of its own.
    next_boot: AtomicU32,
}

impl Apps {
    pub(crate) const fn new(boot: u32) -> Self {
        Self {
            serving: RwLock::new(BTreeMap::new()),
            leaving: RwLock::new(Vec::new()),
            next_boot: AtomicU32::new(boot),
        }
    }

    /// Serves an app. Its engine has been told nothing yet.
    pub(crate) fn add(&self, options: AppOptions, shared: &Arc<Shared>) -> Arc<Conductor> {
        let boot = self.next_boot.fetch_add(1, Ordering::Relaxed);
        let who = Who { boot, node: shared.node.0 };
        let conductor = Arc::new(Conductor::new(options, who, Arc::clone(shared)));
        shared.runtime.spawn(conductor::keep_time(Arc::clone(&conductor)));
        self.serving.write().insert(conductor.id.clone(), Arc::clone(&conductor));
        conductor
    }

    /// From now on nobody finds it.
    pub(crate) fn remove(&self, id: &AppId) -> Option<Arc<Conductor>> {
        let conductor = self.serving.write().remove(id)?;
        self.leaving.write().push(Arc::clone(&conductor));
        Some(conductor)
    }

    /// It has left.
    pub(crate) fn forget(&self, gone: &Arc<Conductor>) {
        self.leaving.write().retain(|leaving| !Arc::ptr_eq(leaving, gone));
    }

    pub(crate) fn get(&self, id: &AppId) -> Option<Arc<Conductor>> {
        self.serving.read().get(id).map(Arc::clone)
    }

    /// All of one name: the one that is served, and those of earlier that leave.
    pub(crate) fn named(&self, id: &AppId) -> Vec<Arc<Conductor>> {
        let mut named = self.all();
        named.retain(|conductor| conductor.id == *id);
        named
    }

    /// Those that are served, by name.
    pub(crate) fn serving(&self) -> Vec<Arc<Conductor>> {
        self.serving.read().values().map(Arc::clone).collect()
    }

    /// Has those that are served and wanted look at what waits for them. One whose look fails looks again when it is
    /// told of something.
    pub(crate) async fn look(&self, is_wanted: impl Fn(&AppId) -> bool) {
        for conductor in self.serving().iter().filter(|conductor| is_wanted(&conductor.id)) {
            let _later = conductor.look().await.is_err();
        }
    }

    /// Those that are served, and those that leave.
    pub(crate) fn all(&self) -> Vec<Arc<Conductor>> {
        let mut all = self.serving();
        all.extend(self.leaving.read().iter().map(Arc::clone));
        all
    }
}
