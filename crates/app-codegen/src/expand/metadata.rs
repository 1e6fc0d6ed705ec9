//! What the attribute on the struct generates.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use crate::check::settings::{CheckedApp, Limit, LimitValue};

/// `impl App`: name and limits.
pub(super) fn declared(checked: &CheckedApp) -> TokenStream {
    let CheckedApp { ident, name, facade, .. } = checked;
    let app = facade.private("App");
    let metadata = facade.private("Metadata");
    let limits = limits(checked);
    quote! {
        impl #app for #ident {
            const METADATA: #metadata = #metadata { name: #name, limits: #limits };
        }
    }
}

/// The demand that the impl half exists, blamed on the struct's name.
pub(super) fn wired(checked: &CheckedApp) -> TokenStream {
    let ident = &checked.ident;
    let assert = checked.facade.private("assert_wired");
    quote_spanned!(ident.span()=> const _: () = #assert::<#ident>();)
}

fn limits(checked: &CheckedApp) -> TokenStream {
    let limits = checked.facade.private("Limits");
    if checked.limits.is_empty() {
        return quote!(#limits::NONE);
    }
    let fields = checked.limits.iter().map(limit);
    quote!(#limits { #(#fields,)* ..#limits::NONE })
}

fn limit(Limit { field, value }: &Limit) -> TokenStream {
    let value = match value {
        LimitValue::Seconds(seconds) => some(&quote!(#seconds)),
        LimitValue::Count(count) => some(&quote!(#count)),
        LimitValue::Text(text) => some(&quote!(#text)),
        LimitValue::Conditions(conditions) => quote!(&[#(#conditions),*]),
    };
    quote!(#field: #value)
}

fn some(value: &TokenStream) -> TokenStream {
    quote!(::core::option::Option::Some(#value))
}
