//! What a store knows without looking at its disk.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use fal_types::Moment;

use crate::{Object, ObjectId, space::EACH, upload::Upload};

/// Which objects and uploads there are. It agrees with the disk but for what is being changed just now.
#[derive(Debug, Default)]
pub(crate) struct Index {
    objects: BTreeMap<ObjectId, Entry>,
    expiring: BTreeSet<(Moment, ObjectId)>,
    uploads: BTreeMap<ObjectId, Arc<Upload>>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// What it counts for.
    bytes: u64,
    expires: Option<Moment>,
}

impl Index {
    pub(crate) fn insert(&mut self, object: &Object) {
        let entry = Entry { bytes: object.length + EACH, expires: object.expires };
        self.objects.insert(object.id, entry);
        self.expiring.extend(object.expires.map(|expires| (expires, object.id)));
    }

    /// Forgets an object, and returns what it counted for.
    pub(crate) fn remove(&mut self, id: ObjectId) -> u64 {
        let Some(Entry { bytes, expires }) = self.objects.remove(&id) else { return 0 };
        if let Some(expires) = expires {
            self.expiring.remove(&(expires, id));
        }
        bytes
    }

    /// Whether there is such an object, and its time has not come.
    pub(crate) fn has(&self, id: ObjectId, now: Moment) -> bool {
        let is_over = |entry: &Entry| entry.expires.is_some_and(|expires| expires <= now);
        self.objects.get(&id).is_some_and(|entry| !is_over(entry))
    }

    /// The objects whose time has come, the oldest first.
    pub(crate) fn expired(&self, now: Moment) -> Vec<ObjectId> {
        let is_over = |(expires, _): &&(Moment, ObjectId)| *expires <= now;
        self.expiring.iter().take_while(is_over).map(|(_, id)| *id).collect()
    }

    pub(crate) fn upload(&self, id: ObjectId) -> Option<Arc<Upload>> {
        self.uploads.get(&id).cloned()
    }

    pub(crate) fn begin(&mut self, id: ObjectId, upload: Upload) {
        self.uploads.insert(id, Arc::new(upload));
    }

    pub(crate) fn end(&mut self, id: ObjectId) {
        self.uploads.remove(&id);
    }

    /// The uploads that were begun at this moment or before.
    pub(crate) fn begun_by(&self, moment: Moment) -> Vec<ObjectId> {
        let is_old = |(_, upload): &(&ObjectId, &Arc<Upload>)| upload.begun.at <= moment;
        self.uploads.iter().filter(is_old).map(|(id, _)| *id).collect()
    }

    /// What all of it counts for.
    pub(crate) fn bytes(&self) -> u64 {
        let objects: u64 = self.objects.values().map(|entry| entry.bytes).sum();
        let uploads: u64 = self.uploads.values().map(|upload| upload.bytes()).sum();
        objects + uploads
    }
}
