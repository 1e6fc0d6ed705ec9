//! How much room there is, and who has claimed what of it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::{Error, error::Result};

/// What each object and each upload counts for besides its bytes: about what its folder and files take of a disk.
pub(crate) const EACH: u64 = 16 * 1024;

/// The room of a store.
#[derive(Debug)]
pub(crate) struct Space {
    used: AtomicU64,
    most: u64,
}

impl Space {
    pub(crate) fn new(used: u64, most: u64) -> Arc<Self> {
        Arc::new(Self { used: AtomicU64::new(used), most })
    }

    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Claims room for what is about to be written.
    pub(crate) fn claim(self: &Arc<Self>, bytes: u64) -> Result<Claim> {
        let mut claim = Claim { space: Arc::clone(self), bytes: 0 };
        claim.grow(bytes)?;
        Ok(claim)
    }

    /// Whether there is room for so many bytes now.
    pub(crate) fn check(&self, bytes: u64) -> Result<()> {
        let fits = self.used().checked_add(bytes).is_some_and(|used| used <= self.most);
        if fits { Ok(()) } else { Err(Error::Full { most: self.most }) }
    }

    /// Gives back what was kept and is gone.
    pub(crate) fn release(&self, bytes: u64) {
        let less = |used: u64| Some(used.saturating_sub(bytes));
        // It always changes something, so there is no failure to look at.
        let _before = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

/// Room for what is being written. Dropped, it is given back.
#[derive(Debug)]
pub(crate) struct Claim {
    space: Arc<Space>,
    bytes: u64,
}

impl Claim {
    pub(crate) fn grow(&mut self, bytes: u64) -> Result<()> {
        let most = self.space.most;
        let more = |used: u64| used.checked_add(bytes).filter(|used| *used <= most);
        let grown = self.space.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        grown.map_err(|_| Error::Full { most })?;
        self.bytes += bytes;
        Ok(())
    }

    /// Gives a part of it back.
    pub(crate) fn shrink(&mut self, bytes: u64) {
        let bytes = bytes.min(self.bytes);
        self.space.release(bytes);
        self.bytes -= bytes;
    }

    /// What was written stays.
    pub(crate) fn keep(mut self) {
        self.bytes = 0;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.space.release(self.bytes);
    }
}
