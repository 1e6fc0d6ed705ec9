//! Turns what was written into what can be generated; every rejection lives here.

pub(crate) mod endpoint;
pub(crate) mod failure;
pub(crate) mod health;
pub(crate) mod hooks;
pub(crate) mod session;
pub(crate) mod settings;
pub(crate) mod shape;
pub(crate) mod status;
mod value;
pub(crate) mod wiring;

use quote::ToTokens as _;
use syn::{Attribute, Expr, Ident, Meta};

use self::value::Value;
use crate::{
    errors::{Mistake, Sink},
    model::Argument,
    paths::Facade,
};

/// Reads `crate = path`.
pub(crate) fn facade(argument: &Argument, sink: &Sink<'_>) -> Option<Facade> {
    if let Value::Path(path) = Value::of(&argument.value) {
        Some(path.clone().into())
    } else {
        sink.report(&argument.value, &Mistake::CRATE_IS_NO_PATH);
        None
    }
}

/// Reports `#[name = value]`, which none of our attributes is; `form` says of the value how it is
/// written.
pub(crate) fn has_value(
    attribute: &Attribute,
    form: impl FnOnce(&Expr) -> String,
    sink: &Sink<'_>,
) -> bool {
    let Meta::NameValue(pair) = &attribute.meta else { return false };
    let name = attribute.path().to_token_stream().to_string();
    sink.report(&pair.value, &Mistake::marker_with_value(&name, &form(&pair.value)));
    true
}

/// Reports an argument that was given before; true for the first.
pub(crate) fn is_first(argument: &Argument, seen: &mut Vec<String>, sink: &Sink<'_>) -> bool {
    is_new(&argument.name, seen, sink)
}

/// Reports a name that was given before; true for the first.
pub(crate) fn is_new(written: &Ident, seen: &mut Vec<String>, sink: &Sink<'_>) -> bool {
    let name = written.to_string();
    if seen.contains(&name) {
        sink.report(written, &Mistake::argument_twice(&name));
        return false;
    }
    seen.push(name);
    true
}
