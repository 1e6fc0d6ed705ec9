//! Names and numbers of what has few values.

use fal_queue::{Priority, Storage, store::Error};
use fal_types::{PerCondition, Problem};

use crate::corrupt;

/// Names of problems. One that was ever written keeps its name.
const PROBLEMS: [(Problem, &str); 13] = [
    (Problem::RequestTimeout, "request_timeout"),
    (Problem::StartupTimeout, "startup_timeout"),
    (Problem::StartDeadline, "start_deadline"),
    (Problem::SchedulingFailure, "scheduling_failure"),
    (Problem::ConnectionTimeout, "connection_timeout"),
    (Problem::Disconnected, "disconnected"),
    (Problem::ConnectionRefused, "connection_refused"),
    (Problem::ConnectionError, "connection_error"),
    (Problem::IncompleteResponse, "incomplete_response"),
    (Problem::ClientDisconnected, "client_disconnected"),
    (Problem::ClientCancelled, "client_cancelled"),
    (Problem::BadRequest, "bad_request"),
    (Problem::Internal, "internal"),
];

/// The name of a problem.
#[must_use]
pub fn problem(wanted: Problem) -> &'static str {
    let found = PROBLEMS.iter().find(|(problem, _)| *problem == wanted);
    found.map_or("internal", |(_, name)| name)
}

/// The problem with this name.
///
/// # Errors
/// [`Error::Corrupt`] where there is none.
pub fn read_problem(wanted: &str) -> Result<Problem, Error> {
    let found = PROBLEMS.iter().find(|(_, name)| *name == wanted);
    found.map(|(problem, _)| *problem).ok_or_else(|| corrupt(format!("`{wanted}` is no problem")))
}

/// The number of a priority: the smaller goes first.
#[must_use]
pub const fn priority(priority: Priority) -> i16 {
    match priority {
        Priority::Normal => 0,
        Priority::Low => 1,
    }
}

/// The priority with this number.
#[must_use]
pub const fn read_priority(number: i16) -> Priority {
    match number {
        0 => Priority::Normal,
        _ => Priority::Low,
    }
}

/// The number of how long input and result are kept.
#[must_use]
pub const fn storage(storage: Storage) -> i16 {
    match storage {
        Storage::Usual => 0,
        Storage::Long => 1,
    }
}

/// What was kept with this number.
#[must_use]
pub const fn read_storage(number: i16) -> Storage {
    match number {
        0 => Storage::Usual,
        _ => Storage::Long,
    }
}

/// Budgets as three numbers between commas, in the order of [`PerCondition`]; one that is not set
/// is left out.
#[must_use]
pub fn budgets(budgets: &PerCondition<Option<u8>>) -> String {
    let text = |budget: Option<u8>| budget.map(|budget| budget.to_string()).unwrap_or_default();
    let PerCondition { server_error, timeout, connection_error } = *budgets;
    format!("{},{},{}", text(server_error), text(timeout), text(connection_error))
}

/// The budgets that were kept.
///
/// # Errors
/// [`Error::Corrupt`] where the text is none of [`budgets`].
pub fn read_budgets(text: &str) -> Result<PerCondition<Option<u8>>, Error> {
    let mut parts = text.split(',');
    let mut budget = || match parts.next()? {
        "" => Some(None),
        number => number.parse().ok().map(Some),
    };
    let mut read = || {
        let (server_error, timeout, connection_error) = (budget()?, budget()?, budget()?);
        Some(PerCondition { server_error, timeout, connection_error })
    };
    read().ok_or_else(|| corrupt(format!("`{text}` are no budgets")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_has_a_name_of_its_own() {
        for wanted in Problem::ALL {
            assert_eq!(read_problem(problem(wanted)), Ok(wanted));
        }
        assert!(read_problem("other").is_err());
    }

    #[test]
    fn budgets_read_what_they_write() {
        for server_error in [None, Some(0), Some(255)] {
            let some = PerCondition { server_error, timeout: None, connection_error: Some(3) };
            assert_eq!(read_budgets(&budgets(&some)), Ok(some));
        }
        for bad in ["1,2", "1,x,2", ""] {
            assert!(read_budgets(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn few_values_read_what_they_write() {
        for value in [Priority::Normal, Priority::Low] {
            assert_eq!(read_priority(priority(value)), value);
        }
        for value in [Storage::Usual, Storage::Long] {
            assert_eq!(read_storage(storage(value)), value);
        }
    }
}
