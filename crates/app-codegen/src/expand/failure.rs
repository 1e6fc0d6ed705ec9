//! What `#[derive(AppError)]` generates.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Path, spanned::Spanned};

use crate::{
    check::{
        failure::{Answer, Case, CheckedFailure, Evidence, Member},
        status::{Code, Status},
    },
    fallback, names,
    paths::{self, Facade},
};

/// `impl EndpointError`, and a constant for each status, which the compiler evaluates even where
/// nobody uses it.
pub(crate) fn failure(checked: &CheckedFailure) -> TokenStream {
    let CheckedFailure { ident, generics, cases, facade } = checked;
    let constants = cases.iter().map(|case| constant(case, facade));
    let body = answers(cases, facade);
    let (error, sealed, answered) =
        (facade.private("EndpointError"), facade.private("Sealed"), facade.private("Answered"));
    let (parameters, arguments, bounds) = generics.split_for_impl();
    quote! {
        const _: () = {
            #(#constants)*

            impl #parameters #error for #ident #arguments #bounds {
                fn answer(&self, _: #sealed) -> #answered<'_> {
                    #body
                }
            }
        };
    }
}

fn constant(case: &Case, facade: &Facade) -> TokenStream {
    let Answer::Status(status) = &case.answer else { return TokenStream::new() };
    let name = constant_name(case);
    let kind = facade.private("AppStatus");
    let checked = match &status.code {
        Code::Literal(number) => quote!(#kind::checked(#number)),
        Code::Constant(path) => evaluated(path, &kind),
    };
    quote!(const #name: #kind = #checked;)
}

/// The call whose failure marks the whole path: its first token has the path's first span, its last
/// the last one.
fn evaluated(path: &Path, status: &TokenStream) -> TokenStream {
    let first = path.segments.first().map_or_else(|| path.span(), Spanned::span);
    let last = path.segments.last().map_or(first, Spanned::span);
    let function = respanned(quote!(#status::checked), first);
    let mut argument = Group::new(proc_macro2::Delimiter::Parenthesis, path.to_token_stream());
    argument.set_span(last);
    quote!(#function #argument)
}

fn respanned(tokens: TokenStream, span: Span) -> TokenStream {
    let at = |mut tree: TokenTree| {
        tree.set_span(span);
        tree
    };
    tokens.into_iter().map(at).collect()
}

fn answers(cases: &[Case], facade: &Facade) -> TokenStream {
    if let [whole @ Case { variant: None, .. }] = cases {
        let (_, answer) = arm(whole, facade);
        return answer;
    }
    if cases.is_empty() {
        return quote!(match *self {});
    }
    let arms = cases.iter().map(|case| {
        let (pattern, answer) = arm(case, facade);
        let variant = &case.variant;
        quote!(Self::#variant #pattern => #answer,)
    });
    quote!(match self { #(#arms)* })
}

/// The fields of a case's pattern, and what it is answered with.
fn arm(case: &Case, facade: &Facade) -> (TokenStream, TokenStream) {
    match &case.answer {
        Answer::Status(status) => (quote!({ .. }), failed(case, status, facade)),
        Answer::Broken(evidence) => broken(evidence, facade),
        Answer::Inert => (quote!({ .. }), fallback::answer()),
    }
}

fn failed(case: &Case, status: &Status, facade: &Facade) -> TokenStream {
    let answered = facade.private("Answered");
    let name = constant_name(case);
    let needs_retry = status.needs_retry.map(|flag| quote!(.needs_retry(#flag)));
    let kind = status.kind.as_ref().map(|kind| quote!(.error_type(#kind)));
    quote!(#answered::failed(#name) #needs_retry #kind)
}

/// The payload's type is the argument of the call, so that a payload which proves nothing is blamed
/// at that type.
fn broken(Evidence { field, kind }: &Evidence, facade: &Facade) -> (TokenStream, TokenStream) {
    let evidence = paths::reserved("evidence");
    let pattern = match field {
        Member::Named(name) => quote!({ #name: #evidence }),
        Member::First => quote!((#evidence)),
    };
    let answered = facade.private("Answered");
    let call = quote_spanned!(kind.span()=> broken);
    (pattern, quote!(#answered::#call::<#kind>(#evidence)))
}

fn constant_name(case: &Case) -> syn::Ident {
    let name = case.variant.as_ref().map_or_else(|| "Status".to_owned(), ToString::to_string);
    paths::reserved_constant(&names::constant(&name))
}
