//! What is known of an object.

use std::{fmt, str::FromStr};

use fal_types::Moment;

use crate::{About, Error, ObjectId};

/// An object that is kept: whole, on disk, and the same for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    pub(crate) id: ObjectId,
    pub(crate) about: About,
    pub(crate) etag: String,
    pub(crate) length: u64,
    pub(crate) created: Moment,
    pub(crate) expires: Option<Moment>,
    /// In the order of their numbers.
    pub(crate) parts: Vec<Part>,
}

impl Object {
    /// Its id.
    #[must_use]
    pub const fn id(&self) -> ObjectId {
        self.id
    }

    /// What its uploader said of it.
    #[must_use]
    pub const fn about(&self) -> &About {
        &self.about
    }

    /// What tells its contents from others', in letters and digits of ASCII and `-`, without quotes.
    #[must_use]
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// Its length in bytes.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Since when it is kept.
    #[must_use]
    pub const fn created(&self) -> Moment {
        self.created
    }

    /// When it goes; none where it stays.
    #[must_use]
    pub const fn expires(&self) -> Option<Moment> {
        self.expires
    }
}

/// A part's number, from 1 to 10,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartNumber(u16);

impl PartNumber {
    /// The only part of an object that came whole.
    pub(crate) const ONE: Self = Self(1);
    const MOST: u16 = 10_000;

    /// The number itself.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl TryFrom<u64> for PartNumber {
    type Error = Error;

    fn try_from(number: u64) -> Result<Self, Error> {
        match u16::try_from(number) {
            Ok(number @ 1..=Self::MOST) => Ok(Self(number)),
            Ok(_) | Err(_) => Err(Error::PartNumber),
        }
    }
}

impl FromStr for PartNumber {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        text.parse::<u64>().map_err(|_| Error::PartNumber)?.try_into()
    }
}

impl fmt::Display for PartNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// One part of an object, or of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub(crate) number: PartNumber,
    pub(crate) etag: String,
    pub(crate) length: u64,
}

impl Part {
    /// Its number.
    #[must_use]
    pub const fn number(&self) -> PartNumber {
        self.number
    }

    /// What tells its contents from others', as [`Object::etag`] does.
    #[must_use]
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// Its length in bytes.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// What its file is called.
    pub(crate) fn file(&self) -> String {
        format!("{}-{}", self.number, self.etag)
    }
}
