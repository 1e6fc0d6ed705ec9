//! A type under `#[derive(AppError)]`: every way to fail says its status.

use syn::{Fields, Generics, Ident, Type};

use super::{
    facade,
    status::{self, Status},
};
use crate::{
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
    pub(crate) answer: Answer,
}

/// What one way to fail is answered with.
pub(crate) enum Answer {
    Status(Box<Status>),
    /// A 503, with the payload that proves it.
    Broken(Box<Evidence>),
    /// The case has a mistake that was reported: it gets an arm, so that the match stays whole.
    Inert,
}

/// The one field of a broken variant.
pub(crate) struct Evidence {
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
        FailureKind::Struct => vec![whole(&failure, &sink.part())],
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

fn whole(failure: &Failure, sink: &Sink<'_>) -> Case {
    let answer = match failure.says.as_slice() {
        [] => refuse(&failure.ident, &Mistake::NO_STATUS_ON_STRUCT, sink),
        [Saying { what: Said::RunnerBroken(_), attribute }] => {
            refuse(attribute, &Mistake::BROKEN_ON_TYPE, sink)
        }
        [saying @ Saying { what: Said::Status(arguments), .. }] => {
            status::check(saying, arguments.as_ref(), sink)
                .map_or(Answer::Inert, |status| Answer::Status(status.into()))
        }
        [_, second, ..] => refuse(&second.attribute, &Mistake::SAID_TWICE, sink),
    };
    Case { variant: None, answer }
}

fn case(variant: &Variant, sink: &Sink<'_>) -> Case {
    let name = variant.ident.to_string();
    let answer = match variant.says.as_slice() {
        [] => refuse(&variant.ident, &Mistake::no_status(&name), sink),
        [saying @ Saying { what: Said::Status(arguments), .. }] => {
            status::check(saying, arguments.as_ref(), sink)
                .map_or(Answer::Inert, |status| Answer::Status(status.into()))
        }
        [Saying { what: Said::RunnerBroken(Some(arguments)), .. }] => {
            refuse(arguments, &Mistake::BROKEN_WITH_ARGUMENTS, sink)
        }
        [Saying { what: Said::RunnerBroken(None), attribute }] => evidence(&variant.fields)
            .map_or_else(
                |mistake| refuse(attribute, &mistake(&name), sink),
                |proof| Answer::Broken(proof.into()),
            ),
        [_, second, ..] => refuse(&second.attribute, &Mistake::SAID_TWICE, sink),
    };
    Case { variant: Some(variant.ident.clone()), answer }
}

/// The proof is the one thing that a broken variant carries, so that there is no question which
/// field it is.
fn evidence(fields: &Fields) -> Result<Evidence, fn(&str) -> Mistake> {
    let mut all = fields.iter();
    match (all.next(), all.next()) {
        (None, _) => Err(Mistake::broken_without_proof),
        (Some(_), Some(_)) => Err(Mistake::broken_with_more),
        (Some(field), None) => {
            let member = field.ident.clone().map_or(Member::First, Member::Named);
            Ok(Evidence { field: member, kind: field.ty.clone() })
        }
    }
}

fn refuse(at: impl quote::ToTokens, mistake: &Mistake, sink: &Sink<'_>) -> Answer {
    sink.report(at, mistake);
    Answer::Inert
}
