//! Removing what is over.

use std::{error::Error as _, sync::Arc};

use fal_types::Moment;

use crate::{ObjectId, Store, error::Result, store::Inner};

/// What a sweep has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Objects that are gone, as their time had come.
    pub objects: u64,
    /// Uploads that are gone, as they had taken too long.
    pub uploads: u64,
    /// What could not be removed, and will be tried again by the next sweep. The log says why.
    pub failed: u64,
}

impl Store {
    //= docs/contract.md#object-parts
    //# An upload that is not completed within a day MUST be given up.
    /// Removes objects whose time has come, and uploads that have taken too long. Others may use the store meanwhile.
    pub async fn sweep(&self, now: Moment) -> Swept {
        let mut swept = Swept::default();
        let expired = self.inner.index.lock().expired(now);
        // Each on its own, so that others' jobs come in between, and one that cannot be removed is in nobody's way.
        for id in expired {
            count(self.expire(id).await, &mut swept.objects, &mut swept.failed);
        }
        let overdue = self.inner.overdue(now);
        for id in overdue {
            count(self.abort(id).await, &mut swept.uploads, &mut swept.failed);
        }
        swept
    }

    async fn expire(&self, id: ObjectId) -> Result<bool> {
        let (inner, name) = (Arc::clone(&self.inner), self.new_id()?);
        self.inner.writers.run(move || inner.expire(id, name)).await
    }
}

fn count(removed: Result<bool>, gone: &mut u64, failed: &mut u64) {
    match removed {
        Ok(removed) => *gone += u64::from(removed),
        Err(error) => {
            let cause = error.source();
            tracing::warn!(%error, cause, "what is over could not be removed");
            *failed += 1;
        }
    }
}

impl Inner {
    fn expire(&self, id: ObjectId, name: ObjectId) -> Result<bool> {
        match self.layout.remove(&self.layout.kept(id), name) {
            Ok(()) => {}
            // Somebody has removed it by hand.
            Err(error) if error.is_absent() => {}
            Err(error) => return Err(error),
        }
        let bytes = self.index.lock().remove(id);
        self.space.release(bytes);
        Ok(true)
    }

    fn overdue(&self, now: Moment) -> Vec<ObjectId> {
        let lasts = self.options.unfinished;
        let age = now.since(Moment::default()).checked_sub(lasts);
        age.map_or_else(Vec::new, |age| self.index.lock().begun_by(Moment::default() + age))
    }
}
