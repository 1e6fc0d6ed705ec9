//! What stands in bodies, field by field.

use serde::Serialize;

/// A runner, for `/api/runners`.
#[derive(Debug, Serialize)]
pub(crate) struct Runner {
    pub(crate) runner_id: String,
    pub(crate) app: String,
    pub(crate) state: &'static str,
    pub(crate) cause: &'static str,
    pub(crate) since: String,
    pub(crate) in_flight_requests: u32,
    pub(crate) revision: u32,
    /// How it stands among the others; ours alone.
    pub(crate) standing: &'static str,
    pub(crate) replacement: &'static str,
    /// Seconds.
    pub(crate) uptime: f64,
    /// Seconds.
    pub(crate) expiration_countdown: Option<f64>,
    pub(crate) external_metadata: Metadata,
    pub(crate) machine_type: String,
    /// As `CUDA_VISIBLE_DEVICES` names them; ours alone.
    pub(crate) gpus: Vec<String>,
    pub(crate) pid: Option<u32>,
    pub(crate) port: Option<u16>,
}

/// What fal keeps beside a runner's record.
#[derive(Debug, Serialize)]
pub(crate) struct Metadata {
    pub(crate) leases: Vec<Lease>,
    /// Whether requests are placed on it.
    pub(crate) present_in_group: bool,
}

/// A slot that is held.
#[derive(Debug, Serialize)]
pub(crate) struct Lease {
    /// Null for a direct call.
    pub(crate) request_id: Option<String>,
    /// Null, as long as callers have no keys that tell them apart.
    pub(crate) caller_user_id: Option<String>,
    /// Seconds.
    pub(crate) leased_at_epoch: f64,
}

/// A record, and why it is as it is.
#[derive(Debug, Serialize)]
pub(crate) struct Explained<T> {
    #[serde(flatten)]
    pub(crate) record: T,
    /// Lines for people.
    pub(crate) why: Vec<String>,
}

/// A queued request, for `/api/requests`.
#[derive(Debug, Serialize)]
pub(crate) struct Request {
    pub(crate) request_id: String,
    pub(crate) app: String,
    pub(crate) path: String,
    pub(crate) status: &'static str,
    pub(crate) priority: &'static str,
    pub(crate) attempts: u16,
    pub(crate) retries: u8,
    pub(crate) submitted: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) start_deadline: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) started: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) finished: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_attempt_not_before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) queue_position: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) result_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error_type: Option<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) cancel_requested: bool,
    /// Whether it has had all its retries.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) dead_letter: bool,
    /// The request that was made from this dead letter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resubmitted_as: Option<String>,
}

/// A request with all that is kept of it.
#[derive(Debug, Serialize)]
pub(crate) struct Story {
    #[serde(flatten)]
    pub(crate) request: Request,
    pub(crate) history: Vec<Attempt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) webhook: Option<Webhook>,
}

/// An attempt that is over.
#[derive(Debug, Serialize)]
pub(crate) struct Attempt {
    pub(crate) attempt: u16,
    pub(crate) node: String,
    /// Null where it reached none.
    pub(crate) runner_id: Option<String>,
    pub(crate) started: String,
    pub(crate) ended: String,
    pub(crate) outcome: String,
    pub(crate) verdict: String,
    /// The clause of the contract that decided about the request.
    pub(crate) clause: String,
    /// What became of the runner.
    pub(crate) runner_fate: String,
    /// The clause of the contract that decided about the runner.
    pub(crate) runner_clause: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_not_before: Option<String>,
}

/// How a webhook goes.
#[derive(Debug, Serialize)]
pub(crate) struct Webhook {
    pub(crate) url: String,
    /// Null where it is not sent any more.
    pub(crate) next: Option<String>,
    /// Whether it is being sent, so that `next` is only for the case that nothing is heard of that.
    pub(crate) under_way: bool,
    pub(crate) deliveries: Vec<Delivered>,
}

/// One delivery of a webhook.
#[derive(Debug, Serialize)]
pub(crate) struct Delivered {
    pub(crate) number: u32,
    pub(crate) at: String,
    /// Seconds.
    pub(crate) took: f64,
    pub(crate) answer: String,
}

/// What is forwarded for a request.
#[derive(Debug, Serialize)]
pub(crate) struct Input {
    pub(crate) headers: Vec<(String, String)>,
    /// How long the body is, in bytes.
    pub(crate) length: usize,
    /// The body, or its beginning; what is no text is replaced.
    pub(crate) body: String,
}
