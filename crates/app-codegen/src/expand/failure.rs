//! What `#[derive(AppError)]` generates.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Path, Type, spanned::Spanned};

use crate::{
    check::{
        failure::{Answer, Case, CheckedFailure, Member, Payload},
        status::{Code, Status},
    },
    fallback, names,
    paths::{self, Facade},
};

/// `impl EndpointError`, and a constant for each status, which the compiler evaluates even where
/// nobody uses it.
pub(crate) fn failure(checked: &CheckedFailure) -> TokenStream {
    let CheckedFailure { ident, generics, cases, facade } = checked;
    let constants = cases.iter().map(|case| constant(case, checked));
    let seal = paths::reserved("seal");
    let sealed = cases.iter().any(|case| matches!(case.answer, Answer::Transparent(_)));
    let taken = if sealed { quote!(#seal) } else { quote!(_) };
    let body = answers(checked);
    let listed = listed(checked);
    let (error, sealed, answered) =
        (facade.private("EndpointError"), facade.private("Sealed"), facade.private("Answered"));
    let (parameters, arguments, bounds) = generics.split_for_impl();
    quote! {
        const _: () = {
            #(#constants)*

            impl #parameters #error for #ident #arguments #bounds {
                fn answer(&self, #taken: #sealed) -> #answered<'_> {
                    #body
                }

                #listed
            }
        };
    }
}

/// `EndpointError::failures`: each case with its name and what is said of it.
fn listed(checked: &CheckedFailure) -> TokenStream {
    let CheckedFailure { ident, cases, facade, .. } = checked;
    let (kind, failures) = (facade.private("Failures"), paths::reserved("failures"));
    let case = |case: &Case| {
        let name = case.variant.as_ref().unwrap_or(ident).to_string();
        let about = &case.about;
        match &case.answer {
            Answer::Status(_) => {
                let constant = constant_name(case);
                quote!(#failures.add(#name, #about, #constant);)
            }
            Answer::Broken(_) => quote!(#failures.broken(#name, #about);),
            Answer::Transparent(payload) => {
                let transparent = passing(case, payload, checked);
                quote!(#transparent.failures(#failures);)
            }
            Answer::Inert => TokenStream::new(),
        }
    };
    let cases: TokenStream = cases.iter().map(case).collect();
    let taken = if cases.is_empty() { quote!(_) } else { quote!(#failures) };
    quote! {
        fn failures(#taken: &mut #kind) {
            #cases
        }
    }
}

fn constant(case: &Case, checked: &CheckedFailure) -> TokenStream {
    match &case.answer {
        Answer::Status(status) => said(case, status, &checked.facade),
        Answer::Transparent(payload) if !is_inside(payload, checked) => {
            let name = constant_name(case);
            let (kind, transparent) = (&payload.kind, checked.facade.private("Transparent"));
            let new = new(kind, None, &checked.facade);
            quote!(const #name: #transparent<#kind> = #new;)
        }
        Answer::Transparent(_) | Answer::Broken(_) | Answer::Inert => TokenStream::new(),
    }
}

/// What the payload answers. All of the call's path stands at the payload's type, so that one which is
/// no endpoint error is blamed there.
fn new(kind: &Type, arguments: Option<&TokenStream>, facade: &Facade) -> TokenStream {
    let (first, last) = ends(kind);
    let transparent = respanned(facade.private("Transparent"), first);
    let new = quote_spanned!(last=> new);
    quote_spanned!(first=> #transparent #arguments::#new())
}

/// Whether the payload's type may mean something only inside of the impl, where no constant stands: it
/// may name a parameter, or `Self`.
fn is_inside(payload: &Payload, checked: &CheckedFailure) -> bool {
    !checked.generics.params.is_empty() || names_self(payload.kind.to_token_stream())
}

fn names_self(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|tree| match tree {
        TokenTree::Group(group) => names_self(group.stream()),
        TokenTree::Ident(name) => name == "Self",
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// What lets the payload answer: the case's constant, or the same in its place.
fn passing(case: &Case, payload: &Payload, checked: &CheckedFailure) -> TokenStream {
    if !is_inside(payload, checked) {
        return constant_name(case).into_token_stream();
    }
    let kind = &payload.kind;
    new(kind, Some(&quote!(::<#kind>)), &checked.facade)
}

fn said(case: &Case, Status { code, extras }: &Status, facade: &Facade) -> TokenStream {
    let name = constant_name(case);
    let (status, answered) = (facade.private("AppStatus"), facade.private("Answered"));
    let checked = match code {
        Code::Literal(number) => quote!(#status::checked(#number)),
        Code::Constant(path) => evaluated(path, &status),
    };
    let needs_retry = extras.needs_retry.map(|flag| quote!(.needs_retry(#flag)));
    let stop_runner = extras.stop_runner.map(|flag| quote!(.stop_runner(#flag)));
    let kind = extras.kind.as_ref().map(|kind| quote!(.error_type(#kind)));
    let field = extras.field.as_ref().map(|field| quote!(.field(#field)));
    let units = extras.billable_units.as_ref().map(|units| quote!(.billable_units(#units)));
    quote! {
        const #name: #answered<'static> =
            #answered::failed(#checked) #needs_retry #stop_runner #kind #field #units;
    }
}

/// The call whose failure marks the whole path: its first token has the path's first span, its last
/// the last one.
fn evaluated(path: &Path, status: &TokenStream) -> TokenStream {
    let (first, last) = ends(path);
    let function = respanned(quote!(#status::checked), first);
    let mut argument = Group::new(proc_macro2::Delimiter::Parenthesis, path.to_token_stream());
    argument.set_span(last);
    quote!(#function #argument)
}

/// The spans of the first and the last of these tokens. Together they are more than the stable
/// compiler gives for the whole.
fn ends(tokens: &impl ToTokens) -> (Span, Span) {
    let mut spans = tokens.to_token_stream().into_iter().map(|tree| tree.span());
    let first = spans.next().unwrap_or_else(Span::call_site);
    (first, spans.last().unwrap_or(first))
}

fn respanned(tokens: TokenStream, span: Span) -> TokenStream {
    let at = |mut tree: TokenTree| {
        tree.set_span(span);
        tree
    };
    tokens.into_iter().map(at).collect()
}

fn answers(checked: &CheckedFailure) -> TokenStream {
    let cases = checked.cases.as_slice();
    if let [whole @ Case { variant: None, answer: kind, .. }] = cases {
        let (pattern, answer) = arm(whole, checked);
        return match kind {
            Answer::Transparent(_) => quote! {
                let Self #pattern = self;
                #answer
            },
            Answer::Status(_) | Answer::Broken(_) | Answer::Inert => answer,
        };
    }
    if cases.is_empty() {
        return quote!(match *self {});
    }
    let arms = cases.iter().map(|case| {
        let (pattern, answer) = arm(case, checked);
        let variant = &case.variant;
        quote!(Self::#variant #pattern => #answer,)
    });
    quote!(match self { #(#arms)* })
}

/// The fields of a case's pattern, and what it is answered with.
fn arm(case: &Case, checked: &CheckedFailure) -> (TokenStream, TokenStream) {
    match &case.answer {
        Answer::Status(_) => {
            let constant = constant_name(case);
            (quote!({ .. }), quote!(#constant))
        }
        Answer::Broken(payload) => broken(payload, &checked.facade),
        Answer::Transparent(payload) => transparent(case, payload, checked),
        Answer::Inert => (quote!({ .. }), fallback::answer()),
    }
}

/// The payload's type is the argument of the call, so that a payload which proves nothing is blamed
/// at that type.
fn broken(Payload { field, kind }: &Payload, facade: &Facade) -> (TokenStream, TokenStream) {
    let evidence = paths::reserved("evidence");
    let answered = facade.private("Answered");
    let call = quote_spanned!(kind.span()=> broken);
    (pattern(field, &evidence), quote!(#answered::#call::<#kind>(#evidence)))
}

fn transparent(
    case: &Case,
    payload: &Payload,
    checked: &CheckedFailure,
) -> (TokenStream, TokenStream) {
    let (error, seal) = (paths::reserved("error"), paths::reserved("seal"));
    let passing = passing(case, payload, checked);
    (pattern(&payload.field, &error), quote!(#passing.answer(#error, #seal)))
}

fn pattern(field: &Member, name: &syn::Ident) -> TokenStream {
    match field {
        Member::Named(field) => quote!({ #field: #name }),
        Member::First => quote!((#name)),
    }
}

fn constant_name(case: &Case) -> syn::Ident {
    let name = case.variant.as_ref().map_or_else(|| "Status".to_owned(), ToString::to_string);
    paths::reserved_constant(&names::constant(&name))
}
