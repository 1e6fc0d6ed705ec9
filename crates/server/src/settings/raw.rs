//! The configuration as it is written. Every key is optional here; what is missing is decided later.

use std::{collections::BTreeMap, ops::Range, path::PathBuf};

use serde::Deserialize;
use toml::{Spanned, Value};

use crate::{
    Failure,
    settings::{bad, report::Source},
};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct File {
    pub(crate) listen: Option<Spanned<String>>,
    pub(crate) data_dir: Option<Spanned<PathBuf>>,
    pub(crate) queue: Option<Spanned<String>>,
    /// Whether a standby of the queue's server may be behind.
    pub(crate) queue_allow_async_standby: Option<bool>,
    pub(crate) webhook_allow_private: Option<Spanned<bool>>,
    pub(crate) retention: Retention,
    pub(crate) api_keys: Option<Spanned<Vec<Spanned<Value>>>>,
    /// Bytes.
    pub(crate) max_body: Option<Spanned<u64>>,
    /// Bytes.
    pub(crate) max_head: Option<Spanned<u64>>,
    /// What callers reach the platform under, where that is not where they say they do.
    pub(crate) public_url: Option<Spanned<String>>,
    pub(crate) tls: Option<Spanned<Tls>>,
    pub(crate) objects: Objects,
    pub(crate) machine: Machine,
    pub(crate) apps: BTreeMap<Spanned<String>, App>,
}

/// TLS beside plain HTTP.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tls {
    pub(crate) listen: Option<Spanned<String>>,
    pub(crate) certificate: Option<Spanned<PathBuf>>,
    pub(crate) key: Option<Spanned<PathBuf>>,
}

/// What is uploaded.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Objects {
    /// Bytes.
    pub(crate) max_object: Option<Spanned<u64>>,
    /// Bytes.
    pub(crate) max_total: Option<Spanned<u64>>,
    /// Seconds.
    pub(crate) expires: Option<Spanned<f64>>,
}

/// How long what has ended is kept.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Retention {
    /// Seconds.
    pub(crate) result: Option<Spanned<f64>>,
    /// Seconds.
    pub(crate) large_result: Option<Spanned<f64>>,
    /// Bytes.
    pub(crate) large_from: Option<Spanned<u64>>,
    /// Seconds.
    pub(crate) stored: Option<Spanned<f64>>,
    /// Seconds.
    pub(crate) dead_letter: Option<Spanned<f64>>,
}

/// What all apps share.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Machine {
    pub(crate) runners: Option<Spanned<u64>>,
    /// Seconds.
    pub(crate) turn: Option<Spanned<f64>>,
    #[serde(rename = "type")]
    pub(crate) kind: Option<Spanned<String>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct App {
    pub(crate) command: Option<Spanned<Vec<String>>>,
    pub(crate) example: Option<Spanned<String>>,
    /// Whether the command is an app of `fal-app`, which says with `--describe` what it declares.
    pub(crate) describe: Option<Spanned<bool>>,
    pub(crate) cwd: Option<Spanned<PathBuf>>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) min_concurrency: Option<Spanned<u32>>,
    pub(crate) max_concurrency: Option<Spanned<u32>>,
    pub(crate) concurrency_buffer: Option<u32>,
    pub(crate) concurrency_buffer_perc: Option<u32>,
    pub(crate) scaling_delay: Option<Spanned<f64>>,
    pub(crate) keep_alive: Option<Spanned<f64>>,
    pub(crate) max_multiplexing: Option<Spanned<u32>>,
    pub(crate) startup_timeout: Option<Spanned<f64>>,
    pub(crate) request_timeout: Option<Spanned<f64>>,
    pub(crate) request_start_timeout: Option<Spanned<f64>>,
    pub(crate) termination_grace_period_seconds: Option<Spanned<f64>>,
    pub(crate) skip_retry_conditions: Option<Spanned<Vec<String>>>,
    pub(crate) retry_config: Option<RetryConfig>,
    pub(crate) retry_429: Option<bool>,
    pub(crate) retry_backoff: Option<RetryBackoff>,
    pub(crate) crash_backoff: Option<CrashBackoff>,
    pub(crate) tcp_check_timeout: Option<Spanned<f64>>,
    pub(crate) spares: Option<Spanned<u32>>,
    pub(crate) poison_limit: Option<Spanned<u32>>,
    pub(crate) cancel_grace: Option<Spanned<f64>>,
    pub(crate) cancel_despite_others: Option<bool>,
    pub(crate) health_check: Option<Spanned<HealthCheck>>,
    pub(crate) gpus: Option<Spanned<Vec<Spanned<Value>>>>,
    pub(crate) num_gpus: Option<Spanned<u32>>,
    pub(crate) runners_per_gpu: Option<Spanned<u32>>,
    pub(crate) auth: Option<Spanned<String>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RetryConfig {
    pub(crate) server_error: Option<Retries>,
    pub(crate) timeout: Option<Retries>,
    pub(crate) connection_error: Option<Retries>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Retries {
    pub(crate) retries: u8,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RetryBackoff {
    pub(crate) initial: Option<Spanned<f64>>,
    pub(crate) max: Option<Spanned<f64>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CrashBackoff {
    pub(crate) step: Option<Spanned<f64>>,
    pub(crate) max: Option<Spanned<f64>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HealthCheck {
    pub(crate) path: Option<Spanned<String>>,
    pub(crate) method: Option<Spanned<String>>,
    pub(crate) start_period_seconds: Option<Spanned<f64>>,
    pub(crate) timeout_seconds: Option<Spanned<f64>>,
    pub(crate) failure_threshold: Option<Spanned<u32>>,
    pub(crate) call_regularly: Option<bool>,
    pub(crate) interval_seconds: Option<Spanned<f64>>,
}

impl Retention {
    /// Where the first of its keys is written.
    pub(crate) fn span(&self) -> Option<Range<usize>> {
        let seconds = [&self.result, &self.large_result, &self.stored, &self.dead_letter];
        let spans = seconds.into_iter().flatten().map(Spanned::span);
        spans.chain(self.large_from.iter().map(Spanned::span)).min_by_key(|span| span.start)
    }
}

impl File {
    /// The gateway's limits.
    pub(crate) fn limits(&self, source: &Source<'_>) -> Result<fal_gateway::Limits, Failure> {
        let mut limits = fal_gateway::Limits::default();
        if let Some(body) = &self.max_body {
            limits.body = within(source, "max_body", body, 1..=1 << 40)?;
        }
        if let Some(head) = &self.max_head {
            limits.head = within(source, "max_head", head, 8192..=1 << 20)?;
        }
        Ok(limits)
    }
}

pub(super) fn within(
    source: &Source<'_>,
    key: &str,
    value: &Spanned<u64>,
    range: std::ops::RangeInclusive<u64>,
) -> Result<usize, Failure> {
    let found = *value.as_ref();
    let (least, most) = (*range.start(), *range.end());
    usize::try_from(found).ok().filter(|_| range.contains(&found)).ok_or_else(|| {
        let text = format!("{found} is out of range: {least} to {most} bytes");
        bad(&source.at(value.span(), key, &text))
    })
}
