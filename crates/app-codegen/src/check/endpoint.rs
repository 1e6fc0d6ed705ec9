//! Functions that answer: endpoints and the health check.

use syn::{Attribute, Ident, LitStr, Token, Type};

use super::{
    Value,
    shape::{self, Outcome, Receiver, Returned},
};
use crate::{
    errors::{Mistake, Sink},
    model::{Function, Marker},
};

/// An endpoint that can be routed.
pub(crate) struct Endpoint {
    pub(crate) path: LitStr,
    pub(crate) name: Ident,
    pub(crate) conditions: Vec<Attribute>,
    /// `None`: the endpoint takes nothing, and the body is not looked at.
    pub(crate) input: Option<Type>,
    pub(crate) outcome: Outcome,
}

/// A health check that can be routed.
pub(crate) struct HealthCheck {
    pub(crate) path: LitStr,
    pub(crate) name: Ident,
    pub(crate) asyncness: Option<Token![async]>,
    pub(crate) outcome: Outcome,
}

/// Checks a function marked `#[endpoint("/path")]`.
pub(crate) fn check(function: &Function, marker: &Marker, sink: &Sink<'_>) -> Option<Endpoint> {
    let path = path(marker, sink);
    let signature = &function.signature;
    shape::plain(signature, "an endpoint", sink);
    if signature.asyncness.is_none() {
        sink.report(signature.fn_token, &Mistake::ENDPOINT_NOT_ASYNC);
    }
    shared(function, "an endpoint", sink);
    let input = input(function, sink);
    let outcome = outcome(function, sink);
    if sink.failed() {
        return None;
    }
    let name = signature.ident.clone();
    Some(Endpoint {
        path: path?,
        name,
        conditions: function.conditions.clone(),
        input,
        outcome: outcome?,
    })
}

/// Checks a function marked `#[health_check]`.
pub(crate) fn health(function: &Function, marker: &Marker, sink: &Sink<'_>) -> Option<HealthCheck> {
    let path = if marker.arguments.is_some() {
        path(marker, sink)
    } else {
        Some(LitStr::new("/health", proc_macro2::Span::call_site()))
    };
    let signature = &function.signature;
    shape::plain(signature, "a health check", sink);
    shared(function, "a health check", sink);
    if let Some(argument) = shape::arguments(signature).first() {
        sink.report(argument, &Mistake::HEALTH_WITH_INPUT);
    }
    let outcome = match shape::returned(signature) {
        Returned::Outcome(outcome) if is_verdict(&outcome) => Some(outcome),
        Returned::Outcome(outcome) => {
            sink.report(outcome.whole, &Mistake::HEALTH_RETURNS);
            None
        }
        Returned::Nothing => {
            sink.report(&signature.ident, &Mistake::HEALTH_RETURNS);
            None
        }
        Returned::Opaque(ty) | Returned::Plain(ty) => {
            sink.report(ty, &Mistake::HEALTH_RETURNS);
            None
        }
    };
    if sink.failed() {
        return None;
    }
    let name = signature.ident.clone();
    Some(HealthCheck { path: path?, name, asyncness: signature.asyncness, outcome: outcome? })
}

/// `Result<(), E>`, or an alias, which the compiler looks into.
fn is_verdict(outcome: &Outcome) -> bool {
    match outcome.arguments.as_slice() {
        [Type::Tuple(unit), _] => unit.elems.is_empty(),
        [_, _] => false,
        _ => true,
    }
}

fn path(marker: &Marker, sink: &Sink<'_>) -> Option<LitStr> {
    let tokens = marker.arguments.clone().unwrap_or_default();
    if tokens.is_empty() {
        sink.report(&marker.attribute, &Mistake::PATH_MISSING);
        return None;
    }
    let expr = syn::parse2(tokens.clone()).ok();
    let Some(Value::Text(path)) = expr.as_ref().map(Value::of) else {
        sink.report(tokens, &Mistake::PATH_IS_NO_TEXT);
        return None;
    };
    if let Some(mistake) = wrong_path(&path.value()) {
        sink.report(path, &mistake);
        return None;
    }
    Some(path.clone())
}

fn wrong_path(path: &str) -> Option<Mistake> {
    if !path.starts_with('/') {
        return Some(Mistake::path_without_slash(path));
    }
    let plain = |letter: char| {
        letter.is_ascii_graphic() && !matches!(letter, '{' | '}' | '*' | '?' | '#' | '%')
    };
    (!path.chars().all(plain)).then_some(Mistake::PATH_NOT_PLAIN)
}

fn shared(function: &Function, role: &'static str, sink: &Sink<'_>) {
    let signature = &function.signature;
    match (shape::receiver(signature), signature.receiver()) {
        (Receiver::Shared, _) => {}
        (Receiver::Exclusive, Some(receiver)) => {
            sink.report(receiver, &Mistake::exclusive_receiver(role))
        }
        (Receiver::Owned | Receiver::Other, Some(receiver)) => {
            sink.report(receiver, &Mistake::owned_receiver(role));
        }
        (_, _) => sink.report(&signature.ident, &Mistake::no_receiver(role)),
    }
}

fn input(function: &Function, sink: &Sink<'_>) -> Option<Type> {
    let arguments = shape::arguments(&function.signature);
    if let Some(second) = arguments.get(1) {
        sink.report(second, &Mistake::SECOND_INPUT);
    }
    let input = &arguments.first()?.ty;
    if shape::is_reference(input) {
        sink.report(input, &Mistake::BORROWED_INPUT);
    } else if shape::is_opaque(input) {
        sink.report(input, &Mistake::OPAQUE_INPUT);
    }
    Some((**input).clone())
}

fn outcome(function: &Function, sink: &Sink<'_>) -> Option<Outcome> {
    let signature = &function.signature;
    match shape::returned(signature) {
        Returned::Nothing => sink.report(&signature.ident, &Mistake::ENDPOINT_RETURNS_NOTHING),
        Returned::Opaque(ty) => sink.report(ty, &Mistake::OPAQUE_OUTPUT),
        Returned::Plain(ty) => sink.report(&ty, &plain_output(&ty)),
        Returned::Outcome(outcome) => match outcome.arguments.first() {
            Some(ok) if is_response(ok) => {
                sink.report(ok, &Mistake::response_inside(&shape::written(ok)))
            }
            Some(_) | None => return Some(outcome),
        },
    }
    None
}

fn plain_output(ty: &Type) -> Mistake {
    if is_response(ty) {
        Mistake::response_output(&shape::written(ty))
    } else {
        Mistake::no_result(&shape::written(ty))
    }
}

fn is_response(ty: &Type) -> bool {
    let named = shape::last_name(ty);
    named.is_some_and(|name| ["Response", "StatusCode", "Json", "Html"].contains(&name.as_str()))
}
