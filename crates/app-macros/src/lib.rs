//! The attributes and derives of `fal_app`.
//!
//! A shim: everything happens in `fal_app_codegen`, which is an ordinary library and is tested as
//! one. Their documents are at the re-exports in `fal_app`, where the examples compile against the
//! real runtime.

use proc_macro::TokenStream;

/// Declares an app on a struct, and wires it on the struct's `impl`.
#[proc_macro_attribute]
pub fn fal_app(arguments: TokenStream, item: TokenStream) -> TokenStream {
    fal_app_codegen::fal_app(arguments.into(), item.into()).into_tokens().into()
}

/// Lets an error type answer for an endpoint: each variant says its status.
#[proc_macro_derive(AppError, attributes(status, runner_broken, app_error))]
pub fn app_error(item: TokenStream) -> TokenStream {
    fal_app_codegen::app_error(item.into()).into_tokens().into()
}
