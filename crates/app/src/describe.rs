//! What a program says about its app without running it.

pub(crate) mod docs;
pub(crate) mod openapi;
pub(crate) mod verdict;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::{
    app::{App, HealthOptions, Limits, RetryConfig, Wired},
    routes::{Endpoints, Kind, Routes},
};

/// What an app answers about itself, written once, when it starts.
#[derive(Debug)]
pub(crate) struct Pages {
    pub(crate) openapi: Bytes,
    pub(crate) docs: Bytes,
}

impl Pages {
    pub(crate) fn new<A>(endpoints: &Endpoints<A>) -> Self {
        let document = openapi::document(endpoints);
        Self { openapi: document.to_string().into(), docs: docs::page(&document).into() }
    }
}

/// The app's name, version, limits, paths and OpenAPI document, as JSON; the setup does not run.
///
/// # Errors
/// When two endpoints share a path, or a path is not one.
pub fn describe<A: Wired>() -> Result<Value, String> {
    let metadata = &<A as App>::METADATA;
    let endpoints = A::routes(Routes::new(metadata)).finish()?;
    let paths = |wanted: fn(Kind) -> bool| -> Vec<Value> {
        let found = endpoints.iter().filter(|route| wanted(route.kind));
        found.map(|route| json!({ "path": route.point.path })).collect()
    };
    Ok(json!({
        "name": metadata.name,
        "version": metadata.version,
        "limits": limits(&metadata.limits),
        "endpoints": paths(|kind| kind == Kind::Endpoint),
        "realtime": paths(|kind| matches!(kind, Kind::Realtime(..))),
        "websocket": paths(|kind| kind == Kind::Raw),
        "health_check": endpoints.health.map(|(path, options)| health(path, options)),
        "openapi": openapi::document(&endpoints),
    }))
}

/// Only what the app declares.
fn limits(limits: &Limits) -> Map<String, Value> {
    let skipped = limits.skip_retry_conditions;
    let retries = retries(limits.retry_config);
    declared([
        ("keep_alive", limits.keep_alive.map(Value::from)),
        ("min_concurrency", limits.min_concurrency.map(Value::from)),
        ("max_concurrency", limits.max_concurrency.map(Value::from)),
        ("concurrency_buffer", limits.concurrency_buffer.map(Value::from)),
        ("scaling_delay", limits.scaling_delay.map(Value::from)),
        ("max_multiplexing", limits.max_multiplexing.map(Value::from)),
        ("request_timeout", limits.request_timeout.map(Value::from)),
        ("startup_timeout", limits.startup_timeout.map(Value::from)),
        (
            "termination_grace_period_seconds",
            limits.termination_grace_period_seconds.map(Value::from),
        ),
        ("machine_type", limits.machine_type.map(Value::from)),
        ("num_gpus", limits.num_gpus.map(Value::from)),
        ("skip_retry_conditions", (!skipped.is_empty()).then(|| Value::from(skipped))),
        ("retry_config", (!retries.is_empty()).then(|| retries.into())),
    ])
}

/// In the shape that fal's own configuration has.
fn retries(config: RetryConfig) -> Map<String, Value> {
    let retries = |retries: u8| json!({ "retries": retries });
    declared([
        ("server_error", config.server_error.map(retries)),
        ("timeout", config.timeout.map(retries)),
        ("connection_error", config.connection_error.map(retries)),
    ])
}

fn health(path: &str, options: HealthOptions) -> Map<String, Value> {
    declared([
        ("path", Some(path.into())),
        ("start_period_seconds", options.start_period_seconds.map(Value::from)),
        ("timeout_seconds", options.timeout_seconds.map(Value::from)),
        ("failure_threshold", options.failure_threshold.map(Value::from)),
        ("call_regularly", options.call_regularly.map(Value::from)),
        ("interval_seconds", options.interval_seconds.map(Value::from)),
    ])
}

fn declared<const N: usize>(settings: [(&str, Option<Value>); N]) -> Map<String, Value> {
    settings.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
