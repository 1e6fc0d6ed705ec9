//! Keeping a body as an object.

use std::sync::Arc;

use fal_types::Moment;

use crate::{
    About, Error, Intake, Object, ObjectId, Part, PartNumber, Store,
    error::Result,
    intake::Whole,
    layout::{self, Committed, OBJECT},
    record,
    store::Inner,
};

impl Store {
    //= docs/contract.md#object-durable
    //# An upload MUST NOT be acknowledged before the object is whole and durable, under a name that it keeps.
    /// Keeps what has come as an object. Where the same contents are there already under this id, that object is
    /// returned, so a caller may try again.
    ///
    /// # Errors
    /// [`Error::Taken`] where there is another object of that id, [`Error::Full`], or the disk fails.
    pub async fn keep(
        &self,
        intake: Intake,
        (id, about): (ObjectId, About),
        now: Moment,
    ) -> Result<Object> {
        let whole = intake.finish().await?;
        let inner = Arc::clone(&self.inner);
        self.inner.writers.run(move || inner.keep(whole, (id, about), now)).await
    }
}

impl Inner {
    fn keep(&self, whole: Whole, (id, about): (ObjectId, About), now: Moment) -> Result<Object> {
        let Whole { folder, claim, length, etag } = whole;
        let part = Part { number: PartNumber::ONE, etag: etag.clone(), length };
        let object = self.object(id, (about, now), (etag, vec![part.clone()]));
        layout::rename(&folder.data(), &folder.path().join(part.file()))?;
        layout::write(&folder.path().join(OBJECT), &record::write(&object))?;
        layout::flush(folder.path())?;
        match self.layout.commit(folder.path(), id)? {
            Committed::Now => {
                self.index.lock().insert(&object);
                claim.keep();
                self.layout.flush_kept()?;
                Ok(object)
            }
            Committed::Before => self.same(id, &object.parts),
        }
    }

    /// An object to be, whose time begins now.
    pub(crate) fn object(
        &self,
        id: ObjectId,
        (about, now): (About, Moment),
        (etag, parts): (String, Vec<Part>),
    ) -> Object {
        let lifetime = about.lifetime.or(self.options.lifetime);
        let length = parts.iter().map(|part| part.length).sum();
        let expires = lifetime.map(|lifetime| now + lifetime);
        Object { id, about, etag, length, created: now, expires, parts }
    }

    //= docs/contract.md#object-once
    //# An upload that is sent again with the same bytes MUST be answered as the first one was, and one with other bytes MUST get 409 and change nothing.
    /// The object that is there, where it is made of these parts.
    pub(crate) fn same(&self, id: ObjectId, parts: &[Part]) -> Result<Object> {
        let found = self.layout.find(id)?.ok_or(Error::Taken)?;
        if found.parts != parts {
            return Err(Error::Taken);
        }
        // Whoever made it may not have come to this.
        self.layout.flush_kept()?;
        Ok(found)
    }
}
