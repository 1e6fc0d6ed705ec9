//! Reads an impl and takes our markers off its functions.

use std::mem;

use proc_macro2::{Group, TokenStream};
use quote::{ToTokens, quote};
use syn::{
    Attribute, Generics, ImplItem, Meta, Signature, Token, Type, Visibility, braced,
    parse::ParseStream, token,
};

use super::{about, condition};
use crate::model::{Function, Marker, Role, Wiring};

/// Reads the whole impl. The second value is the impl as the user wrote it, without our markers.
pub(super) fn parse(input: ParseStream<'_>) -> syn::Result<(Wiring, TokenStream)> {
    let mut head = TokenStream::new();
    for attribute in input.call(Attribute::parse_outer)? {
        attribute.to_tokens(&mut head);
    }
    input.parse::<Option<Token![unsafe]>>()?.to_tokens(&mut head);
    input.parse::<Token![impl]>()?.to_tokens(&mut head);
    let mut generics: Generics = input.parse()?;
    generics.to_tokens(&mut head);
    let mut app: Type = input.parse()?;
    app.to_tokens(&mut head);
    let mut of_trait = None;
    if let Some(token) = input.parse::<Option<Token![for]>>()? {
        token.to_tokens(&mut head);
        of_trait = Some(mem::replace(&mut app, input.parse()?));
        app.to_tokens(&mut head);
    }
    generics.where_clause = input.parse()?;
    generics.where_clause.to_tokens(&mut head);
    let content;
    let brace = braced!(content in input);
    let (functions, body) = members(&content)?;
    brace.surround(&mut head, |tokens| body.to_tokens(tokens));
    Ok((Wiring { generics, of_trait, app, functions }, head))
}

fn members(input: ParseStream<'_>) -> syn::Result<(Vec<Function>, TokenStream)> {
    let mut functions = Vec::new();
    let mut kept = TokenStream::new();
    for attribute in input.call(Attribute::parse_inner)? {
        attribute.to_tokens(&mut kept);
    }
    while !input.is_empty() {
        if let Some((function, tokens)) = function(input)? {
            functions.push(function);
            kept.extend(tokens);
        } else {
            input.parse::<ImplItem>()?.to_tokens(&mut kept);
        }
    }
    Ok((functions, kept))
}

/// Reads a function with a body, or nothing where another kind of member stands.
fn function(input: ParseStream<'_>) -> syn::Result<Option<(Function, TokenStream)>> {
    let ahead = input.fork();
    ahead.call(Attribute::parse_outer)?;
    ahead.parse::<Visibility>()?;
    if ahead.parse::<Signature>().is_err() || !ahead.peek(token::Brace) {
        return Ok(None);
    }
    let attributes = input.call(Attribute::parse_outer)?;
    let visibility: Visibility = input.parse()?;
    let signature: Signature = input.parse()?;
    let body: Group = input.parse()?;
    let (markers, kept): (Vec<_>, Vec<_>) =
        attributes.into_iter().partition(|attribute| role(attribute).is_some());
    let tokens = quote!(#(#kept)* #visibility #signature #body);
    let about = about::doc(&kept);
    let hidden = kept.iter().filter(|attribute| condition::is_hidden(attribute)).cloned().collect();
    let conditions = kept.into_iter().filter(condition::is_plain).collect();
    let markers = markers.into_iter().filter_map(marker).collect();
    Ok(Some((Function { markers, conditions, hidden, about, signature, body }, tokens)))
}

fn marker(attribute: Attribute) -> Option<Marker> {
    let role = role(&attribute)?;
    let arguments = arguments(&attribute);
    Some(Marker { role, attribute, arguments })
}

fn role(attribute: &Attribute) -> Option<Role> {
    Role::ALL.into_iter().find(|role| attribute.path().is_ident(role.name()))
}

/// What stands between an attribute's parentheses, if it has any.
pub(super) fn arguments(attribute: &Attribute) -> Option<TokenStream> {
    if let Meta::List(list) = &attribute.meta { Some(list.tokens.clone()) } else { None }
}
