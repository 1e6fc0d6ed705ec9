//! Reads the item under an attribute: signatures are parsed, bodies stay tokens.

mod about;
pub(crate) mod condition;
mod failure;
mod unmarked;
mod wiring;

use proc_macro2::TokenStream;
use syn::{
    Attribute, ItemStruct, Token, Visibility,
    parse::{ParseStream, Parser},
};

pub(crate) use self::{failure::failure, unmarked::unmarked};
use crate::model::{App, Wiring};

/// What `#[fal_app]` stands on.
pub(crate) enum Item {
    App(App),
    /// The impl, and the user's own code with our markers taken out.
    Wiring(Box<Wiring>, TokenStream),
    /// Something else, told apart by its keyword.
    Other(TokenStream),
}

/// Reads the item under `#[fal_app]`.
///
/// # Errors
/// Where the item is a struct or an impl that cannot be read.
pub(crate) fn parse(tokens: TokenStream) -> syn::Result<Item> {
    match Keyword::of.parse2(tokens.clone())? {
        Keyword::Struct => {
            let item: ItemStruct = syn::parse2(tokens)?;
            let about = about::doc(&item.attrs);
            Ok(Item::App(App { ident: item.ident, generics: item.generics, about }))
        }
        Keyword::Impl => {
            let (wiring, kept) = wiring::parse.parse2(tokens)?;
            Ok(Item::Wiring(wiring.into(), kept))
        }
        Keyword::Other(keyword) => Ok(Item::Other(keyword)),
    }
}

enum Keyword {
    Struct,
    Impl,
    Other(TokenStream),
}

impl Keyword {
    fn of(input: ParseStream<'_>) -> syn::Result<Self> {
        input.call(Attribute::parse_outer)?;
        input.parse::<Visibility>()?;
        let found = if input.peek(Token![struct]) {
            Self::Struct
        } else if input.peek(Token![impl])
            || input.peek(Token![unsafe]) && input.peek2(Token![impl])
        {
            Self::Impl
        } else {
            Self::Other(
                input.cursor().token_tree().map(|(tree, _)| tree.into()).unwrap_or_default(),
            )
        };
        input.parse::<TokenStream>()?;
        Ok(found)
    }
}
