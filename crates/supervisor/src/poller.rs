//! One thread waits on many file descriptors: an epoll set with a stop switch.
//!
//! Entries own their descriptor and are found again by key, so any thread may add one while the waiting
//! thread sleeps.

use std::{
    collections::BTreeMap,
    io,
    mem::MaybeUninit,
    os::fd::{AsFd, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;
use rustix::{
    event::{EventfdFlags, epoll, eventfd},
    io::Errno,
};

/// The key of the stop switch; entries count from one.
const STOP: u64 = 0;

/// How many ready entries one wait hands out at most.
const BATCH: usize = 64;

pub(crate) struct Poller<T> {
    epoll: OwnedFd,
    switch: OwnedFd,
    stopped: AtomicBool,
    next: AtomicU64,
    entries: Mutex<BTreeMap<u64, Arc<T>>>,
}

impl<T: AsFd> Poller<T> {
    pub(crate) fn new() -> io::Result<Self> {
        let poller = Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            switch: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
            stopped: AtomicBool::new(false),
            next: AtomicU64::new(STOP + 1),
            entries: Mutex::new(BTreeMap::new()),
        };
        let key = epoll::EventData::new_u64(STOP);
        epoll::add(&poller.epoll, &poller.switch, key, epoll::EventFlags::IN)?;
        Ok(poller)
    }

    /// Watches an entry from now on. It is in the map before the kernel can report it.
    pub(crate) fn add(&self, entry: Arc<T>) -> io::Result<()> {
        let key = self.next.fetch_add(1, Ordering::Relaxed);
        let mut entries = self.entries.lock();
        let data = epoll::EventData::new_u64(key);
        epoll::add(&self.epoll, entry.as_fd(), data, epoll::EventFlags::IN)?;
        entries.insert(key, entry);
        Ok(())
    }

    /// Forgets an entry. The map gives up its reference last, so the descriptor is still open here.
    pub(crate) fn remove(&self, key: u64) {
        let entry = self.entries.lock().remove(&key);
        if let Some(entry) = entry
            && let Err(error) = epoll::delete(&self.epoll, entry.as_fd())
        {
            tracing::debug!(%error, "a descriptor was not in the set any more");
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.lock().is_empty()
    }

    /// Makes every later [`Poller::is_stopped`] true and wakes the waiting thread.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        if let Err(error) = rustix::io::write(&self.switch, &1_u64.to_ne_bytes()) {
            tracing::debug!(%error, "the stop switch was thrown before");
        }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Sleeps until something is ready, and hands out what is.
    pub(crate) fn wait(&self) -> io::Result<Vec<(u64, Arc<T>)>> {
        let mut buffer = [MaybeUninit::<epoll::Event>::uninit(); BATCH];
        let (events, _) = match epoll::wait(&self.epoll, &mut buffer, None) {
            Ok(ready) => ready,
            Err(Errno::INTR) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let keys: Vec<u64> = events.iter().map(|event| event.data.u64()).collect();
        if keys.contains(&STOP) {
            self.lower_switch();
        }
        let entries = self.entries.lock();
        Ok(keys.iter().filter_map(|key| Some((*key, Arc::clone(entries.get(key)?)))).collect())
    }

    fn lower_switch(&self) {
        let mut count = [0; 8];
        if let Err(error) = rustix::io::read(&self.switch, &mut count) {
            tracing::debug!(%error, "the stop switch was lowered before");
        }
    }
}
