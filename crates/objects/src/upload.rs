//! Objects that come in parts.

use std::{collections::BTreeMap, fs::File, path::Path, sync::Arc};

use fal_types::Moment;
use parking_lot::Mutex;
use ring::digest::{Context, SHA256};

use crate::{
    About, Error, Intake, Object, ObjectId, Part, PartNumber, Store,
    error::{Result, at},
    intake::{Whole, hex},
    layout::{self, BEGUN, Committed, OBJECT},
    record::{self, Begun},
    space::EACH,
    store::Inner,
};

/// An upload that is not finished.
#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) begun: Begun,
    /// Locked on the store's threads only, as its holder touches files.
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    parts: BTreeMap<PartNumber, Part>,
    /// Completed or given up, while somebody still held it. Nothing of it may be touched then.
    is_over: bool,
}

/// A part as the list of an upload's completion names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its number.
    pub number: PartNumber,
    /// Its etag, without quotes.
    pub etag: String,
}

impl Store {
    //= docs/contract.md#object-parts
    //# An upload in parts MUST survive a restart, with the parts that were acknowledged.
    /// Begins an upload in parts. Its object will have this id.
    ///
    /// # Errors
    /// [`Error::Full`], or the disk fails.
    pub async fn begin(&self, id: ObjectId, about: About, now: Moment) -> Result<()> {
        let inner = Arc::clone(&self.inner);
        let name = self.new_id()?;
        self.inner.writers.run(move || inner.begin((id, name), Begun { about, at: now })).await
    }

    /// What an unfinished upload is for; none where there is no such upload.
    #[must_use]
    pub fn upload(&self, id: ObjectId) -> Option<About> {
        let upload = self.inner.index.lock().upload(id)?;
        Some(upload.begun.about.clone())
    }

    /// Keeps what has come as a part of an upload. A part of the same number that is there already is replaced.
    ///
    /// # Errors
    /// [`Error::NoUpload`], [`Error::TooLarge`] where the parts together are larger than an object may be, or the
    /// disk fails.
    pub async fn keep_part(
        &self,
        intake: Intake,
        id: ObjectId,
        number: PartNumber,
    ) -> Result<Part> {
        let whole = intake.finish().await?;
        let inner = Arc::clone(&self.inner);
        self.inner.writers.run(move || inner.keep_part(whole, id, number)).await
    }

    /// Makes an object of the parts that are listed, in the order of their numbers, and drops all others. A
    /// completion that is repeated returns the same object.
    ///
    /// # Errors
    /// [`Error::NoUpload`], [`Error::NoParts`], [`Error::NoPart`], [`Error::TooLarge`], [`Error::Taken`] where the
    /// upload was completed with other parts, or the disk fails.
    pub async fn complete(&self, id: ObjectId, listed: Vec<Listed>, now: Moment) -> Result<Object> {
        let inner = Arc::clone(&self.inner);
        self.inner.writers.run(move || inner.complete(id, &listed, now)).await
    }

    /// Gives an upload up: all its parts go. Returns whether there was one.
    ///
    /// # Errors
    /// The disk fails.
    pub async fn abort(&self, id: ObjectId) -> Result<bool> {
        let inner = Arc::clone(&self.inner);
        let name = self.new_id()?;
        self.inner.writers.run(move || inner.abort(id, name)).await
    }
}

impl Inner {
    fn begin(&self, (id, name): (ObjectId, ObjectId), begun: Begun) -> Result<()> {
        let claim = self.space.claim(EACH)?;
        let folder = self.layout.temp(name)?;
        layout::write(&folder.path().join(BEGUN), &record::write_begun(&begun))?;
        layout::flush(folder.path())?;
        layout::rename(folder.path(), &self.layout.open(id))?;
        claim.keep();
        self.index.lock().begin(id, Upload::new(begun, BTreeMap::new()));
        layout::flush(self.layout.all_open())
    }

    fn keep_part(&self, whole: Whole, id: ObjectId, number: PartNumber) -> Result<Part> {
        let Whole { folder, mut claim, length, etag } = whole;
        let part = Part { number, etag, length };
        let open = self.layout.open(id);
        let upload = self.index.lock().upload(id).ok_or(Error::NoUpload)?;
        let mut state = upload.state.lock();
        if state.is_over {
            return Err(Error::NoUpload);
        }
        let others = state.parts.values().filter(|other| other.number != number);
        self.check_length(others.map(|other| other.length).sum::<u64>().saturating_add(length))?;
        layout::rename(&folder.data(), &open.join(part.file()))?;
        if let Some(old) = state.parts.insert(number, part.clone()) {
            if old.etag != part.etag {
                layout::remove_file(&open.join(old.file()))?;
            }
            self.space.release(old.length);
        }
        claim.shrink(EACH);
        claim.keep();
        let names = File::open(&open).map_err(at("flush", &open))?;
        // Parts come side by side, and need not wait for each other's flushes.
        drop(state);
        names.sync_all().map_err(at("flush", &open))?;
        Ok(part)
    }

