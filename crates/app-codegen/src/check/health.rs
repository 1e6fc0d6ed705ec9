//! The function that says whether the runner is healthy, and how it is asked.

use proc_macro2::{Span, TokenStream};
use syn::{Expr, Ident, LitStr, Token};

use super::{
    endpoint::{self, pieces},
    hooks, is_first,
    shape::{self, Outcome},
    value::{self, Value},
};
use crate::{
    args,
    errors::{Mistake, Sink},
    model::{Argument, Function, Marker},
    names,
};

/// A health check that can be routed.
pub(crate) struct HealthCheck {
    pub(crate) path: LitStr,
    pub(crate) name: Ident,
    pub(crate) about: String,
    pub(crate) asyncness: Option<Token![async]>,
    pub(crate) options: Vec<(Ident, HealthValue)>,
    pub(crate) outcome: Outcome,
}

/// A setting of `HealthOptions`, of the type that its field has.
pub(crate) enum HealthValue {
    Seconds(u64),
    Count(u32),
    Flag(bool),
}

/// Its settings but for the path, which are the fields of `HealthOptions`.
pub(crate) const OPTIONS: [&str; 5] = [
    "start_period_seconds",
    "timeout_seconds",
    "failure_threshold",
    "call_regularly",
    "interval_seconds",
];

const PATH: &str = "path";

const DAY: u64 = 86_400;

/// Checks a function marked `#[health_check]`.
pub(crate) fn check(function: &Function, marker: &Marker, sink: &Sink<'_>) -> Option<HealthCheck> {
    let (path, options) = asked(marker, sink);
    let signature = &function.signature;
    shape::plain(signature, "a health check", sink);
    endpoint::shared(function, "a health check", sink);
    if let Some(argument) = shape::arguments(signature).first() {
        sink.report(argument, &Mistake::HEALTH_WITH_INPUT);
    }
    let outcome = hooks::verdict(signature, &Mistake::HEALTH_RETURNS, sink);
    if sink.failed() {
        return None;
    }
    Some(HealthCheck {
        path: path.unwrap_or_else(|| LitStr::new("/health", Span::call_site())),
        name: signature.ident.clone(),
        about: function.about.clone(),
        asyncness: signature.asyncness,
        options,
        outcome: outcome?,
    })
}

/// Where and how it is asked: `("/path", setting = ..)`, all of which may be left out.
fn asked(marker: &Marker, sink: &Sink<'_>) -> (Option<LitStr>, Vec<(Ident, HealthValue)>) {
    let mut pieces = pieces(marker).into_iter().peekable();
    let first = pieces.next_if(is_path);
    let mut path = first.and_then(|piece| syn::parse2::<LitStr>(piece).ok());
    let mut seen: Vec<_> = path.iter().map(|_| PATH.to_owned()).collect();
    let mut options = Vec::new();
    path = path.and_then(|path| endpoint::plain_path(&path, sink));
    for argument in pieces.flat_map(|piece| args::parse(piece, sink)) {
        if !is_first(&argument, &mut seen, sink) {
            continue;
        }
        if argument.name == PATH {
            let written = value::text(&argument.value, "/health", sink);
            path = written.and_then(|path| endpoint::plain_path(&path, sink));
        } else {
            options.extend(option(argument, sink));
        }
    }
    (path, options)
}

fn is_path(piece: &TokenStream) -> bool {
    syn::parse2::<Expr>(piece.clone()).is_ok_and(|expr| matches!(Value::of(&expr), Value::Text(_)))
}

fn option(Argument { name, value }: Argument, sink: &Sink<'_>) -> Option<(Ident, HealthValue)> {
    const REGULAR: &str =
        "`true` asks every `interval_seconds`, `false` only when an answer asks for it";
    let written = name.to_string();
    let seconds = |least| value::seconds(&value, least, DAY, sink).map(HealthValue::Seconds);
    let found = match written.as_str() {
        "start_period_seconds" => seconds(0),
        "timeout_seconds" | "interval_seconds" => seconds(1),
        "failure_threshold" => value::count(&value, 1, 1_000, sink).map(HealthValue::Count),
        "call_regularly" => {
            value::flag(&value, ("call_regularly", REGULAR), sink).map(HealthValue::Flag)
        }
        _ => {
            let all = [&[PATH], OPTIONS.as_slice()].concat();
            let meant = names::closest(&written, &all);
            sink.report(&name, &Mistake::unknown_health_setting(&written, meant, &all));
            None
        }
    };
    found.map(|value| (name, value))
}
