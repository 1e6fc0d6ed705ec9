//! What `fal_app`'s attributes generate, as an ordinary library.
//!
//! Each entry point takes the tokens that a macro would get and returns an [`Expansion`]: the
//! generated code together with what was wrong, never one or the other. The user's item is always
//! in it, so that one mistake gives one error.
//!
//! ```
//! use quote::quote;
//!
//! let expansion = fal_app_codegen::fal_app(quote!(keep_alive = 60), quote!(struct Hello;));
//! assert!(expansion.errors.is_empty());
//!
//! let expansion = fal_app_codegen::fal_app(quote!(keepalive = 60), quote!(struct Hello;));
//! assert!(expansion.errors[0].to_string().contains("did you mean `keep_alive`?"));
//! ```
//!
//! The way through: `item` and `args` parse into `model`, `check` judges it, and `expand` writes
//! down what `check` has passed, which cannot fail. `errors` holds every message.

mod args;
mod check;
mod errors;
mod expand;
mod fallback;
mod file;
mod item;
mod model;
mod names;
mod paths;
mod scan;

use proc_macro2::TokenStream;

pub use self::file::expand_file;
use self::{
    errors::{Errors, Mistake, Sink},
    item::Item,
};

/// Generated code, and what was wrong with the input.
#[derive(Debug)]
pub struct Expansion {
    /// The user's item and what belongs to it; inert where something was wrong.
    pub tokens: TokenStream,
    /// The mistakes, in the order of the source as far as possible.
    pub errors: Vec<syn::Error>,
}

impl Expansion {
    /// The tokens that a macro returns: each mistake becomes a compile error.
    #[must_use]
    pub fn into_tokens(self) -> TokenStream {
        let mut tokens = self.tokens;
        tokens.extend(self.errors.iter().map(syn::Error::to_compile_error));
        tokens
    }
}

/// Expands `#[fal_app(arguments)]` on a struct or on an impl.
#[must_use]
pub fn fal_app(arguments: TokenStream, item: TokenStream) -> Expansion {
    let errors = Errors::default();
    let tokens = attribute(arguments, item, &errors.sink());
    Expansion { tokens, errors: errors.into_vec() }
}

/// Expands `#[derive(AppError)]`: what is generated beside the type.
#[must_use]
pub fn app_error(item: TokenStream) -> Expansion {
    let errors = Errors::default();
    let sink = errors.sink();
    let checked = item::failure(item, &sink).map(|failure| check::failure::check(failure, &sink));
    let tokens = checked.map(|checked| expand::failure(&checked)).unwrap_or_default();
    Expansion { tokens, errors: errors.into_vec() }
}

fn attribute(arguments: TokenStream, item: TokenStream, sink: &Sink<'_>) -> TokenStream {
    let arguments = args::parse(arguments, sink);
    match item::parse(item.clone()) {
        Ok(Item::App(app)) => {
            let checked = check::settings::check(app, &arguments, sink);
            checked.map_or_else(|| item.clone(), |checked| expand::app(&item, &checked))
        }
        Ok(Item::Wiring(wiring, kept)) => {
            let checked = check::wiring::check(*wiring, &arguments, sink);
            checked.map_or_else(|| kept.clone(), |checked| expand::wiring(&kept, &checked))
        }
        Ok(Item::Other(keyword)) => {
            sink.report(keyword, &Mistake::WRONG_ITEM);
            item
        }
        Err(error) => {
            sink.push(error);
            item::unmarked(item)
        }
    }
}
