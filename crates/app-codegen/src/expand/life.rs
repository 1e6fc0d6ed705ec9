//! The beginning and the end of a runner.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::routes::{awaited, blamed, result_arguments};
use crate::{
    check::{
        hooks::{Hook, Setup, Warmup},
        wiring::CheckedWiring,
    },
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
    let (text, started) = (checked.facade.private("String"), checked.facade.private("started"));
    let call = quote_spanned!(name.span()=> Self::#name(#passed) #wait);
    quote! {
        async fn setup(#argument: &#kind) -> ::core::result::Result<Self, #text> {
            #started::<Self, #error>(#call)
        }
    }
}

/// `Wired::warmup`, where the user wrote one.
pub(super) fn warmup(checked: &CheckedWiring) -> TokenStream {
    let Some(Warmup { name, asyncness, outcome }) = &checked.warmup else {
        return TokenStream::new();
    };
    let (text, started) = (checked.facade.private("String"), checked.facade.private("started"));
    let (_, error) = result_arguments(outcome);
    let wait = awaited(*asyncness);
    let call = quote_spanned!(blamed(name, outcome)=> Self::#name(self) #wait);
    quote! {
        async fn warmup(&self) -> ::core::result::Result<(), #text> {
            #started::<(), #error>(#call)
        }
    }
}

/// `Wired::on_exit`, where the user wrote one.
pub(super) fn on_exit(checked: &CheckedWiring) -> TokenStream {
    let Some(Hook { name, asyncness, .. }) = &checked.on_exit else { return TokenStream::new() };
    let wait = awaited(*asyncness);
    quote! {
        async fn on_exit(&self) {
            Self::#name(self) #wait;
        }
    }
}

/// `Wired::teardown`, where the user wrote one.
pub(super) fn teardown(checked: &CheckedWiring) -> TokenStream {
    let Some(Hook { name, asyncness, .. }) = &checked.teardown else { return TokenStream::new() };
    let wait = awaited(*asyncness);
    quote! {
        async fn teardown(self) {
            Self::#name(self) #wait;
        }
    }
}
