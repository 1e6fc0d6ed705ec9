//! What stands in for a part that had a mistake, so that the rest still compiles and one mistake
//! gives one error.
//!
//! The program is never built, because the mistake is a compile error; none of this ever runs.

use proc_macro2::TokenStream;
use quote::quote;

use crate::paths::Facade;

/// A setup for an app whose own is missing or wrong.
pub(crate) fn setup(facade: &Facade) -> TokenStream {
    let context = facade.private("SetupContext");
    let text = facade.private("String");
    quote! {
        async fn setup(_: &#context) -> ::core::result::Result<Self, #text> {
            ::core::unreachable!()
        }
    }
}

/// The answer of a failure that does not say one.
pub(crate) fn answer() -> TokenStream {
    quote!(::core::unreachable!())
}
