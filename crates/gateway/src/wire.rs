//! What stands in bodies, field by field.

use serde::Serialize;

/// Any error that the platform answers.
#[derive(Debug, Serialize)]
pub(crate) struct Problem<'a> {
    pub(crate) detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error_type: Option<&'a str>,
}

/// An accepted request.
#[derive(Debug, Serialize)]
pub(crate) struct Submitted {
    pub(crate) status: &'static str,
    pub(crate) request_id: String,
    pub(crate) gateway_request_id: String,
    #[serde(flatten)]
    pub(crate) urls: Urls,
    pub(crate) queue_position: u64,
}

/// Where a request can be asked after.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Urls {
    pub(crate) response_url: String,
    pub(crate) status_url: String,
    pub(crate) cancel_url: String,
}

/// The status object of section 3.3 of the contract.
#[derive(Debug, Serialize)]
pub(crate) struct Status {
    pub(crate) status: &'static str,
    pub(crate) request_id: String,
    #[serde(flatten)]
    pub(crate) urls: Urls,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) queue_position: Option<u64>,
    /// Always a key, `null` where nobody asked: clients look for it.
    pub(crate) logs: Option<Vec<LogLine>>,
    pub(crate) metrics: Metrics,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error_type: Option<&'static str>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Metrics {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) inference_time: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct LogLine {
    pub(crate) message: String,
    pub(crate) timestamp: String,
    pub(crate) level: &'static str,
    pub(crate) source: &'static str,
}

/// The answer to a cancel, and to a question after a request that does not exist.
#[derive(Debug, Serialize)]
pub(crate) struct Word {
    pub(crate) status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
}
