//! The beginning and the end of a runner.

use proc_macro2::TokenStream;
use quote::quote;

use super::routes::awaited;
use crate::{
    check::wiring::{CheckedWiring, Setup, Teardown},
    fallback, paths,
};

/// `Wired::setup`: a call of the user's function.
pub(super) fn setup(checked: &CheckedWiring) -> TokenStream {
    let Some(Setup { name, asyncness, takes_context, error }) = &checked.setup else {
        return fallback::setup(&checked.facade);
    };
    let kind = checked.facade.private("SetupContext");
    let context = paths::reserved("cx");
    let (argument, passed) =
        if *takes_context { (quote!(#context), quote!(#context)) } else { (quote!(_), quote!()) };
    let wait = awaited(*asyncness);
    quote! {
        type SetupError = #error;

        async fn setup(#argument: &#kind) -> ::core::result::Result<Self, Self::SetupError> {
            Self::#name(#passed) #wait
        }
    }
}

/// `Wired::teardown`, where the user wrote one.
pub(super) fn teardown(checked: &CheckedWiring) -> TokenStream {
    let Some(Teardown { name, asyncness }) = &checked.teardown else { return TokenStream::new() };
    let wait = awaited(*asyncness);
    quote! {
        async fn teardown(self) {
            Self::#name(self) #wait;
        }
    }
}
