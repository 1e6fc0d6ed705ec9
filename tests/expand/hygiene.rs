//! Generated code names nothing that the user's scope could change.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;

/// Every form of generated code at once. The first part is what the user wrote.
fn app(argument: &TokenStream) -> TokenStream {
    let arguments = quote!(version = "1", keep_alive = 1, machine_type = "S", skip_retry_conditions = ["timeout"], retry_config(timeout = 1), #argument);
    fal_app_codegen::fal_app(
        arguments,
        quote!(
            /// Greets.
            struct Hello;
        ),
    )
    .tokens
}

fn wiring(argument: &TokenStream) -> (TokenStream, TokenStream) {
    let item = quote! {
        impl Hello {
            #[setup] async fn setup(cx: &SetupContext) -> Result<Self, SetupError> {}
            #[endpoint("/")] async fn predict(&self, input: Input) -> Result<Output, PredictError> {}
            #[endpoint("/alias")] async fn alias(&self) -> Answer {}
            #[endpoint("/blocking", blocking)] fn blocking(&self, request: &Request) -> Answer {}
            #[realtime("/live", buffering = 4)] async fn live(&self, input: Input) -> Answer {}
            #[realtime("/batch", max_batch_size = 4)] async fn batch(&self, inputs: Vec<Input>) -> Answer {}
            #[websocket("/raw")] async fn raw(&self, socket: WebSocket, request: &Request) -> Answer {}
            #[warmup] async fn warm(&self) -> Result<(), WarmError> {}
            #[health_check(timeout_seconds = 1)] async fn healthy(&self) -> Result<(), Unhealthy> {}
            #[on_cancel] async fn cancelled(&self, request: Request) {}
            #[on_exit] fn exiting(&self) {}
            #[teardown] async fn teardown(self) {}
        }
    };
    (fal_app_codegen::fal_app(argument.clone(), item.clone()).tokens, item)
}

fn failure(option: &TokenStream) -> (TokenStream, TokenStream) {
    let item = quote! {
        #option
        enum PredictError {
            #[status(422, needs_retry = true, type = "bad")] Bad,
            #[status(codes::MINE)] Mine,
            #[status(transparent)] Other(OtherError),
            #[runner_broken] Gpu(Broken),
        }
    };
    (fal_app_codegen::app_error(item.clone()).tokens, item)
}

fn names(tokens: TokenStream) -> BTreeSet<String> {
    words(tokens).into_iter().filter(|word| is_name(word)).collect()
}

/// What each path and each expression begins with: `::core`, `Self`, a local. What follows a name
/// and `::`, or a dot, is left out.
fn roots(tokens: TokenStream) -> BTreeSet<String> {
    let words = words(tokens);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let root = |(at, word): (usize, &&str)| match words.get(..at)? {
        _ if !is_name(word) => None,
        [.., before, ":", ":"] if is_name(before) => None,
        [.., ":", ":"] => Some(format!("::{word}")),
        [.., "."] => None,
        _ => Some((*word).to_owned()),
    };
    words.iter().enumerate().filter_map(root).collect()
}

fn is_name(word: &str) -> bool {
    word.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
}

/// The tokens in a row; a bracket and a literal are words that are no names.
fn words(tokens: TokenStream) -> Vec<String> {
    let of = |tree| match tree {
        TokenTree::Group(group) => [vec!["(".to_owned()], words(group.stream())].concat(),
        TokenTree::Literal(_) => vec!["0".to_owned()],
        TokenTree::Ident(_) | TokenTree::Punct(_) => vec![tree.to_string()],
    };
    tokens.into_iter().flat_map(of).collect()
}

/// What generated code may begin a path or an expression with: keywords, names that its traits
/// prescribe, and our own.
const ALLOWED: [&str; 31] = [
    "_",
    "::core",
    "::fal_app",
    "Self",
    "SetupError",
    "about",
    "answer",
    "async",
    "await",
    "const",
    "failures",
    "fn",
    "for",
    "impl",
    "let",
    "match",
    "move",
    "mut",
    "on_exit",
    "retry_config",
    "routes",
    "self",
    "setup",
    "static",
    "teardown",
    "type",
    "version",
    "warmup",
    "METADATA",
    "name",
    "limits",
];

#[track_caller]
fn check(generated: TokenStream, written: TokenStream) {
    let written = names(written);
    let stray: Vec<_> = roots(generated)
        .into_iter()
        .filter(|name| !ALLOWED.contains(&name.as_str()) && !written.contains(name))
        .filter(|name| !name.starts_with("__fal_") && !name.starts_with("__FAL_"))
        .collect();
    assert!(stray.is_empty(), "generated code names {stray:?}");
}

#[test]
fn generated_code_names_only_its_own_paths() {
    let none = TokenStream::new();
    check(
        app(&none),
        quote!(struct Hello doc keep_alive machine_type skip_retry_conditions timeout),
    );
    let (generated, written) = wiring(&none);
    check(generated, written);
    let (generated, written) = failure(&none);
    check(generated, written);
}

#[test]
fn a_renamed_crate_is_named_everywhere_and_alone() {
    let argument = quote!(crate = renamed::shell);
    let everything = [
        app(&argument),
        wiring(&argument).0,
        failure(&quote!(#[app_error(crate = renamed::shell)])).0,
    ];
    for generated in everything {
        let names = names(generated);
        assert!(names.contains("renamed"), "{names:?}");
        assert!(!names.contains("fal_app"), "{names:?}");
    }
}
