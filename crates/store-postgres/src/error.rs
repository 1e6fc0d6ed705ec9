//! What went wrong, in the words of the store's trait, and what may help.

use fal_queue::store::Error;
use tokio_postgres::error::{Severity, SqlState};

/// Why a piece of work did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The connection is gone. What was sent last may have happened.
    Lost(String),
    /// There is no connection, and none was to be had within patience. Nothing has happened.
    Away(String),
    /// Others were in the way; the same again may succeed. Nothing has happened.
    Clash(String),
    /// What ends on some days has nowhere to go yet. Nothing has happened.
    NoDay,
    /// It fails, and would again.
    Failed(Error),
}

pub(crate) type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    pub(crate) fn corrupt(what: impl Into<String>) -> Self {
        Self::Failed(Error::Corrupt(what.into()))
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Lost(text) | Failure::Away(text) => Self::Unreachable(text),
            Failure::Clash(text) => Self::Locked(text),
            Failure::NoDay => Self::Misuse("a day has no partition".to_owned()),
            Failure::Failed(error) => error,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        let text = said(&error);
        match error.as_db_error() {
            Some(told) => {
                classify(told.code(), told.parsed_severity().unwrap_or(Severity::Error), text)
            }
            // Without a code it comes from the client: from a value that does not fit, or the connection.
            None if starts(&error, &["error deserializing"]) => Self::corrupt(text),
            None if starts(&error, &["error serializing", "error encoding", "invalid column"]) => {
                Self::Failed(Error::Misuse(text))
            }
            None => Self::Lost(text),
        }
    }
}

/// Whether the client says one of these; it has no other names for its errors.
fn starts(error: &tokio_postgres::Error, starts: &[&str]) -> bool {
    let text = error.to_string();
    starts.iter().any(|start| text.starts_with(start))
}

/// The server's own words with its code, or the client's with their causes.
fn said(error: &tokio_postgres::Error) -> String {
    if let Some(told) = error.as_db_error() {
        let place = told.table().map(|table| format!(" (table {table})")).unwrap_or_default();
        return format!("{} [{}]{place}", told.message(), told.code().code());
    }
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

/// Sorts what the server reports.
fn classify(code: &SqlState, severity: Severity, text: String) -> Failure {
    let clash = [
        &SqlState::T_R_SERIALIZATION_FAILURE,
        &SqlState::T_R_DEADLOCK_DETECTED,
        &SqlState::UNIQUE_VIOLATION,
    ];
    let forbidden = [&SqlState::READ_ONLY_SQL_TRANSACTION, &SqlState::INSUFFICIENT_PRIVILEGE];
    let slow = [&SqlState::LOCK_NOT_AVAILABLE, &SqlState::QUERY_CANCELED];
    let damaged = [&SqlState::DATA_CORRUPTED, &SqlState::INDEX_CORRUPTED];
    let class = code.code().get(..2).unwrap_or_default();
    let is_one_of = |codes: &[&SqlState]| codes.contains(&code);
    // It ends the connection with that.
    let is_last = matches!(severity, Severity::Fatal | Severity::Panic);
    if is_one_of(&clash) {
        Failure::Clash(text)
    } else if code == &SqlState::CHECK_VIOLATION && text.contains("no partition") {
        Failure::NoDay
    } else if is_one_of(&forbidden) || class == "28" {
        Failure::Failed(Error::ReadOnly(text))
    } else if class == "3D" {
        Failure::Failed(Error::Misuse(text))
    } else if is_one_of(&damaged) {
        Failure::Failed(Error::Corrupt(text))
    } else if is_last || class == "08" {
        // Shut down, starting up, out of connections, or ended by somebody.
        Failure::Lost(text)
    } else if is_one_of(&slow) {
        Failure::Failed(Error::Locked(text))
    } else if code == &SqlState::DISK_FULL {
        Failure::Failed(Error::Full(text))
    } else if class == "58" || class == "53" {
        // The transaction was rolled back by the server, which goes on: it is not our device.
        Failure::Failed(Error::Unreachable(text))
    } else {
        Failure::Failed(Error::Misuse(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: &str, severity: Severity, expected: &str) {
        let found = classify(&SqlState::from_code(code), severity, "no partition".to_owned());
        let found = match found {
            Failure::Lost(_) | Failure::Away(_) => "lost".to_owned(),
            Failure::Clash(_) => "clash".to_owned(),
            Failure::NoDay => "no day".to_owned(),
            Failure::Failed(error) => error.to_string(),
        };
        assert!(found.contains(expected), "{code}: {found}");
    }

    #[test]
    fn codes_say_what_may_help() {
        use Severity::{Error as Plain, Fatal};
        for code in ["08006", "57P01", "57P02", "57P03", "53300", "25P03"] {
            check(code, Fatal, "lost");
        }
        for code in ["40001", "40P01", "23505"] {
            check(code, Plain, "clash");
        }
        check("23514", Plain, "no day");
        check("25006", Plain, "cannot be written");
        check("28P01", Fatal, "cannot be written");
        check("42501", Plain, "cannot be written");
        check("3D000", Fatal, "misused");
        check("55P03", Plain, "in use");
        check("57014", Plain, "in use");
        check("53100", Plain, "no room");
        check("53200", Plain, "cannot be reached");
        check("58030", Plain, "cannot be reached");
        check("XX001", Plain, "damaged");
        check("42P01", Plain, "misused");
    }
}
