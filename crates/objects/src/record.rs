//! How objects and uploads are written down: JSON, one file for each.

use std::time::Duration;

use fal_types::Moment;
use serde::{Deserialize, Serialize};

use crate::{About, Access, Object, ObjectId, Part, PartNumber};

/// The form that this version writes.
const FORMAT: u32 = 1;

/// An upload that was begun.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Begun {
    pub(crate) about: About,
    pub(crate) at: Moment,
}

pub(crate) fn write(object: &Object) -> Vec<u8> {
    let part = |part: &Part| PartForm {
        number: part.number.number(),
        length: part.length,
        etag: part.etag.clone(),
    };
    let form = ObjectForm {
        format: FORMAT,
        about: AboutForm::of(&object.about),
        created: object.created.micros(),
        expires: object.expires.map(Moment::micros),
        etag: object.etag.clone(),
        parts: object.parts.iter().map(part).collect(),
    };
    // Strings and numbers always serialize.
    serde_json::to_vec(&form).unwrap_or_default()
}

/// None where that is not what was written.
pub(crate) fn read(id: ObjectId, text: &[u8]) -> Option<Object> {
    let form: ObjectForm = serde_json::from_slice(text).ok().filter(known)?;
    let part = |form: PartForm| {
        let number = PartNumber::try_from(u64::from(form.number)).ok()?;
        Some(Part { number, etag: form.etag, length: form.length })
    };
    let parts: Vec<_> = form.parts.into_iter().map(part).collect::<Option<_>>()?;
    Some(Object {
        id,
        about: form.about.read()?,
        etag: form.etag,
        length: parts.iter().map(|part| part.length).sum(),
        created: Moment::from_micros(form.created),
        expires: form.expires.map(Moment::from_micros),
        parts,
    })
}

pub(crate) fn write_begun(begun: &Begun) -> Vec<u8> {
    let form =
        BegunForm { format: FORMAT, about: AboutForm::of(&begun.about), at: begun.at.micros() };
    serde_json::to_vec(&form).unwrap_or_default()
}

pub(crate) fn read_begun(text: &[u8]) -> Option<Begun> {
    let form: BegunForm = serde_json::from_slice(text).ok()?;
    let about = form.about.read().filter(|_| form.format == FORMAT)?;
    Some(Begun { about, at: Moment::from_micros(form.at) })
}

fn known(form: &ObjectForm) -> bool {
    form.format == FORMAT
}

#[derive(Serialize, Deserialize)]
struct ObjectForm {
    format: u32,
    #[serde(flatten)]
    about: AboutForm,
    created: u64,
    expires: Option<u64>,
    etag: String,
    parts: Vec<PartForm>,
}

#[derive(Serialize, Deserialize)]
struct BegunForm {
    format: u32,
    #[serde(flatten)]
    about: AboutForm,
    at: u64,
}

#[derive(Serialize, Deserialize)]
struct PartForm {
    number: u16,
    length: u64,
    etag: String,
}

#[derive(Serialize, Deserialize)]
struct AboutForm {
    name: String,
    content_type: String,
    access: AccessForm,
    lifetime_micros: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum AccessForm {
    Allow,
    Forbid,
    Hide,
}

impl AboutForm {
    fn of(about: &About) -> Self {
        let micros = |lifetime: Duration| u64::try_from(lifetime.as_micros()).unwrap_or(u64::MAX);
        let access = match about.access {
            Access::Allow => AccessForm::Allow,
            Access::Forbid => AccessForm::Forbid,
            Access::Hide => AccessForm::Hide,
        };
        Self {
            name: about.name().to_owned(),
            content_type: about.content_type().to_owned(),
            access,
            lifetime_micros: about.lifetime.map(micros),
        }
    }

    fn read(self) -> Option<About> {
        let mut about = About::new(&self.name, &self.content_type).ok()?;
        about.lifetime = self.lifetime_micros.map(Duration::from_micros);
        about.access = match self.access {
            AccessForm::Allow => Access::Allow,
            AccessForm::Forbid => Access::Forbid,
            AccessForm::Hide => Access::Hide,
        };
        Some(about)
    }
}
