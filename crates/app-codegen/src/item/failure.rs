//! Reads the type under `#[derive(AppError)]`.

use proc_macro2::TokenStream;
use syn::{Attribute, Data, DeriveInput, Meta};

use super::{about, wiring::arguments};
use crate::{
    args,
    errors::{Mistake, Sink},
    model::{Argument, Failure, FailureKind, Said, Saying, Variant},
};

/// Reads an enum or a struct; a union is reported.
pub(crate) fn failure(tokens: TokenStream, sink: &Sink<'_>) -> Option<Failure> {
    let input: DeriveInput = syn::parse2(tokens).map_err(|error| sink.push(error)).ok()?;
    let kind = match input.data {
        Data::Enum(data) => FailureKind::Enum(data.variants.into_iter().map(variant).collect()),
        Data::Struct(data) => FailureKind::Struct(data.fields),
        Data::Union(data) => {
            sink.report(data.union_token, &Mistake::UNION_FAILURE);
            return None;
        }
    };
    let (says, about) = (says(&input.attrs), about::failure(&input.attrs));
    let options = options(&input.attrs, sink);
    Some(Failure { ident: input.ident, generics: input.generics, says, about, options, kind })
}

fn variant(variant: syn::Variant) -> Variant {
    let (says, about) = (says(&variant.attrs), about::failure(&variant.attrs));
    Variant { says, about, ident: variant.ident, fields: variant.fields }
}

fn says(attributes: &[Attribute]) -> Vec<Saying> {
    attributes.iter().filter_map(saying).collect()
}

fn saying(attribute: &Attribute) -> Option<Saying> {
    let path = attribute.path();
    let what = if path.is_ident("status") {
        Said::Status(arguments(attribute))
    } else if path.is_ident("runner_broken") {
        Said::RunnerBroken(arguments(attribute))
    } else {
        return None;
    };
    Some(Saying { attribute: attribute.clone(), what })
}

fn options(attributes: &[Attribute], sink: &Sink<'_>) -> Vec<Argument> {
    let ours = attributes.iter().filter(|attribute| attribute.path().is_ident("app_error"));
    ours.flat_map(|attribute| {
        if let Meta::NameValue(pair) = &attribute.meta {
            sink.report(&pair.value, &Mistake::UNKNOWN_ERROR_OPTION);
        }
        args::parse(arguments(attribute).unwrap_or_default(), sink)
    })
    .collect()
}
