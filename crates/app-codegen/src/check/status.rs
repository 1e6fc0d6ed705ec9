//! What `#[status(..)]` says.

use proc_macro2::TokenStream;
use syn::{Expr, LitInt, LitStr, Path};

use super::{Value, is_first};
use crate::{
    args,
    errors::{Mistake, Sink},
    model::{Argument, Saying},
    names,
};

/// A variant's status, and what goes out with it.
pub(crate) struct Status {
    pub(crate) code: Code,
    /// `needs_retry = ..`
    pub(crate) needs_retry: Option<bool>,
    /// `type = ".."`
    pub(crate) kind: Option<LitStr>,
}

/// A status as it was written.
pub(crate) enum Code {
    /// A number that was checked here.
    Literal(LitInt),
    /// A constant, which the compiler checks when it evaluates it.
    Constant(Path),
}

const KEYS: [&str; 2] = ["needs_retry", "type"];

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
    let mut status = Extras::default();
    let mut seen = Vec::new();
    for argument in pieces.flat_map(|piece| args::parse(piece, &part)) {
        if is_first(&argument, &mut seen, &part) {
            status.take(&argument, &part);
        }
    }
    code.filter(|_| !part.failed()).map(|code| Status {
        code,
        needs_retry: status.needs_retry,
        kind: status.kind,
    })
}

#[derive(Default)]
struct Extras {
    needs_retry: Option<bool>,
    kind: Option<LitStr>,
}

impl Extras {
    fn take(&mut self, argument: &Argument, sink: &Sink<'_>) {
        let name = argument.name.to_string();
        let value = Value::of(&argument.value);
        if name == "needs_retry" {
            if let Value::Bool(flag) = value {
                self.needs_retry = Some(flag);
            } else {
                sink.report(&argument.value, &Mistake::NOT_A_BOOL);
            }
        } else if name == "type" {
            if let Value::Text(text) = value {
                self.kind = Some(text.clone());
            } else {
                sink.report(&argument.value, &Mistake::not_text("model_overloaded"));
            }
        } else {
            let meant = names::closest(&name, &KEYS);
            sink.report(&argument.name, &Mistake::unknown_status_key(&name, meant));
        }
    }
}

fn code_of(tokens: TokenStream, sink: &Sink<'_>) -> Option<Code> {
    let Ok(expr) = syn::parse2::<Expr>(tokens.clone()) else {
        sink.report(tokens, &Mistake::STATUS_IS_NO_NUMBER);
        return None;
    };
    match Value::of(&expr) {
        Value::Whole(number) => literal(number, sink),
        Value::Path(path) => Some(Code::Constant(path.clone())),
        Value::Decimal
        | Value::Text(_)
        | Value::Bool(_)
        | Value::Negative
        | Value::List(_)
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
