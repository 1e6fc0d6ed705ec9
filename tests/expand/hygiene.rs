//! Generated code names nothing that the user's scope could change.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;

/// Every form of generated code at once. The first part is what the user wrote.
fn app(argument: &TokenStream) -> TokenStream {
    let arguments =
        quote!(keep_alive = 1, machine_type = "S", skip_retry_conditions = ["timeout"], #argument);
    fal_app_codegen::fal_app(
        arguments,
        quote!(
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
            #[health_check] async fn healthy(&self) -> Result<(), Unhealthy> {}
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
const ALLOWED: [&str; 23] = [
    "_",
    "::core",
    "::fal_app",
    "Self",
    "SetupError",
    "answer",
    "async",
    "await",
    "const",
    "fn",
    "for",
    "impl",
    "let",
    "match",
    "move",
    "routes",
    "self",
    "setup",
    "teardown",
    "type",
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
    check(app(&none), quote!(struct Hello keep_alive machine_type skip_retry_conditions));
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
