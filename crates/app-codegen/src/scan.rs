//! Finds a 503 in a body, where it can be seen.
//!
//! This is for an early and clear message; what forbids the 503 is that no type can carry it (see
//! `AppStatus` and `Evidence` in the facade). So the scan may miss what a helper function hides,
//! and must not refuse what is fine: looking at another service's 503 in patterns, comparisons,
//! `matches!` and assertions is ordinary code.

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    BinOp, Block, Expr, ExprBinary, ExprCall, ExprIndex, ExprLit, ExprMethodCall, ExprPath,
    ExprRange, Lit, LitInt, Macro, Pat, Path, Stmt, Token,
    parse::{ParseStream, Parser},
    punctuated::Punctuated,
    visit::{self, Visit},
};

use crate::errors::{Mistake, Sink};

/// Macros whose arguments are looked at or told, and never answered with.
const HARMLESS: [&str; 22] = [
    "matches",
    "assert",
    "assert_eq",
    "assert_ne",
    "assert_matches",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "trace",
    "debug",
    "info",
    "warn",
    "error",
    "event",
    "print",
    "println",
    "eprint",
    "eprintln",
    "format",
    "format_args",
    "panic",
    "dbg",
];

/// Methods that compare their receiver or their arguments.
const COMPARING: [&str; 4] = ["eq", "ne", "contains", "cmp"];

//= docs/contract.md#unearned-503
//# An app of `fal-app` MUST NOT answer 503 except by a path that is marked `#[runner_broken]`.
/// Reports each 503 and each raw response in a function's body.
pub(crate) fn body(tokens: TokenStream, sink: &Sink<'_>) {
    // A body that does not parse is rustc's to report.
    if let Ok(statements) = Block::parse_within.parse2(tokens) {
        let mut scan = Scan { sink };
        for statement in &statements {
            scan.visit_stmt(statement);
        }
    }
}

struct Scan<'a> {
    sink: &'a Sink<'a>,
}

impl Scan<'_> {
    /// An operand of arithmetic is no status, though what it is made of may hold one.
    fn operand(&mut self, operand: &Expr) {
        if !matches!(operand, Expr::Lit(_)) {
            self.visit_expr(operand);
        }
    }

    /// What cannot be read as expressions is searched for the constant's name alone.
    fn tokens(&self, tokens: TokenStream) {
        for tree in tokens {
            match tree {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(name) if name == "SERVICE_UNAVAILABLE" => {
                    self.sink.report(name, &Mistake::UNEARNED_503);
                }
                TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Scan<'_> {
    /// Patterns look; they answer nothing.
    fn visit_pat(&mut self, _: &'ast Pat) {}

    fn visit_expr_binary(&mut self, binary: &'ast ExprBinary) {
        if !compares(&binary.op) {
            self.operand(&binary.left);
            self.operand(&binary.right);
        }
    }

    fn visit_expr_range(&mut self, _: &'ast ExprRange) {}

    fn visit_expr_index(&mut self, index: &'ast ExprIndex) {
        self.visit_expr(&index.expr);
        self.operand(&index.index);
    }

    fn visit_expr_lit(&mut self, literal: &'ast ExprLit) {
        if let Lit::Int(number) = &literal.lit
            && is_503(number)
        {
            self.sink.report(number, &Mistake::LITERAL_503);
        }
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if let Expr::Path(function) = &*call.func {
            if ends_with(&function.path, &["Response", "builder"])
                || ends_with(&function.path, &["IntoResponse", "into_response"])
            {
                self.sink.report(&function.path, &Mistake::RAW_RESPONSE);
            } else if ends_with(&function.path, &["from_u16"])
                && let Some(number) =
                    call.args.first().and_then(number).filter(|number| is_503(number))
            {
                self.sink.report(number, &Mistake::UNEARNED_503);
                return;
            }
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        if COMPARING.iter().any(|name| call.method == name) {
            return;
        }
        if call.method == "into_response" && call.args.is_empty() {
            self.sink.report(&call.method, &Mistake::RAW_RESPONSE);
        }
        let number = call.args.first().and_then(number).filter(|number| is_503(number));
        if let Some(number) = number.filter(|_| call.method == "status") {
            self.sink.report(number, &Mistake::UNEARNED_503);
            return self.visit_expr(&call.receiver);
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_path(&mut self, path: &'ast ExprPath) {
        if let Some(last) = path.path.segments.last()
            && last.ident == "SERVICE_UNAVAILABLE"
        {
            self.sink.report(&last.ident, &Mistake::UNEARNED_503);
        }
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        let harmless = call
            .path
            .segments
            .last()
            .is_some_and(|last| HARMLESS.iter().any(|name| last.ident == name));
        if harmless {
            return;
        }
        let expressions = Punctuated::<Expr, Token![,]>::parse_terminated;
        let statements = |input: ParseStream<'_>| Block::parse_within(input);
        if let Ok(expressions) = expressions.parse2(call.tokens.clone()) {
            expressions.iter().for_each(|expr| Scan { sink: self.sink }.visit_expr(expr));
        } else if let Ok(statements) = statements.parse2(call.tokens.clone()) {
            statements
                .iter()
                .for_each(|statement: &Stmt| Scan { sink: self.sink }.visit_stmt(statement));
        } else {
            self.tokens(call.tokens.clone());
        }
    }
}

fn compares(operator: &BinOp) -> bool {
    matches!(
        operator,
        BinOp::Eq(_) | BinOp::Ne(_) | BinOp::Lt(_) | BinOp::Le(_) | BinOp::Gt(_) | BinOp::Ge(_)
    )
}

fn number(expr: &Expr) -> Option<&LitInt> {
    if let Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) = expr { Some(number) } else { None }
}

/// A number that could be a status: one whose type is said to be another is none.
fn is_503(number: &LitInt) -> bool {
    matches!(number.suffix(), "" | "u16")
        && number.base10_parse::<u16>().is_ok_and(|value| value == 503)
}

fn ends_with(path: &Path, names: &[&str]) -> bool {
    let mut written = path.segments.iter().rev();
    names.iter().rev().all(|name| written.next().is_some_and(|segment| segment.ident == name))
}

#[cfg(test)]
mod tests;
