//! Where a request is.

use std::time::Duration;

use serde::Deserialize;

use crate::error::ErrorType;

/// Whether statuses come with what the app has printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Logs {
    /// They do.
    Wanted,
    /// They do not.
    #[default]
    LeftOut,
}

/// A request at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// Where it is.
    pub state: State,
    /// What its app has printed for it: all of it in a status that was asked for, and what is new in one of
    /// [`Events`](crate::Events). Empty where it was not asked for.
    pub logs: Vec<LogLine>,
}

/// Where a request is.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// It waits.
    InQueue {
        /// How many will start before it, where the platform says.
        position: Option<u64>,
    },
    /// A runner has it.
    InProgress,
    /// It has ended, well or not.
    Completed(Completed),
    /// A word that is not known here. It is not the end.
    Other(String),
}

/// The end of a request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Completed {
    /// How long its last attempt took, where the platform says.
    pub inference_time: Option<Duration>,
    /// Why it failed, in words; none where it did not.
    pub error: Option<String>,
    /// Why it failed, where it is the platform's own error.
    pub error_type: Option<ErrorType>,
}

/// A line that an app has printed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LogLine {
    /// Its text.
    #[serde(default)]
    pub message: String,
    /// When, in ISO 8601.
    #[serde(default)]
    pub timestamp: String,
    /// `STDOUT`, `STDERR`, or what else the platform calls it.
    #[serde(default)]
    pub level: Option<String>,
    /// Whose line it is; `USER` for the app's.
    #[serde(default)]
    pub source: Option<String>,
}

/// The status object as it is written.
#[derive(Debug, Deserialize)]
pub(super) struct Wire {
    status: String,
    #[serde(default)]
    queue_position: Option<u64>,
    #[serde(default)]
    logs: Option<Vec<LogLine>>,
    #[serde(default)]
    metrics: Option<Metrics>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    error_type: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Metrics {
    #[serde(default)]
    inference_time: Option<f64>,
}

impl Status {
    /// Whether it has ended.
    #[must_use]
    pub const fn is_completed(&self) -> bool {
        matches!(self.state, State::Completed(_))
    }
}

impl From<Wire> for Status {
    fn from(wire: Wire) -> Self {
        let logs = wire.logs.unwrap_or_default();
        let state = match wire.status.as_str() {
            "IN_QUEUE" => State::InQueue { position: wire.queue_position },
            "IN_PROGRESS" => State::InProgress,
            "COMPLETED" => {
                let seconds = wire.metrics.and_then(|metrics| metrics.inference_time);
                let error_type = wire.error_type.as_deref().map(ErrorType::from_name);
                // A type alone is a failure too.
                let named = || error_type.as_ref().map(ToString::to_string);
                State::Completed(Completed {
                    inference_time: seconds.and_then(|s| Duration::try_from_secs_f64(s).ok()),
                    error: wire.error.or_else(named),
                    error_type,
                })
            }
            other => State::Other(other.to_owned()),
        };
        Self { state, logs }
    }
}
