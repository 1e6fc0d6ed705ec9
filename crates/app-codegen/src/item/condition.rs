//! Attributes that take away what they stand on.

use proc_macro2::{TokenStream, TokenTree};
use syn::Attribute;

use super::wiring::arguments;
use crate::args;

/// Whether this is `#[cfg(..)]`.
pub(crate) fn is_plain(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg")
}

/// Whether this is a `#[cfg_attr(..)]` that may become a `#[cfg(..)]`, at any depth.
pub(crate) fn is_hidden(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg_attr") && arguments(attribute).is_some_and(holds)
}

/// What follows the condition of a `cfg_attr`, looked through.
fn holds(arguments: TokenStream) -> bool {
    args::split(arguments).into_iter().skip(1).any(|piece| {
        let mut trees = piece.into_iter();
        match (trees.next(), trees.next()) {
            (Some(TokenTree::Ident(name)), _) if name == "cfg" => true,
            (Some(TokenTree::Ident(name)), Some(TokenTree::Group(inner))) => {
                name == "cfg_attr" && holds(inner.stream())
            }
            _ => false,
        }
    })
}
