//! The arguments of `#[fal_app(..)]` on a struct: name, type and range of each.

use syn::{Expr, Ident, LitStr};

use super::{Value, facade, is_first};
use crate::{
    errors::{Mistake, Sink},
    model::{App, Argument},
    names,
    paths::Facade,
};

/// A struct that is an app.
pub(crate) struct CheckedApp {
    pub(crate) ident: Ident,
    pub(crate) name: String,
    pub(crate) limits: Vec<Limit>,
    pub(crate) facade: Facade,
}

/// One setting of `Limits`.
pub(crate) struct Limit {
    pub(crate) field: Ident,
    pub(crate) value: LimitValue,
}

/// A setting's value, of the type that its field has.
pub(crate) enum LimitValue {
    Seconds(u64),
    Count(u32),
    Text(LitStr),
    Conditions(Vec<LitStr>),
}

/// The reasons to retry that an app can switch off.
const CONDITIONS: [&str; 3] = ["timeout", "server_error", "connection_error"];

/// What a setting takes. Numbers are the least and the greatest value.
#[derive(Clone, Copy)]
enum Kind {
    Seconds(u64, u64),
    Count(u32, u32),
    Text,
    Conditions,
}

const YEAR: u64 = 31_536_000;

/// The settings that are limits, by their names on the platform, which are the fields of `Limits`
/// too.
const LIMITS: [(&str, Kind); 12] = [
    ("keep_alive", Kind::Seconds(0, YEAR)),
    ("min_concurrency", Kind::Count(0, 10_000)),
    ("max_concurrency", Kind::Count(1, 10_000)),
    ("concurrency_buffer", Kind::Count(0, 10_000)),
    ("scaling_delay", Kind::Seconds(0, 3_600)),
    ("max_multiplexing", Kind::Count(1, 10_000)),
    ("request_timeout", Kind::Seconds(1, YEAR)),
    ("startup_timeout", Kind::Seconds(1, YEAR)),
    ("termination_grace_period_seconds", Kind::Seconds(0, 3_600)),
    ("machine_type", Kind::Text),
    ("num_gpus", Kind::Count(0, 64)),
    ("skip_retry_conditions", Kind::Conditions),
];

/// Every argument's name: what a misspelt one is compared with.
const NAMES: [&str; 14] = [
    "name",
    "keep_alive",
    "min_concurrency",
    "max_concurrency",
    "concurrency_buffer",
    "scaling_delay",
    "max_multiplexing",
    "request_timeout",
    "startup_timeout",
    "termination_grace_period_seconds",
    "machine_type",
    "num_gpus",
    "skip_retry_conditions",
    "crate",
];

/// Checks each argument on its own and leaves out those that failed.
///
/// There is nothing to declare for a generic struct, which is a family of apps and no app.
pub(crate) fn check(app: App, arguments: &[Argument], sink: &Sink<'_>) -> Option<CheckedApp> {
    if !app.generics.params.is_empty() {
        sink.report(&app.generics, &Mistake::GENERIC_APP);
        return None;
    }
    let name = names::app_name(&app.ident.to_string());
    let mut checked =
        CheckedApp { ident: app.ident, name, limits: Vec::new(), facade: Facade::default() };
    let mut seen = Vec::new();
    for argument in arguments {
        let part = sink.part();
        if is_first(argument, &mut seen, &part) {
            checked.take(argument, &part);
        }
    }
    concurrency(&checked.limits, arguments, sink);
    Some(checked)
}

impl CheckedApp {
    fn take(&mut self, argument: &Argument, sink: &Sink<'_>) {
        let name = argument.name.to_string();
        if name == "crate" {
            self.facade = facade(argument, sink).unwrap_or_default();
        } else if name == "name" {
            self.name = app_name(&argument.value, sink).unwrap_or_else(|| self.name.clone());
        } else if let Some((_, kind)) = LIMITS.iter().find(|(known, _)| *known == name) {
            let value = limit(argument, *kind, sink);
            self.limits.extend(value.map(|value| Limit { field: argument.name.clone(), value }));
        } else {
            let meant = names::closest(&name, &NAMES);
            sink.report(&argument.name, &Mistake::unknown_setting(&name, meant));
        }
    }
}

