//! What a doc comment says, for the app's description.

use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta};

/// The lines of a doc comment, without the space that each begins with.
pub(super) fn doc(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter(|attribute| attribute.path().is_ident("doc"));
    let lines = lines.filter_map(|attribute| text(&attribute.meta));
    let lines: Vec<_> =
        lines.map(|line| line.strip_prefix(' ').unwrap_or(&line).to_owned()).collect();
    lines.join("\n").trim().to_owned()
}

/// The doc comment of a failure, or else the text that its `Display` shows.
pub(super) fn failure(attributes: &[Attribute]) -> String {
    let doc = doc(attributes);
    if !doc.is_empty() {
        return doc;
    }
    let mut shown = attributes.iter().filter(|attribute| attribute.path().is_ident("error"));
    let first = |attribute: &Attribute| attribute.parse_args_with(first_text).ok();
    shown.find_map(first).map(|text| text.value()).unwrap_or_default()
}

fn first_text(input: syn::parse::ParseStream<'_>) -> syn::Result<LitStr> {
    let text = input.parse()?;
    input.parse::<proc_macro2::TokenStream>()?;
    Ok(text)
}

fn text(meta: &Meta) -> Option<String> {
    let Meta::NameValue(pair) = meta else { return None };
    let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &pair.value else { return None };
    Some(text.value())
}
