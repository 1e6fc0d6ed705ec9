//! Expands every attribute of ours in a whole source file: for reading, and for snapshots.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, File, Item, Meta, Path, Token, punctuated::Punctuated};

use crate::{Expansion, app_error, fal_app};

/// Expands each `#[fal_app]` and each `#[derive(AppError)]` in a file, those in inline modules
/// included.
///
/// The attributes are told by their last name, whatever path leads to them. The tokens are a whole
/// file again.
#[must_use]
pub fn expand_file(file: File) -> Expansion {
    let mut errors = Vec::new();
    let attributes = &file.attrs;
    let items = items(file.items, &mut errors);
    Expansion { tokens: quote!(#(#attributes)* #items), errors }
}

fn items(items: Vec<Item>, errors: &mut Vec<syn::Error>) -> TokenStream {
    items.into_iter().map(|item| expand(item, errors)).collect()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "no other kind of item takes our attributes")]
fn expand(item: Item, errors: &mut Vec<syn::Error>) -> TokenStream {
    match item {
        Item::Mod(module) => inline(module, errors),
        Item::Struct(mut item) => {
            let derived = derived(&item.attrs, &item, errors);
            let own = take_attribute(&mut item.attrs);
            let item = attributed(own, &item, errors);
            quote!(#item #derived)
        }
        Item::Impl(mut item) => {
            let own = take_attribute(&mut item.attrs);
            attributed(own, &item, errors)
        }
        Item::Enum(item) => {
            let derived = derived(&item.attrs, &item, errors);
            quote!(#item #derived)
        }
        other => other.into_token_stream(),
    }
}

fn inline(mut module: syn::ItemMod, errors: &mut Vec<syn::Error>) -> TokenStream {
    if let Some((_, content)) = &mut module.content {
        let expanded = items(std::mem::take(content), errors);
        content.push(Item::Verbatim(expanded));
    }
    module.into_token_stream()
}

/// The arguments of the item's `#[fal_app]`, which is taken off.
fn take_attribute(attributes: &mut Vec<Attribute>) -> Option<TokenStream> {
    let at = attributes.iter().position(|attribute| is(attribute.path(), "fal_app"))?;
    let attribute = attributes.remove(at);
    Some(if let Meta::List(list) = attribute.meta { list.tokens } else { TokenStream::new() })
}

fn attributed(
    arguments: Option<TokenStream>,
    item: &impl ToTokens,
    errors: &mut Vec<syn::Error>,
) -> TokenStream {
    let item = item.to_token_stream();
    arguments
        .map_or_else(|| item.clone(), |arguments| take(fal_app(arguments, item.clone()), errors))
}

fn derived(
    attributes: &[Attribute],
    item: &impl ToTokens,
    errors: &mut Vec<syn::Error>,
) -> TokenStream {
    let paths = Punctuated::<Path, Token![,]>::parse_terminated;
    let ours = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("derive"))
        .filter_map(|attribute| attribute.parse_args_with(paths).ok())
        .any(|derives| derives.iter().any(|derive| is(derive, "AppError")));
    if ours { take(app_error(item.to_token_stream()), errors) } else { TokenStream::new() }
}

fn take(expansion: Expansion, errors: &mut Vec<syn::Error>) -> TokenStream {
    errors.extend(expansion.errors);
    expansion.tokens
}

fn is(path: &Path, name: &str) -> bool {
    path.segments.last().is_some_and(|last| last.ident == name)
}