fn limit(argument: &Argument, kind: Kind, sink: &Sink<'_>) -> Option<LimitValue> {
    let expr = &argument.value;
    match kind {
        Kind::Seconds(least, most) => seconds(expr, least, most, sink).map(LimitValue::Seconds),
        Kind::Count(least, most) => count(expr, least, most, sink).map(LimitValue::Count),
        Kind::Text => text(expr, "S", sink).map(LimitValue::Text),
        Kind::Conditions => conditions(expr, sink).map(LimitValue::Conditions),
    }
}

fn app_name(expr: &Expr, sink: &Sink<'_>) -> Option<String> {
    let name = text(expr, "my-app", sink)?.value();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if (1..=128).contains(&name.len())
        && name.bytes().all(fits)
        && !name.bytes().all(|byte| byte == b'.')
    {
        return Some(name);
    }
    sink.report(expr, &Mistake::BAD_APP_NAME);
    None
}

fn text(expr: &Expr, example: &'static str, sink: &Sink<'_>) -> Option<LitStr> {
    if let Value::Text(text) = Value::of(expr) {
        return Some(text.clone());
    }
    sink.report(expr, &Mistake::not_text(example));
    None
}

fn seconds(expr: &Expr, least: u64, most: u64, sink: &Sink<'_>) -> Option<u64> {
    let range = Range { least, most, unit: " seconds" };
    range.check(expr, &Mistake::NOT_SECONDS, sink)
}

fn count(expr: &Expr, least: u32, most: u32, sink: &Sink<'_>) -> Option<u32> {
    let range = Range { least: least.into(), most: most.into(), unit: "" };
    range.check(expr, &Mistake::NOT_A_COUNT, sink).and_then(|value| value.try_into().ok())
}

/// What a number must lie in, both ends included.
struct Range {
    least: u64,
    most: u64,
    unit: &'static str,
}

impl Range {
    /// The number, if it is one and lies in the range; `no_number` is reported where it is none.
    fn check(&self, expr: &Expr, no_number: &Mistake, sink: &Sink<'_>) -> Option<u64> {
        let value = match Value::of(expr) {
            Value::Whole(whole) => whole.base10_parse().ok(),
            Value::Negative => None,
            Value::Decimal
            | Value::Text(_)
            | Value::Bool(_)
            | Value::List(_)
            | Value::Path(_)
            | Value::Other => {
                sink.report(expr, no_number);
                return None;
            }
        };
        let value = value.filter(|value| (self.least..=self.most).contains(value));
        if value.is_none() {
            let Self { least, most, unit } = *self;
            sink.report(expr, &Mistake::out_of_range(least, most, unit));
        }
        value
    }
}

fn conditions(expr: &Expr, sink: &Sink<'_>) -> Option<Vec<LitStr>> {
    let Value::List(items) = Value::of(expr) else {
        sink.report(expr, &Mistake::NOT_CONDITIONS);
        return None;
    };
    let part = sink.part();
    let conditions: Vec<_> = items.into_iter().filter_map(|item| condition(item, &part)).collect();
    (!part.failed()).then_some(conditions)
}

fn condition(expr: &Expr, sink: &Sink<'_>) -> Option<LitStr> {
    let Value::Text(text) = Value::of(expr) else {
        sink.report(expr, &Mistake::NOT_CONDITIONS);
        return None;
    };
    let written = text.value();
    if CONDITIONS.contains(&written.as_str()) {
        return Some(text.clone());
    }
    let meant = names::closest(&written, &CONDITIONS);
    sink.report(expr, &Mistake::unknown_condition(&written, meant));
    None
}

/// Two settings that are fine alone may still contradict each other.
fn concurrency(limits: &[Limit], arguments: &[Argument], sink: &Sink<'_>) {
    let count = |name: &str| {
        limits.iter().find(|limit| limit.field == name).and_then(|limit| match limit.value {
            LimitValue::Count(count) => Some(count),
            LimitValue::Seconds(_) | LimitValue::Text(_) | LimitValue::Conditions(_) => None,
        })
    };
    let (Some(least), Some(most)) = (count("min_concurrency"), count("max_concurrency")) else {
        return;
    };
    if least > most
        && let Some(argument) = arguments.iter().find(|argument| argument.name == "min_concurrency")
    {
        sink.report(&argument.value, &Mistake::min_above_max(least, most));
    }
}
