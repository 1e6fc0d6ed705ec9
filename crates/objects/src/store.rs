//! The store and how it is set.

use std::{path::PathBuf, sync::Arc, time::Duration};

use fal_types::Moment;
use parking_lot::Mutex;
use ring::rand::SystemRandom;

use crate::{
    Object, ObjectId, error::Result, index::Index, layout::Layout, pool::Pool, space::Space,
};

/// Where and how objects are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The folder, made where there is none; the one that it lies in must exist. One process at a time may have
    /// it, which is for its caller to see to.
    pub folder: PathBuf,
    /// The largest length of an object, in bytes.
    pub max_object: u64,
    /// What all objects and unfinished uploads may have together, in bytes; each counts for 16 KiB besides.
    pub max_total: u64,
    /// How long an object is kept whose uploader says nothing about it; none keeps it.
    pub lifetime: Option<Duration>,
    /// How long an upload in parts may take from its beginning to its completion.
    pub unfinished: Duration,
}

impl Options {
    /// A store in this folder with room for 64 GiB, 8 GiB an object, which keeps what it has, and gives uploads in
    /// parts a day.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        const GIB: u64 = 1024 * 1024 * 1024;
        Self {
            folder: folder.into(),
            max_object: 8 * GIB,
            max_total: 64 * GIB,
            lifetime: None,
            unfinished: Duration::from_secs(86_400),
        }
    }
}

/// Objects in a folder. Cheap to clone; all clones are the same store.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

/// Behind one pointer, which jobs on other threads take along.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) options: Options,
    pub(crate) layout: Layout,
    pub(crate) index: Mutex<Index>,
    pub(crate) space: Arc<Space>,
    pub(crate) random: SystemRandom,
    /// For what ends with a flush, so that readers need not wait for one.
    pub(crate) writers: Pool,
    pub(crate) readers: Pool,
}

impl Store {
    /// The name for an object to come.
    ///
    /// # Errors
    /// [`Error::NoRandomness`](crate::Error::NoRandomness).
    pub fn new_id(&self) -> Result<ObjectId> {
        ObjectId::random(&self.inner.random)
    }

    /// How the store was set when it was opened.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.inner.options
    }

    /// What all objects, uploads, and what is being written, have together, in bytes, with the 16 KiB for each.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.inner.space.used()
    }

    //= docs/contract.md#object-expiry
    //# An object whose time has come MUST NOT be served any more, and its room MUST be given back within a minute.
    /// The object of this id; none where there is none, or its time has come.
    ///
    /// # Errors
    /// Its file cannot be read, or is damaged.
    pub async fn find(&self, id: ObjectId, now: Moment) -> Result<Option<Object>> {
        let inner = Arc::clone(&self.inner);
        // Asked first, so that made-up ids cost no look at the disk.
        if !inner.index.lock().has(id, now) {
            return Ok(None);
        }
        self.inner.readers.run(move || inner.layout.find(id)).await
    }
}
