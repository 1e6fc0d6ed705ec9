//! What a program says about its app without running it.

use serde_json::{Map, Value, json};

use crate::{
    app::{App, Limits, Wired},
    routes::Routes,
};

/// The app's name, the limits it declares and its paths, as JSON; the setup does not run.
///
/// # Errors
/// When two endpoints share a path, or a path is not one.
pub fn describe<A: Wired>() -> Result<Value, String> {
    let metadata = &<A as App>::METADATA;
    let endpoints = A::routes(Routes::new(metadata)).finish()?;
    let paths: Vec<Value> = endpoints.paths().map(|path| json!({ "path": path })).collect();
    let health = endpoints.health.map(|path| json!({ "path": path }));
    Ok(json!({
        "name": metadata.name,
        "limits": limits(&metadata.limits),
        "endpoints": paths,
        "health_check": health,
    }))
}

/// Only what the app declares.
fn limits(limits: &Limits) -> Map<String, Value> {
    let skipped = limits.skip_retry_conditions;
    [
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
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}
