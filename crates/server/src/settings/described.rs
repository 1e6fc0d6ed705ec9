//! What an app says of itself, where the file is silent.

use std::ops::Range;

use toml::Spanned;

use super::raw::{App, HealthCheck, RetryConfig};
use crate::describe::{self, Described};

/// Completes an app's section. `at` is where the file has the app describe itself: a value of the
/// description that is wrong is blamed there.
pub(super) fn complete(app: &mut App, described: Described, at: &Range<usize>) {
    let Described { limits, health_check } = described;
    fill(&mut app.keep_alive, limits.keep_alive, at);
    fill(&mut app.min_concurrency, limits.min_concurrency, at);
    fill(&mut app.max_concurrency, limits.max_concurrency, at);
    app.concurrency_buffer = app.concurrency_buffer.or(limits.concurrency_buffer);
    fill(&mut app.scaling_delay, limits.scaling_delay, at);
    fill(&mut app.max_multiplexing, limits.max_multiplexing, at);
    // Which GPUs there are, only the file can say.
    if app.gpus.as_ref().is_some_and(|gpus| !gpus.as_ref().is_empty()) {
        fill(&mut app.num_gpus, limits.num_gpus, at);
    }
    fill(&mut app.request_timeout, limits.request_timeout, at);
    fill(&mut app.startup_timeout, limits.startup_timeout, at);
    let grace = limits.termination_grace_period_seconds;
    fill(&mut app.termination_grace_period_seconds, grace, at);
    fill(&mut app.skip_retry_conditions, Some(limits.skip_retry_conditions), at);
    let retries = app.retry_config.take().unwrap_or_default();
    app.retry_config = Some(retries.or(limits.retry_config.unwrap_or_default()));
    if let Some(own) = health_check {
        let check = app
            .health_check
            .get_or_insert_with(|| Spanned::new(at.clone(), HealthCheck::default()));
        health(check.as_mut(), own, at);
    }
}

fn health(check: &mut HealthCheck, own: describe::HealthCheck, at: &Range<usize>) {
    fill(&mut check.path, Some(own.path), at);
    fill(&mut check.start_period_seconds, own.start_period_seconds, at);
    fill(&mut check.timeout_seconds, own.timeout_seconds, at);
    fill(&mut check.failure_threshold, own.failure_threshold, at);
    check.call_regularly = check.call_regularly.or(own.call_regularly);
    fill(&mut check.interval_seconds, own.interval_seconds, at);
}

fn fill<T>(written: &mut Option<Spanned<T>>, own: Option<T>, at: &Range<usize>) {
    if written.is_none() {
        *written = own.map(|own| Spanned::new(at.clone(), own));
    }
}

impl RetryConfig {
    /// The other's retries for the conditions that this one leaves out.
    fn or(self, other: Self) -> Self {
        Self {
            server_error: self.server_error.or(other.server_error),
            timeout: self.timeout.or(other.timeout),
            connection_error: self.connection_error.or(other.connection_error),
        }
    }
}
