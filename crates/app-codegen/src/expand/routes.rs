//! The way from a path to an endpoint.
//!
//! Each type that the user wrote is a type argument of the call, with its own span, so that a type
//! which does not fit is blamed by the compiler itself: at the type, and once.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Ident, Token, spanned::Spanned};

use crate::{
    check::{
        endpoint::{Endpoint, HealthCheck},
        shape::Outcome,
        wiring::CheckedWiring,
    },
    paths::{self, Facade},
};

/// `Wired::routes`: one call for each endpoint.
pub(super) fn routes(checked: &CheckedWiring) -> TokenStream {
    let facade = &checked.facade;
    let kind = facade.private("Routes");
    let routes = paths::reserved("routes");
    let endpoints = checked.endpoints.iter().map(|route| endpoint(route, facade));
    let health = checked.health.iter().map(|check| health(check, facade));
    quote! {
        fn routes(#routes: #kind<Self>) -> #kind<Self> {
            #(#endpoints)*
            #(#health)*
            #routes
        }
    }
}

/// `.await`, where there is something to wait for.
pub(super) fn awaited(asyncness: Option<Token![async]>) -> Option<TokenStream> {
    asyncness.map(|_| quote!(.await))
}

fn endpoint(endpoint: &Endpoint, facade: &Facade) -> TokenStream {
    let Endpoint { path, name, conditions, input, outcome } = endpoint;
    let (routes, app) = (paths::reserved("routes"), paths::reserved("app"));
    let shared = facade.private("Arc");
    let (output, error) = arguments(outcome);
    let none = facade.private("NoInput");
    let value = paths::reserved("input");
    let (taken, pattern, passed) = match input {
        Some(ty) => (quote!(#ty), quote!(#value), quote!(, #value)),
        None => (none, quote!(_), quote!()),
    };
    let method = Ident::new("endpoint", name.span());
    let at = blamed(name, outcome);
    let future = quote_spanned!(at=> _);
    let handler = quote_spanned! {at=>
        |#app: #shared<Self>, #pattern| async move { Self::#name(&#app #passed).await }
    };
    quote! {
        #(#conditions)*
        let #routes = #routes.#method::<#taken, #output, #error, _, #future>(
            #path,
            #handler,
        );
    }
}

fn health(check: &HealthCheck, facade: &Facade) -> TokenStream {
    let HealthCheck { path, name, asyncness, outcome } = check;
    let (routes, app) = (paths::reserved("routes"), paths::reserved("app"));
    let shared = facade.private("Arc");
    let (_, error) = arguments(outcome);
    let wait = awaited(*asyncness);
    let method = Ident::new("health", name.span());
    let at = blamed(name, outcome);
    let future = quote_spanned!(at=> _);
    let handler = quote_spanned! {at=>
        |#app: #shared<Self>| async move { Self::#name(&#app) #wait }
    };
    quote!(let #routes = #routes.#method::<#error, _, #future>(#path, #handler);)
}

/// Where the compiler points when the future does not fit: at the function where it cannot be sent,
/// and at an alias that turns out to be no result.
fn blamed(name: &Ident, outcome: &Outcome) -> Span {
    if outcome.arguments.len() == 2 { name.span() } else { outcome.whole.span() }
}

/// The two types of a `Result`; those of an alias are the compiler's to find.
fn arguments(outcome: &Outcome) -> (TokenStream, TokenStream) {
    if let [output, error] = outcome.arguments.as_slice() {
        (quote!(#output), quote!(#error))
    } else {
        (quote!(_), quote!(_))
    }
}