    fn complete(&self, id: ObjectId, listed: &[Listed], now: Moment) -> Result<Object> {
        let upload = self.index.lock().upload(id);
        if let Some(upload) = upload {
            // Whoever completes it at the same time waits here, and then finds it completed.
            let mut state = upload.state.lock();
            if !state.is_over {
                let chosen = state.choose(listed)?;
                self.check_length(chosen.iter().map(|part| part.length).sum())?;
                self.drop_unlisted(&mut state, &chosen, &self.layout.open(id))?;
                let about = upload.begun.about.clone();
                return self
                    .seal(&mut state, self.object(id, (about, now), (etag(&chosen), chosen)));
            }
        }
        let found = self.layout.find(id)?.ok_or(Error::NoUpload)?;
        let named = |part: &Part| Listed { number: part.number, etag: part.etag.clone() };
        let is_same = found.parts.iter().map(named).eq(sorted(listed));
        if is_same { self.same(id, &found.parts) } else { Err(Error::Taken) }
    }

    /// Makes the object of an upload that has just its parts.
    fn seal(&self, state: &mut State, object: Object) -> Result<Object> {
        let open = self.layout.open(object.id);
        layout::write(&open.join(OBJECT), &record::write(&object))?;
        layout::flush(&open)?;
        match self.layout.commit(&open, object.id)? {
            Committed::Now => {
                state.is_over = true;
                let mut index = self.index.lock();
                index.end(object.id);
                index.insert(&object);
                drop(index);
                self.layout.flush_kept()?;
                Ok(object)
            }
            Committed::Before => Err(Error::Taken),
        }
    }

    fn drop_unlisted(&self, state: &mut State, chosen: &[Part], open: &Path) -> Result<()> {
        let is_listed = |number| chosen.binary_search_by_key(&number, |part| part.number).is_ok();
        let others: Vec<_> =
            state.parts.values().filter(|part| !is_listed(part.number)).cloned().collect();
        for part in others {
            layout::remove_file(&open.join(part.file()))?;
            state.parts.remove(&part.number);
            self.space.release(part.length);
        }
        Ok(())
    }

    pub(crate) fn abort(&self, id: ObjectId, name: ObjectId) -> Result<bool> {
        let Some(upload) = self.index.lock().upload(id) else { return Ok(false) };
        let mut state = upload.state.lock();
        if state.is_over {
            return Ok(false);
        }
        self.layout.remove(&self.layout.open(id), name)?;
        state.is_over = true;
        self.index.lock().end(id);
        self.space.release(state.bytes());
        Ok(true)
    }
}

impl Upload {
    pub(crate) const fn new(begun: Begun, parts: BTreeMap<PartNumber, Part>) -> Self {
        Self { begun, state: Mutex::new(State { parts, is_over: false }) }
    }

    /// What it counts for.
    pub(crate) fn bytes(&self) -> u64 {
        self.state.lock().bytes()
    }
}

impl State {
    fn bytes(&self) -> u64 {
        self.parts.values().map(|part| part.length).sum::<u64>() + EACH
    }

    //= docs/contract.md#object-parts
    //# A completion MUST put together the parts that it lists, by their numbers, whatever their order in the list, and MUST be refused with 400 where one of them is not there with that etag.
    fn choose(&self, listed: &[Listed]) -> Result<Vec<Part>> {
        let find = |listed: Listed| {
            let found = self.parts.get(&listed.number).filter(|part| part.etag == listed.etag);
            found.cloned().ok_or(Error::NoPart(listed.number))
        };
        let chosen: Vec<_> = sorted(listed).map(find).collect::<Result<_>>()?;
        if chosen.is_empty() { Err(Error::NoParts) } else { Ok(chosen) }
    }
}

/// A list in the order of its numbers. What is listed twice counts once; with two etags it cannot be right, and one
/// of the two will not be found.
fn sorted(listed: &[Listed]) -> impl Iterator<Item = Listed> {
    let mut listed = listed.to_vec();
    listed.sort_by(|one, other| (one.number, &one.etag).cmp(&(other.number, &other.etag)));
    listed.dedup();
    listed.into_iter()
}

/// What tells an object of several parts from others: a digest of theirs.
fn etag(parts: &[Part]) -> String {
    let mut digest = Context::new(&SHA256);
    for part in parts {
        digest.update(part.etag.as_bytes());
    }
    format!("{}-{}", hex(&digest.finish()), parts.len())
}
