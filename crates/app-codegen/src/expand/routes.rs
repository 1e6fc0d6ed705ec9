//! The way from a path to an endpoint.
//!
//! Each type that the user wrote is a type argument of the call, with its own span, so that a type
//! which does not fit is blamed by the compiler itself: at the type, and once.

use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Ident, LitStr, Token, Type, spanned::Spanned};

use crate::{
    check::{
        endpoint::{Endpoint, Manner, Taken},
        health::{HealthCheck, HealthValue, OPTIONS},
        hooks::Hook,
        session::{SETTINGS, Session},
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
    let cancel = checked.on_cancel.iter().map(|hook| on_cancel(hook, facade));
    quote! {
        fn routes(#routes: #kind<Self>) -> #kind<Self> {
            #(#endpoints)*
            #(#health)*
            #(#cancel)*
            #routes
        }
    }
}

/// `.await`, where there is something to wait for.
pub(super) fn awaited(asyncness: Option<Token![async]>) -> Option<TokenStream> {
    asyncness.map(|_| quote!(.await))
}

fn endpoint(endpoint: &Endpoint, facade: &Facade) -> TokenStream {
    let Endpoint { path, name, about, conditions, manner, takes, outcome } = endpoint;
    let routes = paths::reserved("routes");
    let (output, error) = result_arguments(outcome);
    let input = takes.iter().find_map(Taken::input).map(ToTokens::to_token_stream);
    let input = input.unwrap_or_else(|| facade.private("NoInput"));
    let point = point((path, name, about), facade);
    let handler = handler(endpoint, facade);
    let future = quote_spanned!(blamed(name, outcome)=> _);
    let (method, types, options) = match manner {
        Manner::Async => ("endpoint", quote!(#input, #output, #error, _, #future), None),
        Manner::Blocking => ("blocking", quote!(#input, #output, #error, _), None),
        Manner::Realtime(session) => {
            let method = if session.batch.is_some() { "batched" } else { "realtime" };
            let input = session.batch.as_ref().map_or(input, ToTokens::to_token_stream);
            let types = quote!(#input, #output, #error, _, #future);
            (method, types, Some(sessions(session, facade)))
        }
        Manner::Raw => ("websocket", quote!(#error, _, #future), None),
    };
    let method = Ident::new(method, name.span());
    quote! {
        #(#conditions)*
        let #routes = #routes.#method::<#types>(
            #point,
            #options
            #handler,
        );
    }
}

/// The path, the function's name, and its doc comment if it has one.
fn point((path, name, about): (&LitStr, &Ident, &str), facade: &Facade) -> TokenStream {
    let point = facade.private("Point");
    let name = name.to_string();
    let name = name.trim_start_matches("r#");
    let about = (!about.is_empty()).then(|| quote!(.about(#about)));
    quote!(#point::new(#path, #name) #about)
}

/// The closure that calls the user's function with what it takes, in its order.
fn handler(endpoint: &Endpoint, facade: &Facade) -> TokenStream {
    let Endpoint { name, manner, takes, outcome, .. } = endpoint;
    let (app, shared) = (paths::reserved("app"), facade.private("Arc"));
    let [input, request, socket] = ["input", "request", "socket"].map(paths::reserved);
    let (mut first, mut second) = (quote!(_), quote!(_));
    let passed: Vec<_> = takes
        .iter()
        .map(|taken| match taken {
            Taken::Input(_) => {
                first = quote!(#input);
                quote!(, #input)
            }
            Taken::Request(ty, and) => {
                second = quote!(#request);
                let request = self::taken(ty, *and, facade);
                quote!(, #request)
            }
            Taken::Socket(ty) => {
                first = quote!(#socket);
                let taken = facade.private("taken_socket");
                quote!(, #taken::<#ty>(#socket))
            }
        })
        .collect();
    let at = blamed(name, outcome);
    let called = quote_spanned!(at=> Self::#name(&#app #(#passed)*));
    match manner {
        Manner::Blocking => {
            quote_spanned!(at=> |#app: #shared<Self>, #first, #second| #called)
        }
        Manner::Async | Manner::Realtime(_) | Manner::Raw => quote_spanned! {at=>
            |#app: #shared<Self>, #first, #second| async move { #called.await }
        },
    }
}

/// The request as the function takes it. A type that is not ours is blamed at itself.
fn taken(ty: &Type, and: Option<Token![&]>, facade: &Facade) -> TokenStream {
    let (taken, request) = (facade.private("taken"), paths::reserved("request"));
    quote!(#and #taken::<#ty>(#request))
}

fn sessions(session: &Session, facade: &Facade) -> TokenStream {
    let options = facade.private("RealtimeOptions");
    let fields = session.settings.iter().map(|(name, number)| {
        let number = Literal::u64_unsuffixed(*number);
        (name.clone(), some(number))
    });
    let options = structure(&options, fields.collect(), SETTINGS.len());
    quote!(#options,)
}

fn health(check: &HealthCheck, facade: &Facade) -> TokenStream {
    let HealthCheck { path, name, about, asyncness, options, outcome } = check;
    let (routes, app) = (paths::reserved("routes"), paths::reserved("app"));
    let shared = facade.private("Arc");
    let (_, error) = result_arguments(outcome);
    let wait = awaited(*asyncness);
    let method = Ident::new("health", name.span());
    let at = blamed(name, outcome);
    let future = quote_spanned!(at=> _);
    let handler = quote_spanned! {at=>
        |#app: #shared<Self>| async move { Self::#name(&#app) #wait }
    };
    let point = point((path, name, about), facade);
    let fields = options.iter().map(|(name, value)| {
        let value = match value {
            HealthValue::Seconds(seconds) => some(seconds),
            HealthValue::Count(count) => some(count),
            HealthValue::Flag(flag) => some(flag),
        };
        (name.clone(), value)
    });
    let options = structure(&facade.private("HealthOptions"), fields.collect(), OPTIONS.len());
    quote! {
        let #routes = #routes.#method::<#error, _, #future>(#point, #options, #handler);
    }
}

/// A structure of which these fields are set and `all` exist.
pub(super) fn structure(
    kind: &TokenStream,
    fields: Vec<(Ident, TokenStream)>,
    all: usize,
) -> TokenStream {
    if fields.is_empty() {
        return quote!(#kind::NONE);
    }
    let rest = (fields.len() < all).then(|| quote!(..#kind::NONE));
    let fields = fields.into_iter().map(|(name, value)| quote!(#name: #value));
    quote!(#kind { #(#fields,)* #rest })
}

pub(super) fn some(value: impl ToTokens) -> TokenStream {
    quote!(::core::option::Option::Some(#value))
}

fn on_cancel(hook: &Hook, facade: &Facade) -> TokenStream {
    let Hook { name, asyncness, request } = hook;
    let (routes, app) = (paths::reserved("routes"), paths::reserved("app"));
    let shared = facade.private("Arc");
    let wait = awaited(*asyncness);
    let (pattern, passed) = match request {
        Some((ty, and)) => {
            let (pattern, passed) = (paths::reserved("request"), taken(ty, *and, facade));
            (quote!(#pattern), quote!(, #passed))
        }
        None => (quote!(_), quote!()),
    };
    let handler = quote_spanned! {name.span()=>
        |#app: #shared<Self>, #pattern| async move { Self::#name(&#app #passed) #wait; }
    };
    quote!(let #routes = #routes.on_cancel(#handler);)
}

/// Where the compiler points when the future does not fit: at the function where it cannot be sent,
/// and at an alias that turns out to be no result.
pub(super) fn blamed(name: &Ident, outcome: &Outcome) -> Span {
    if outcome.arguments.len() == 2 { name.span() } else { outcome.whole.span() }
}

/// The two types of a `Result`; those of an alias are the compiler's to find.
pub(super) fn result_arguments(outcome: &Outcome) -> (TokenStream, TokenStream) {
    if let [output, error] = outcome.arguments.as_slice() {
        (quote!(#output), quote!(#error))
    } else {
        (quote!(_), quote!(_))
    }
}
