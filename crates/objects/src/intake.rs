//! Bytes that come in, piece by piece.

use std::{fs::File, io::Write as _, sync::Arc};

use bytes::Bytes;
use ring::digest::{Context, Digest, SHA256};

use crate::{
    Error, Store,
    error::{Result, at},
    layout::{self, Temp},
    space::{Claim, EACH},
    store::Inner,
};

/// How many bytes are gathered before they are written.
const GATHERED: usize = 1024 * 1024;

/// How many bytes are written before they are flushed, so that no flush takes long.
const UNFLUSHED: usize = 32 * 1024 * 1024;

/// A body on its way in. Dropped before it is kept, it leaves nothing.
#[derive(Debug)]
pub struct Intake {
    store: Store,
    /// None while a job has it, and for ever where that job failed.
    sink: Option<Sink>,
    claim: Option<Claim>,
    gathered: Vec<Bytes>,
    waiting: usize,
    length: u64,
}

/// Where the bytes go. It is used on the store's threads only.
#[derive(Debug)]
struct Sink {
    folder: Temp,
    file: File,
    digest: Contents,
    unflushed: usize,
}

/// What has been written so far, as a digest.
struct Contents(Context);

/// A body that has come whole, is on disk, and is not yet anything.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) folder: Temp,
    pub(crate) claim: Claim,
    pub(crate) length: u64,
    pub(crate) etag: String,
}

impl Store {
    //= docs/contract.md#object-limits
    //# A body that is longer than `objects.max_object` MUST be refused with 413, and one for which `objects.max_total` leaves no room with 507.
    /// Begins to take a body in. `expected` is its length where that is known: then a body for which there is no
    /// room is refused before it comes.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::Full`], or the disk fails.
    pub async fn intake(&self, expected: Option<u64>) -> Result<Intake> {
        let inner = Arc::clone(&self.inner);
        let expected = expected.unwrap_or(0);
        inner.check_length(expected)?;
        inner.space.check(expected.saturating_add(EACH))?;
        let claim = Some(inner.space.claim(EACH)?);
        let name = self.new_id()?;
        let sink = self.inner.writers.run(move || Sink::create(inner.layout.temp(name)?)).await?;
        let (store, gathered) = (self.clone(), Vec::new());
        Ok(Intake { store, sink: Some(sink), claim, gathered, waiting: 0, length: 0 })
    }
}

impl Intake {
    /// Takes a piece. Returns when there is memory for the next one.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::Full`], or the disk fails. The intake is then of no more use.
    pub async fn push(&mut self, piece: Bytes) -> Result<()> {
        let more = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.store.inner.check_length(self.length.saturating_add(more))?;
        self.claim.as_mut().ok_or(Error::Stopped)?.grow(more)?;
        self.length += more;
        self.waiting += piece.len();
        self.gathered.push(piece);
        if self.waiting >= GATHERED {
            self.write().await?;
        }
        Ok(())
    }

    /// How many bytes have come.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Everything has come.
    pub(crate) async fn finish(mut self) -> Result<Whole> {
        if self.waiting > 0 {
            self.write().await?;
        }
        let (Some(sink), Some(claim)) = (self.sink.take(), self.claim.take()) else {
            return Err(Error::Stopped);
        };
        let length = self.length;
        self.store
            .inner
            .writers
            .run(move || {
                let Sink { folder, file, digest, .. } = sink;
                file.sync_all().map_err(at("flush", &folder.data()))?;
                let etag = hex(&digest.0.finish());
                Ok(Whole { folder, claim, length, etag })
            })
            .await
    }

    async fn write(&mut self) -> Result<()> {
        let mut sink = self.sink.take().ok_or(Error::Stopped)?;
        let pieces = std::mem::take(&mut self.gathered);
        self.waiting = 0;
        let write = move || {
            for piece in pieces {
                sink.write(&piece)?;
            }
            Ok(sink)
        };
        self.sink = Some(self.store.inner.writers.run(write).await?);
        Ok(())
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        // The room is free when the files are gone.
        let left = (self.sink.take(), self.claim.take());
        if left.0.is_some() {
            self.store.inner.writers.later(move || drop(left));
        }
    }
}

impl Sink {
    fn create(folder: Temp) -> Result<Self> {
        let file = layout::make(&folder.data())?;
        Ok(Self { folder, file, digest: Contents(Context::new(&SHA256)), unflushed: 0 })
    }

    fn write(&mut self, piece: &[u8]) -> Result<()> {
        self.digest.0.update(piece);
        self.unflushed += piece.len();
        let mut written = self.file.write_all(piece);
        if written.is_ok() && self.unflushed >= UNFLUSHED {
            self.unflushed = 0;
            written = self.file.sync_data();
        }
        written.map_err(at("write", &self.folder.data()))
    }
}

impl Inner {
    /// Whether an object may have so many bytes.
    pub(crate) const fn check_length(&self, length: u64) -> Result<()> {
        let most = self.options.max_object;
        if length > most { Err(Error::TooLarge { most }) } else { Ok(()) }
    }
}

/// A digest as an etag says it.
pub(crate) fn hex(digest: &Digest) -> String {
    let mut text = String::with_capacity(64);
    for byte in digest.as_ref() {
        for nibble in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(nibble), 16));
        }
    }
    text
}

impl std::fmt::Debug for Contents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contents").finish_non_exhaustive()
    }
}
