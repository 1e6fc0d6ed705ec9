//! A type under `#[derive(AppError)]`: every way to fail says its status.

use proc_macro2::TokenStream;
use syn::{Expr, Fields, Generics, Ident, Type};

use super::{
    facade, has_value,
    status::{self, Status},
};
use crate::{
    args,
    errors::{Mistake, Sink},
    model::{Failure, FailureKind, Said, Saying, Variant},
    paths::Facade,
};

/// A failure that can be answered.
pub(crate) struct CheckedFailure {
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) cases: Vec<Case>,
    pub(crate) facade: Facade,
}

/// One way to fail.
pub(crate) struct Case {
    /// The variant, or nothing for a struct.
    pub(crate) variant: Option<Ident>,
    pub(crate) about: String,
    pub(crate) answer: Answer,
}

/// What one way to fail is answered with.
pub(crate) enum Answer {
    Status(Box<Status>),
    /// A 503, with the payload that proves it.
    Broken(Box<Payload>),
    /// What the payload, itself a failure, answers.
    Transparent(Box<Payload>),
    /// The case has a mistake that was reported: it gets an arm, so that the match stays whole.
    Inert,
}

/// The one field of a variant that answers by it.
pub(crate) struct Payload {
    pub(crate) field: Member,
    pub(crate) kind: Type,
}

/// How a pattern reaches a field.
pub(crate) enum Member {
    Named(Ident),
    First,
}

/// Checks each variant on its own.
pub(crate) fn check(failure: Failure, sink: &Sink<'_>) -> CheckedFailure {
    let mut crate_path = None;
    for option in &failure.options {
        if option.name == "crate" {
            crate_path = facade(option, sink);
        } else {
            sink.report(&option.name, &Mistake::UNKNOWN_ERROR_OPTION);
        }
    }
    let cases = match &failure.kind {
        FailureKind::Enum(variants) => {
            on_the_enum(&failure.says, sink);
            variants.iter().map(|variant| case(variant, &sink.part())).collect()
        }
        FailureKind::Struct(fields) => vec![whole(&failure, fields, &sink.part())],
    };
    let facade = crate_path.unwrap_or_default();
    CheckedFailure { ident: failure.ident, generics: failure.generics, cases, facade }
}

fn on_the_enum(says: &[Saying], sink: &Sink<'_>) {
    for saying in says {
        let mistake = match saying.what {
            Said::Status(_) => Mistake::STATUS_ON_ENUM,
            Said::RunnerBroken(_) => Mistake::BROKEN_ON_TYPE,
        };
        sink.report(&saying.attribute, &mistake);
    }
}

fn whole(failure: &Failure, fields: &Fields, sink: &Sink<'_>) -> Case {
    let answer = match failure.says.as_slice() {
        [] => refuse(&failure.ident, &Mistake::NO_STATUS_ON_STRUCT, sink),
        [Saying { what: Said::RunnerBroken(_), attribute }] => {
            refuse(attribute, &Mistake::BROKEN_ON_TYPE, sink)
        }
        [saying] if is_set(saying, sink) => Answer::Inert,
        [saying @ Saying { what: Said::Status(arguments), .. }] => {
            said(saying, arguments.as_ref(), (&failure.ident.to_string(), fields), sink)
        }
        [_, second, ..] => refuse(&second.attribute, &Mistake::SAID_TWICE, sink),
    };
    Case { variant: None, about: failure.about.clone(), answer }
}

fn case(variant: &Variant, sink: &Sink<'_>) -> Case {
    let name = variant.ident.to_string();
    let answer = match variant.says.as_slice() {
        [] => refuse(&variant.ident, &Mistake::no_status(&name), sink),
        [saying] if is_set(saying, sink) => Answer::Inert,
        [saying @ Saying { what: Said::Status(arguments), .. }] => {
            said(saying, arguments.as_ref(), (&name, &variant.fields), sink)
        }
        [Saying { what: Said::RunnerBroken(Some(arguments)), .. }] => {
            refuse(arguments, &Mistake::BROKEN_WITH_ARGUMENTS, sink)
        }
        [Saying { what: Said::RunnerBroken(None), attribute }] => match payload(&variant.fields) {
            Ok(proof) => Answer::Broken(proof.into()),
            Err(Payloads::None) => refuse(attribute, &Mistake::broken_without_proof(&name), sink),
            Err(Payloads::Several) => refuse(attribute, &Mistake::broken_with_more(&name), sink),
        },
        [_, second, ..] => refuse(&second.attribute, &Mistake::SAID_TWICE, sink),
    };
    Case { variant: Some(variant.ident.clone()), about: variant.about.clone(), answer }
}

/// Reports a value behind an equals sign.
fn is_set(saying: &Saying, sink: &Sink<'_>) -> bool {
    let form = |value: &Expr| match saying.what {
        Said::Status(_) => status::form(value),
        Said::RunnerBroken(_) => "#[runner_broken]".to_owned(),
    };
    has_value(&saying.attribute, form, sink)
}

/// What `#[status(..)]` says: a code, or that the payload answers.
fn said(
    saying: &Saying,
    arguments: Option<&TokenStream>,
    (name, fields): (&str, &Fields),
    sink: &Sink<'_>,
) -> Answer {
    if !status::is_transparent(arguments) {
        let status = status::check(saying, arguments, sink);
        return status.map_or(Answer::Inert, |status| Answer::Status(status.into()));
    }
    let pieces = arguments.cloned().map(args::split).unwrap_or_default();
    if let Some(more) = pieces.into_iter().nth(1) {
        return refuse(more, &Mistake::TRANSPARENT_WITH_MORE, sink);
    }
    match payload(fields) {
        Ok(payload) => Answer::Transparent(payload.into()),
        Err(_) => refuse(&saying.attribute, &Mistake::transparent_payload(name), sink),
    }
}

/// Why no field of a variant is the one that it answers by.
enum Payloads {
    None,
    Several,
}

/// The one thing that a variant carries, so that there is no question which field it is.
fn payload(fields: &Fields) -> Result<Payload, Payloads> {
    let mut all = fields.iter();
    match (all.next(), all.next()) {
        (None, _) => Err(Payloads::None),
        (Some(_), Some(_)) => Err(Payloads::Several),
        (Some(field), None) => {
            let member = field.ident.clone().map_or(Member::First, Member::Named);
            Ok(Payload { field: member, kind: field.ty.clone() })
        }
    }
}

fn refuse(at: impl quote::ToTokens, mistake: &Mistake, sink: &Sink<'_>) -> Answer {
    sink.report(at, mistake);
    Answer::Inert
}
