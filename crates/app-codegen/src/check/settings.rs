//! The arguments of `#[fal_app(..)]` on a struct: name, type and range of each.

use syn::{Expr, Ident, LitStr};

use super::{
    facade, is_first, is_new,
    value::{self, Value},
};
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
    pub(crate) version: Option<LitStr>,
    pub(crate) about: String,
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
    /// Conditions by name, each with its retries.
    Retries(Vec<(Ident, u8)>),
}

/// The reasons to retry that an app can switch off or count, which are the fields of `RetryConfig`.
pub(crate) const CONDITIONS: [&str; 3] = ["timeout", "server_error", "connection_error"];

/// What a setting takes. Numbers are the least and the greatest value.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Seconds(u64, u64),
    Count(u32, u32),
    Text,
    Conditions,
    Retries,
}

/// The most retries that a condition can have: those of the whole request.
const MOST_RETRIES: u32 = 10;

const YEAR: u64 = 31_536_000;

/// The settings that are limits, by their names on the platform, which are the fields of `Limits`
/// too.
pub(crate) const LIMITS: [(&str, Kind); 13] = [
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
    ("retry_config", Kind::Retries),
];

/// Every argument's name but `crate`, which is for those who wrap this crate in another.
fn names() -> Vec<&'static str> {
    ["name", "version"].into_iter().chain(LIMITS.map(|(name, _)| name)).collect()
}

/// Checks each argument on its own and leaves out those that failed.
///
/// There is nothing to declare for a generic struct, which is a family of apps and no app.
pub(crate) fn check(app: App, arguments: &[Argument], sink: &Sink<'_>) -> Option<CheckedApp> {
    if !app.generics.params.is_empty() {
        sink.report(&app.generics, &Mistake::GENERIC_APP);
        return None;
    }
    let mut checked = CheckedApp {
        name: names::app_name(&app.ident.to_string()),
        ident: app.ident,
        version: None,
        about: app.about,
        limits: Vec::new(),
        facade: Facade::default(),
    };
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
        } else if name == "version" {
            self.version = value::text(&argument.value, "1.0.0", sink);
        } else if let Some((_, kind)) = LIMITS.iter().find(|(known, _)| *known == name) {
            let value = limit(argument, *kind, sink);
            self.limits.extend(value.map(|value| Limit { field: argument.name.clone(), value }));
        } else {
            let all = names();
            let meant = names::closest(&name, &[all.as_slice(), &["crate"]].concat());
            sink.report(&argument.name, &Mistake::unknown_setting(&name, meant, &all));
        }
    }
}

fn limit(argument: &Argument, kind: Kind, sink: &Sink<'_>) -> Option<LimitValue> {
    let expr = &argument.value;
    match kind {
        Kind::Seconds(least, most) => {
            value::seconds(expr, least, most, sink).map(LimitValue::Seconds)
        }
        Kind::Count(least, most) => value::count(expr, least, most, sink).map(LimitValue::Count),
        Kind::Text => value::text(expr, "S", sink).map(LimitValue::Text),
        Kind::Conditions => conditions(expr, sink).map(LimitValue::Conditions),
        Kind::Retries => retries(expr, sink).map(LimitValue::Retries),
    }
}

fn app_name(expr: &Expr, sink: &Sink<'_>) -> Option<String> {
    let name = value::text(expr, "my-app", sink)?.value();
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
    is_condition(&text.value(), expr, sink).then(|| text.clone())
}

fn is_condition(written: &str, at: impl quote::ToTokens, sink: &Sink<'_>) -> bool {
    let known = CONDITIONS.contains(&written);
    if !known {
        let meant = names::closest(written, &CONDITIONS);
        sink.report(at, &Mistake::unknown_condition(written, meant, &CONDITIONS));
    }
    known
}

fn retries(expr: &Expr, sink: &Sink<'_>) -> Option<Vec<(Ident, u8)>> {
    let part = sink.part();
    let mut retries = Vec::new();
    let mut seen = Vec::new();
    for (name, value) in value::pairs(expr, &Mistake::NOT_RETRIES, &part) {
        let known = is_condition(&name.to_string(), name, &part) && is_new(name, &mut seen, &part);
        let count = value::count(value, 0, MOST_RETRIES, &part).filter(|_| known);
        let count = count.and_then(|count| u8::try_from(count).ok());
        retries.extend(count.map(|count| (name.clone(), count)));
    }
    (!part.failed()).then_some(retries)
}

/// Two settings that are fine alone may still contradict each other.
fn concurrency(limits: &[Limit], arguments: &[Argument], sink: &Sink<'_>) {
    let count = |name: &str| {
        limits.iter().find(|limit| limit.field == name).and_then(|limit| match limit.value {
            LimitValue::Count(count) => Some(count),
            LimitValue::Seconds(_)
            | LimitValue::Text(_)
            | LimitValue::Conditions(_)
            | LimitValue::Retries(_) => None,
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
