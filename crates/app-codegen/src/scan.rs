//! Finds a 503 in a body, where it can be seen.
//!
//! This is for an early and clear message; what forbids the 503 is that no type can carry it (see
//! `AppStatus` and `Evidence` in the facade). So the scan may miss what a helper function hides,
//! and must not refuse what is fine: looking at another service's 503 in patterns, comparisons,
//! lists, `matches!` and assertions is ordinary code, and 503 pixels are no status.

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    BinOp, Block, Expr, ExprArray, ExprBinary, ExprCall, ExprIndex, ExprLit, ExprMethodCall,
    ExprPath, ExprRange, ExprRepeat, ExprUnary, ItemConst, ItemStatic, Lit, LitInt, Local, Macro,
    Pat, Path, Stmt, Token, Type,
    parse::{ParseStream, Parser},
    punctuated::Punctuated,
    visit::{self, Visit},
};

use crate::errors::{Mistake, Sink};

/// Macros whose arguments are looked at or told, and never answered with.
const HARMLESS: [&str; 28] = [
    "matches",
    "concat",
    "write",
    "writeln",
    "stringify",
    "todo",
    "unreachable",
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

    /// An element of a list is no answer, though what it is made of may hold one.
    fn element(&mut self, element: &Expr) {
        if !matches!(element, Expr::Lit(_) | Expr::Path(_)) {
            self.visit_expr(element);
        }
    }

    /// The arguments of a call that makes a time or a size: `Duration::from_millis(503)`.
    fn measured(&mut self, call: &ExprCall) {
        call.args.iter().for_each(|argument| self.operand(argument));
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

    /// A list of statuses is looked up in, and one of numbers holds none.
    fn visit_expr_array(&mut self, list: &'ast ExprArray) {
        list.elems.iter().for_each(|element| self.element(element));
    }

    /// A length is no status, and what is repeated is a list.
    fn visit_expr_repeat(&mut self, list: &'ast ExprRepeat) {
        self.element(&list.expr);
    }

    /// A negative number is no status.
    fn visit_expr_unary(&mut self, unary: &'ast ExprUnary) {
        self.operand(&unary.expr);
    }

    /// What is said to be of another type is no status.
    fn visit_local(&mut self, local: &'ast Local) {
        let of_other_type = matches!(&local.pat, Pat::Type(typed) if !is_named(&typed.ty, "u16"));
        match &local.init {
            Some(init) if of_other_type => self.operand(&init.expr),
            Some(init) => self.visit_expr(&init.expr),
            None => {}
        }
        if let Some((_, diverges)) = local.init.as_ref().and_then(|init| init.diverge.as_ref()) {
            self.visit_expr(diverges);
        }
    }

    /// A constant's value is judged where the constant is used.
    fn visit_item_const(&mut self, _: &'ast ItemConst) {}

    fn visit_item_static(&mut self, _: &'ast ItemStatic) {}

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
            if measures(&function.path) {
                return self.measured(call);
            }
            if is_builder(&function.path)
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
        let mut names = path.path.segments.iter().rev();
        if let Some(last) = names.next()
            && last.ident == "SERVICE_UNAVAILABLE"
            && names.next().is_none_or(|of| {
                of.ident.to_string().ends_with("Status") || of.ident == "StatusCode"
            })
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
        let repeated = |input: ParseStream<'_>| {
            let element: Expr = input.parse()?;
            input.parse::<Token![;]>()?;
            input.parse::<Expr>().map(|_length| element)
        };
        let is_list = call.path.is_ident("vec");
        if let Ok(element) = repeated.parse2(call.tokens.clone()) {
            Scan { sink: self.sink }.element(&element);
        } else if let Ok(expressions) = expressions.parse2(call.tokens.clone()) {
            let mut scan = Scan { sink: self.sink };
            expressions
                .iter()
                .for_each(|expr| if is_list { scan.element(expr) } else { scan.visit_expr(expr) });
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

/// A number that could be a status: one whose type is said to be another is none, and nobody writes a
/// status in another base than ten.
fn is_503(number: &LitInt) -> bool {
    matches!(number.suffix(), "" | "u16")
        && !number.to_string().starts_with("0")
        && number.base10_parse::<u16>().is_ok_and(|value| value == 503)
}

/// A response builder: of that name alone, or of a crate that has one.
fn is_builder(path: &Path) -> bool {
    let known =
        |name: &syn::Ident| ["axum", "http", "hyper", "response"].iter().any(|known| name == known);
    let before = path.segments.iter().rev().nth(2);
    ends_with(path, &["Response", "builder"]) && before.is_none_or(|of| known(&of.ident))
}

/// `from_millis` and its like, whose number has a unit. `from_u16` makes a status.
fn measures(path: &Path) -> bool {
    let last = path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
    let is_status =
        path.segments.iter().any(|segment| segment.ident.to_string().contains("Status"));
    !is_status
        && (last.starts_with("from_") && last != "from_u16" || last.starts_with("with_capacity"))
}

fn is_named(ty: &Type, name: &str) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == name))
}

fn ends_with(path: &Path, names: &[&str]) -> bool {
    let mut written = path.segments.iter().rev();
    names.iter().rev().all(|name| written.next().is_some_and(|segment| segment.ident == name))
}

#[cfg(test)]
mod tests;
