//! Every path that generated code may name.
//!
//! Generated code speaks to one hidden module of the facade crate and to `::core`, both by absolute
//! path, so nothing in the user's scope can change its meaning.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::{Ident, Path};

/// The facade crate as generated code names it: `::fal_app`, or what `crate = ..` says.
#[derive(Clone)]
pub(crate) struct Facade(TokenStream);

impl Default for Facade {
    fn default() -> Self {
        Self(quote!(::fal_app))
    }
}

impl From<Path> for Facade {
    fn from(path: Path) -> Self {
        Self(path.into_token_stream())
    }
}

impl Facade {
    /// An item of the hidden module.
    pub(crate) fn private(&self, name: &str) -> TokenStream {
        let facade = &self.0;
        let name = format_ident!("{name}");
        quote!(#facade::__private::#name)
    }
}

/// A name of our own, which no user's code may use.
pub(crate) fn reserved(name: &str) -> Ident {
    format_ident!("__fal_{name}")
}

/// A constant's name of our own.
pub(crate) fn reserved_constant(name: &str) -> Ident {
    format_ident!("__FAL_{name}")
}
