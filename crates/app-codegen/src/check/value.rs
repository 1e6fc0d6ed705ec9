//! Values of arguments: read without evaluating anything, and held to a type and a range.

use syn::{Expr, Ident, Lit, LitFloat, LitInt, LitStr, Path};

use crate::errors::{Mistake, Sink};

/// A value as the arguments of attributes may hold it.
pub(crate) enum Value<'a> {
    Whole(&'a LitInt),
    Decimal(&'a LitFloat),
    Text(&'a LitStr),
    Bool(bool),
    Negative,
    List(Vec<&'a Expr>),
    /// `key(..)`: what stands in the parentheses.
    Call(Vec<&'a Expr>),
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
        } else if let Expr::Call(call) = expr {
            Self::Call(call.args.iter().collect())
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
        } else if let Lit::Float(decimal) = literal {
            Self::Decimal(decimal)
        } else if let Lit::Str(text) = literal {
            Self::Text(text)
        } else if let Lit::Bool(flag) = literal {
            Self::Bool(flag.value)
        } else {
            Self::Other
        }
    }
}

/// A text in quotes.
pub(super) fn text(expr: &Expr, example: &'static str, sink: &Sink<'_>) -> Option<LitStr> {
    if let Value::Text(text) = Value::of(expr) {
        return Some(text.clone());
    }
    sink.report(expr, &Mistake::not_text(example));
    None
}

/// Whole seconds in a range.
pub(super) fn seconds(expr: &Expr, least: u64, most: u64, sink: &Sink<'_>) -> Option<u64> {
    let range = Range { least, most, unit: " seconds" };
    range.check(expr, &Mistake::NOT_SECONDS, sink)
}

/// A whole number in a range.
pub(super) fn count(expr: &Expr, least: u32, most: u32, sink: &Sink<'_>) -> Option<u32> {
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
            Value::Decimal(_)
            | Value::Text(_)
            | Value::Bool(_)
            | Value::List(_)
            | Value::Call(_)
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

/// `true` or `false`; `help` says what each means.
pub(super) fn flag(
    expr: &Expr,
    (name, help): (&str, &'static str),
    sink: &Sink<'_>,
) -> Option<bool> {
    if let Value::Bool(flag) = Value::of(expr) {
        return Some(flag);
    }
    sink.report(expr, &Mistake::not_a_bool(name, help));
    None
}

/// Reads the `key = value` pairs in the parentheses of `key(..)`; each that is none is reported.
pub(super) fn pairs<'a>(
    expr: &'a Expr,
    no_pairs: &Mistake,
    sink: &Sink<'_>,
) -> Vec<(&'a Ident, &'a Expr)> {
    let Value::Call(items) = Value::of(expr) else {
        sink.report(expr, no_pairs);
        return Vec::new();
    };
    let pair = |item: &'a Expr| {
        if let Expr::Assign(assign) = item
            && let Expr::Path(key) = &*assign.left
            && let Some(name) = key.path.get_ident()
        {
            return Some((name, &*assign.right));
        }
        sink.report(item, no_pairs);
        None
    };
    items.into_iter().filter_map(pair).collect()
}
