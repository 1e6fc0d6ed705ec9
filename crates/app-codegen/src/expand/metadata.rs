//! What the attribute on the struct generates.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Ident;

use super::routes::{some, structure};
use crate::{
    check::settings::{CONDITIONS, CheckedApp, LIMITS, Limit, LimitValue},
    paths::Facade,
};

/// `impl App`: name, version, limits.
pub(super) fn declared(checked: &CheckedApp) -> TokenStream {
    let CheckedApp { ident, name, version, about, facade, .. } = checked;
    let app = facade.private("App");
    let metadata = facade.private("Metadata");
    let version = version.as_ref().map(|version| quote!(version: #version,));
    let about = (!about.is_empty()).then(|| quote!(about: #about,));
    let limits = limits(checked);
    let new = quote!(#metadata::new(#name));
    let value = match (&version, &about, &limits) {
        (None, None, None) => new,
        _ => quote!(#metadata { #version #about #limits ..#new }),
    };
    quote! {
        impl #app for #ident {
            const METADATA: #metadata = #value;
        }
    }
}

/// The demand that the impl half exists, blamed on the struct's name.
pub(super) fn wired(checked: &CheckedApp) -> TokenStream {
    let ident = &checked.ident;
    let assert = checked.facade.private("assert_wired");
    quote_spanned!(ident.span()=> const _: () = #assert::<#ident>();)
}

fn limits(checked: &CheckedApp) -> Option<TokenStream> {
    if checked.limits.is_empty() {
        return None;
    }
    let fields = checked.limits.iter().map(|declared| limit(declared, &checked.facade));
    let limits = structure(&checked.facade.private("Limits"), fields.collect(), LIMITS.len());
    Some(quote!(limits: #limits,))
}

fn limit(Limit { field, value }: &Limit, facade: &Facade) -> (Ident, TokenStream) {
    let value = match value {
        LimitValue::Seconds(seconds) => some(seconds),
        LimitValue::Count(count) => some(count),
        LimitValue::Text(text) => some(text),
        LimitValue::Conditions(conditions) => quote!(&[#(#conditions),*]),
        LimitValue::Retries(retries) => {
            let fields = retries.iter().map(|(name, count)| (name.clone(), some(count)));
            structure(&facade.private("RetryConfig"), fields.collect(), CONDITIONS.len())
        }
    };
    (field.clone(), value)
}
