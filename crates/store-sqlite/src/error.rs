//! What went wrong, in the words of the store's trait.

use std::{
    io::{self, ErrorKind},
    path::Path,
};

use fal_queue::store::Error;
use rusqlite::ErrorCode;

/// Carries an [`Error`] through this crate, so that `?` turns SQLite's errors into it.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) Error);

pub(crate) type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    pub(crate) fn corrupt(what: impl Into<String>) -> Self {
        Self(Error::Corrupt(what.into()))
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.0
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        let text = error.to_string();
        Self(match error.sqlite_error_code() {
            Some(code) => classify(code, text),
            None => unread(&error, text),
        })
    }
}

/// Sorts what SQLite itself reports.
#[expect(clippy::wildcard_enum_match_arm, reason = "SQLite may report what is not known yet")]
fn classify(code: ErrorCode, text: String) -> Error {
    match code {
        ErrorCode::DiskFull => Error::Full(text),
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen => {
            Error::ReadOnly(text)
        }
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Error::Corrupt(text),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Error::Locked(text),
        ErrorCode::SystemIoFailure
        | ErrorCode::OutOfMemory
        | ErrorCode::FileLockingProtocolFailed
        | ErrorCode::NoLargeFileSupport => Error::Io(text),
        // The remaining ones speak of the statement, not of the file: schema and statements do not
        // fit each other, or a value does not fit its column.
        _ => Error::Misuse(text),
    }
}

/// What went wrong with a file beside the database.
#[expect(clippy::wildcard_enum_match_arm, reason = "the system may report what is not known yet")]
pub(crate) fn failure(what: &str, path: &Path, error: &io::Error) -> Failure {
    let text = format!("cannot {what} {}: {error}", path.display());
    Failure(match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            Error::Full(text)
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Error::ReadOnly(text),
        _ => Error::Io(text),
    })
}

/// Sorts what the binding reports: a value that is not what was written is damage.
fn unread(error: &rusqlite::Error, text: String) -> Error {
    let damage = matches!(
        error,
        rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..)
            | rusqlite::Error::QueryReturnedNoRows
    );
    if damage { Error::Corrupt(text) } else { Error::Misuse(text) }
}
