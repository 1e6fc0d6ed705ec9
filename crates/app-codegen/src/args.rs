//! Reads `key = value` and `key(..)` lists, one argument at a time, so that a broken one does not
//! hide the next.

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Expr, ExprCall, Ident, Token,
    ext::IdentExt,
    parse::{ParseStream, Parser},
    token,
};

use crate::{
    errors::{Mistake, Sink},
    model::Argument,
};

/// Reads every argument of `tokens` and reports those that are not `key = value`.
pub(crate) fn parse(tokens: TokenStream, sink: &Sink<'_>) -> Vec<Argument> {
    split(tokens).into_iter().filter_map(|piece| argument(piece, sink)).collect()
}

/// Splits at the commas between arguments; those inside brackets belong to the argument.
pub(crate) fn split(tokens: TokenStream) -> Vec<TokenStream> {
    let mut pieces = vec![Vec::new()];
    for tree in tokens {
        let comma = matches!(&tree, TokenTree::Punct(punct) if punct.as_char() == ',');
        if comma {
            pieces.push(Vec::new());
        } else if let Some(piece) = pieces.last_mut() {
            piece.push(tree);
        }
    }
    pieces.into_iter().filter(|piece| !piece.is_empty()).map(TokenStream::from_iter).collect()
}

fn argument(piece: TokenStream, sink: &Sink<'_>) -> Option<Argument> {
    let read = |input: ParseStream<'_>| {
        let ahead = input.fork();
        let name = Ident::parse_any(input)?;
        if input.peek(token::Paren) {
            // Written as a call, and read as one: its arguments are the value.
            return Ok(Argument { name, value: drained(input, ahead.parse::<ExprCall>()?)? });
        }
        input.parse::<Token![=]>()?;
        Ok(Argument { name, value: input.parse::<Expr>()? })
    };
    match read.parse2(piece.clone()) {
        Ok(argument) => Some(argument),
        Err(_) => {
            sink.report(piece, &Mistake::NOT_AN_ARGUMENT);
            None
        }
    }
}

fn drained(input: ParseStream<'_>, call: ExprCall) -> syn::Result<Expr> {
    input.parse::<TokenStream>()?;
    Ok(Expr::Call(call))
}
