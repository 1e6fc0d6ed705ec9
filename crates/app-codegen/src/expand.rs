//! Writes down what was checked; nothing here can fail or decide.
//!
//! This file holds the order of the generated items, the files below hold the items.

mod failure;
mod life;
mod metadata;
mod routes;

use proc_macro2::TokenStream;
use quote::quote;

pub(crate) use self::failure::failure;
use crate::{
    check::{settings::CheckedApp, wiring::CheckedWiring},
    paths::Facade,
};

/// The struct as it was written, what it declares, and the demand for its impl half.
pub(crate) fn app(item: &TokenStream, checked: &CheckedApp) -> TokenStream {
    let declared = metadata::declared(checked);
    let wired = metadata::wired(checked);
    quote!(#item #declared #wired)
}

/// The impl without our markers, and the wiring between it and the app shell.
pub(crate) fn wiring(kept: &TokenStream, checked: &CheckedWiring) -> TokenStream {
    let app = &checked.app;
    let wired = Facade::private(&checked.facade, "Wired");
    let setup = life::setup(checked);
    let warmup = life::warmup(checked);
    let routes = routes::routes(checked);
    let on_exit = life::on_exit(checked);
    let teardown = life::teardown(checked);
    quote! {
        #kept

        impl #wired for #app {
            #setup
            #warmup
            #routes
            #on_exit
            #teardown
        }
    }
}
