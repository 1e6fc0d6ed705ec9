//! Turns what was written into what can be generated; every rejection lives here.

pub(crate) mod endpoint;
pub(crate) mod failure;
pub(crate) mod settings;
pub(crate) mod shape;
pub(crate) mod status;
pub(crate) mod wiring;

use syn::{Expr, Lit, LitInt, LitStr, Path};

use crate::{
    errors::{Mistake, Sink},
    model::Argument,
    paths::Facade,
};

/// A value as the arguments of attributes may hold it.
pub(crate) enum Value<'a> {
    Whole(&'a LitInt),
    Decimal,
    Text(&'a LitStr),
    Bool(bool),
    Negative,
    List(Vec<&'a Expr>),
    Path(&'a Path),
    Other,
}

impl<'a> Value<'a> {
    /// Reads an expression without evaluating anything.
    pub(crate) fn of(expr: &'a Expr) -> Self {
        if let Expr::Group(group) = expr {
            Self::of(&group.expr)
        } else if let Expr::Lit(literal) = expr {
            Self::literal(&literal.lit)
        } else if let Expr::Array(array) = expr {
            Self::List(array.elems.iter().collect())
        } else if let Expr::Path(path) = expr {
            Self::Path(&path.path)
        } else if matches!(expr, Expr::Unary(unary) if matches!(unary.op, syn::UnOp::Neg(_))) {
            Self::Negative
        } else {
            Self::Other
        }
    }

    fn literal(literal: &'a Lit) -> Self {
        if let Lit::Int(whole) = literal {
            Self::Whole(whole)
        } else if matches!(literal, Lit::Float(_)) {
            Self::Decimal
        } else if let Lit::Str(text) = literal {
            Self::Text(text)
        } else if let Lit::Bool(flag) = literal {
            Self::Bool(flag.value)
        } else {
            Self::Other
        }
    }
}

/// Reads `crate = path`.
pub(crate) fn facade(argument: &Argument, sink: &Sink<'_>) -> Option<Facade> {
    if let Value::Path(path) = Value::of(&argument.value) {
        Some(path.clone().into())
    } else {
        sink.report(&argument.value, &Mistake::CRATE_IS_NO_PATH);
        None
    }
}

/// Reports an argument that was given before; true for the first.
pub(crate) fn is_first(argument: &Argument, seen: &mut Vec<String>, sink: &Sink<'_>) -> bool {
    let name = argument.name.to_string();
    if seen.contains(&name) {
        sink.report(&argument.name, &Mistake::argument_twice(&name));
        return false;
    }
    seen.push(name);
    true
}
