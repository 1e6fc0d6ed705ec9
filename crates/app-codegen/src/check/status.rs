//! What `#[status(..)]` says.

use proc_macro2::TokenStream;
use syn::{Expr, Ident, LitInt, LitStr, Path};

use super::{
    is_first,
    value::{self, Value},
};
use crate::{
    args,
    errors::{Mistake, Sink},
    model::{Argument, Saying},
    names,
};

/// A variant's status, and what goes out with it.
pub(crate) struct Status {
    pub(crate) code: Code,
    pub(crate) extras: Extras,
}

/// What follows the code in `#[status(..)]`.
#[derive(Default)]
pub(crate) struct Extras {
    /// `needs_retry = ..`
    pub(crate) needs_retry: Option<bool>,
    /// `stop_runner = ..`
    pub(crate) stop_runner: Option<bool>,
    /// `type = ".."`
    pub(crate) kind: Option<LitStr>,
    /// `field = ".."`
    pub(crate) field: Option<LitStr>,
    /// `billable_units = ..`, as the header says it.
    pub(crate) billable_units: Option<String>,
}

/// A status as it was written.
pub(crate) enum Code {
    /// A number that was checked here.
    Literal(LitInt),
    /// A constant, which the compiler checks when it evaluates it.
    Constant(Path),
}

const KEYS: [&str; 5] = ["needs_retry", "stop_runner", "type", "field", "billable_units"];

/// Whether this is `#[status(transparent)]`, whatever else stands in it.
pub(crate) fn is_transparent(arguments: Option<&TokenStream>) -> bool {
    let first = arguments.cloned().map(args::split).and_then(|pieces| pieces.into_iter().next());
    first.is_some_and(|piece| syn::parse2::<Ident>(piece).is_ok_and(|word| word == "transparent"))
}

/// How a status is written that was given this value behind an equals sign.
pub(super) fn form(value: &Expr) -> String {
    let code =
        if let Value::Whole(number) = Value::of(value) { number.base10_parse().ok() } else { None };
    let code = code.filter(|code| (400..=599).contains(code) && *code != 503).unwrap_or(500);
    format!("#[status({code})]")
}

/// Checks one `#[status(..)]`.
pub(crate) fn check(
    saying: &Saying,
    arguments: Option<&TokenStream>,
    sink: &Sink<'_>,
) -> Option<Status> {
    let mut pieces = arguments.cloned().map(args::split).unwrap_or_default().into_iter();
    let Some(code) = pieces.next() else {
        sink.report(&saying.attribute, &Mistake::STATUS_WITHOUT_CODE);
        return None;
    };
    let part = sink.part();
    let code = code_of(code, &part);
    let mut extras = Extras::default();
    let mut seen = Vec::new();
    for argument in pieces.flat_map(|piece| args::parse(piece, &part)) {
        if is_first(&argument, &mut seen, &part) {
            extras.take(&argument, &part);
        }
    }
    code.filter(|_| !part.failed()).map(|code| Status { code, extras })
}

impl Extras {
    fn take(&mut self, Argument { name, value }: &Argument, sink: &Sink<'_>) {
        const RETRY: &str =
            "`true` makes the queue try again, `false` forbids it; without it the status decides";
        const STOP: &str =
            "`true` ends this runner, `false` keeps it; without it the status decides";
        let written = name.to_string();
        match written.as_str() {
            "needs_retry" => self.needs_retry = value::flag(value, ("needs_retry", RETRY), sink),
            "stop_runner" => self.stop_runner = value::flag(value, ("stop_runner", STOP), sink),
            "type" => self.kind = word(value, "file_too_large", sink),
            "field" => self.field = value::text(value, "prompt", sink),
            "billable_units" => self.billable_units = units(value, sink),
            _ => {
                let meant = names::closest(&written, &KEYS);
                sink.report(name, &Mistake::unknown_status_key(&written, meant));
            }
        }
    }
}

/// A text that may stand in a header.
fn word(expr: &Expr, example: &'static str, sink: &Sink<'_>) -> Option<LitStr> {
    let text = value::text(expr, example, sink)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if !text.value().is_empty() && text.value().bytes().all(plain) {
        return Some(text);
    }
    sink.report(expr, &Mistake::BAD_ERROR_TYPE);
    None
}

/// Whole units as they are, others with the eight places that fal gives them.
fn units(expr: &Expr, sink: &Sink<'_>) -> Option<String> {
    let written = match Value::of(expr) {
        Value::Whole(whole) => whole.base10_parse::<u64>().ok().map(|units| units.to_string()),
        Value::Decimal(decimal) => {
            decimal.base10_parse::<f64>().ok().map(|units| format!("{units:.8}"))
        }
        Value::Text(_)
        | Value::Bool(_)
        | Value::Negative
        | Value::List(_)
        | Value::Call(_)
        | Value::Path(_)
        | Value::Other => None,
    };
    if written.is_none() {
        sink.report(expr, &Mistake::NOT_UNITS);
    }
    written
}

fn code_of(tokens: TokenStream, sink: &Sink<'_>) -> Option<Code> {
    let Ok(expr) = syn::parse2::<Expr>(tokens.clone()) else {
        sink.report(tokens, &Mistake::STATUS_IS_NO_NUMBER);
        return None;
    };
    match Value::of(&expr) {
        Value::Whole(number) => literal(number, sink),
        Value::Path(path) => Some(Code::Constant(path.clone())),
        Value::Decimal(_)
        | Value::Text(_)
        | Value::Bool(_)
        | Value::Negative
        | Value::List(_)
        | Value::Call(_)
        | Value::Other => {
            sink.report(expr, &Mistake::STATUS_IS_NO_NUMBER);
            None
        }
    }
}

//= docs/contract.md#unearned-503
//# An app of `fal-app` MUST NOT answer 503 except by a path that is marked `#[runner_broken]`.
fn literal(number: &LitInt, sink: &Sink<'_>) -> Option<Code> {
    let mistake = match number.base10_parse::<u16>() {
        Ok(503) => Mistake::STATUS_503,
        Ok(400..=599) => return Some(Code::Literal(number.clone())),
        Ok(200..=299) => Mistake::STATUS_IS_SUCCESS,
        Ok(_) | Err(_) => Mistake::STATUS_OUT_OF_RANGE,
    };
    sink.report(number, &mistake);
    None
}
