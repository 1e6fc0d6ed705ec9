//! What a store can fail with.

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use crate::PartNumber;

/// Why a store could not do what it was asked for. What was asked for has then not happened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A content type that no header can carry.
    #[error("a content type has 1 to 255 printable characters of ASCII")]
    ContentType,
    /// A text that is no object's id.
    #[error("an object's id has 32 hexadecimal digits in lower case")]
    NoId,
    /// A part's number that is not in range.
    #[error("a part's number is from 1 to 10000")]
    PartNumber,
    /// An object, or the parts of one together, are larger than an object may be.
    #[error("an object has at most {most} bytes")]
    TooLarge {
        /// The largest length of an object, in bytes.
        most: u64,
    },
    /// The objects of a store are together as large as they may be.
    #[error("the objects together have at most {most} bytes, and there is no room for more")]
    Full {
        /// What they may have together, in bytes.
        most: u64,
    },
    /// There is an object of that id, and it is another one.
    #[error("there is an object of that id already, with other contents")]
    Taken,
    /// The object has gone while it was read.
    #[error("the object is not there any more")]
    Gone,
    /// There is no unfinished upload of that id.
    #[error("there is no such upload: it was never begun, was given up, or took too long")]
    NoUpload,
    /// A list of parts that names none.
    #[error("a list of parts names one at least")]
    NoParts,
    /// A list of parts names one that is not there, or not with these contents.
    #[error("part {0} is not there with that etag")]
    NoPart(PartNumber),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoRandomness,
    /// The disk has no room.
    #[error("the disk is full: cannot {what} {}", path.display())]
    DiskFull {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system could not do something else with a file.
    #[error("cannot {what} {}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that does not say what was written.
    #[error("{} is damaged", .0.display())]
    Damaged(PathBuf),
    /// The store's threads are gone.
    #[error("the store has stopped")]
    Stopped,
}

pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Whether a file was not there.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == ErrorKind::NotFound)
    }
}

/// Says what was tried with which file when the system refused.
pub(crate) fn at<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Error + 'a {
    move |source| {
        let path = path.to_owned();
        let is_full = matches!(
            source.kind(),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
        );
        if is_full {
            Error::DiskFull { what, path, source }
        } else {
            Error::Io { what, path, source }
        }
    }
}
