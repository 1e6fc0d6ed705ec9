//! Functions that the shell calls on its own: from the setup to the teardown.

use syn::{Ident, ReturnType, Signature, Token, Type};

use super::{
    endpoint::{self, Taken},
    shape::{self, Outcome, Receiver, Returned},
};
use crate::{
    errors::{Mistake, Sink},
    model::{Function, Marker},
};

/// The function that loads the model.
pub(crate) struct Setup {
    pub(crate) name: Ident,
    pub(crate) asyncness: Option<Token![async]>,
    pub(crate) takes_context: bool,
    pub(crate) error: Type,
}

/// The function that uses the model before anybody else does.
pub(crate) struct Warmup {
    pub(crate) name: Ident,
    pub(crate) asyncness: Option<Token![async]>,
    pub(crate) outcome: Outcome,
}

/// A function that is called with the app and returns nothing.
pub(crate) struct Hook {
    pub(crate) name: Ident,
    pub(crate) asyncness: Option<Token![async]>,
    /// The request that it is about, where it takes one.
    pub(crate) request: Option<(Type, Option<Token![&]>)>,
}

/// Checks a function marked `#[setup]`.
pub(crate) fn setup(function: &Function, marker: &Marker, sink: &Sink<'_>) -> Option<Setup> {
    let signature = &function.signature;
    bare(function, marker, "a setup", sink);
    if let Some(receiver) = signature.receiver() {
        sink.report(receiver, &Mistake::SETUP_WITH_SELF);
    }
    let arguments = shape::arguments(signature);
    if let Some(second) = arguments.get(1) {
        sink.report(second, &Mistake::SETUP_SECOND_ARGUMENT);
    }
    if let Some(first) = arguments.first().filter(|first| !shape::is_reference(&first.ty)) {
        sink.report(&first.ty, &Mistake::SETUP_CONTEXT_BY_VALUE);
    }
    let error = setup_error(signature, sink);
    if sink.failed() {
        return None;
    }
    Some(Setup {
        name: signature.ident.clone(),
        asyncness: signature.asyncness,
        takes_context: !arguments.is_empty(),
        error: error?,
    })
}

fn setup_error(signature: &Signature, sink: &Sink<'_>) -> Option<Type> {
    match shape::returned(signature) {
        Returned::Nothing => sink.report(&signature.ident, &Mistake::SETUP_RETURNS),
        Returned::Opaque(ty) | Returned::Plain(ty) => sink.report(ty, &Mistake::SETUP_RETURNS),
        Returned::Outcome(outcome) => match outcome.arguments.as_slice() {
            [_, error] => return Some(error.clone()),
            _ => sink.report(outcome.whole, &Mistake::SETUP_RETURNS),
        },
    }
    None
}

/// Checks a function marked `#[warmup]`.
pub(crate) fn warmup(function: &Function, marker: &Marker, sink: &Sink<'_>) -> Option<Warmup> {
    let signature = &function.signature;
    bare(function, marker, "a warm-up", sink);
    endpoint::shared(function, "a warm-up", sink);
    if let Some(argument) = shape::arguments(signature).first() {
        sink.report(argument, &Mistake::WARMUP_WITH_ARGUMENT);
    }
    let outcome = verdict(signature, &Mistake::WARMUP_RETURNS, sink);
    let (name, asyncness) = (signature.ident.clone(), signature.asyncness);
    outcome.filter(|_| !sink.failed()).map(|outcome| Warmup { name, asyncness, outcome })
}

/// Checks a function marked `#[on_cancel]`, which may look at the request.
pub(crate) fn on_cancel(function: &Function, marker: &Marker, sink: &Sink<'_>) -> Option<Hook> {
    let signature = &function.signature;
    bare(function, marker, "a cancel hook", sink);
    endpoint::shared(function, "a cancel hook", sink);
    let arguments = shape::arguments(signature);
    let mut request = None;
    for argument in &arguments {
        match Taken::of(&argument.ty) {
            Taken::Request(ty, and) if request.is_none() => {
                endpoint::shared_request(&argument.ty, sink);
                request = Some((ty, and));
            }
            Taken::Input(_) | Taken::Request(..) | Taken::Socket(_) if !sink.failed() => {
                sink.report(argument, &Mistake::CANCEL_ARGUMENTS);
            }
            Taken::Input(_) | Taken::Request(..) | Taken::Socket(_) => {}
        }
    }
    hook(signature, request, &Mistake::CANCEL_RETURNS, sink)
}

/// Checks a function marked `#[on_exit]`.
pub(crate) fn on_exit(function: &Function, marker: &Marker, sink: &Sink<'_>) -> Option<Hook> {
    let signature = &function.signature;
    bare(function, marker, "an exit hook", sink);
    endpoint::shared(function, "an exit hook", sink);
    if let Some(argument) = shape::arguments(signature).first() {
        sink.report(argument, &Mistake::EXIT_WITH_ARGUMENT);
    }
    hook(signature, None, &Mistake::EXIT_RETURNS, sink)
}

/// Checks a function marked `#[teardown]`.
pub(crate) fn teardown(function: &Function, marker: &Marker, sink: &Sink<'_>) -> Option<Hook> {
    let signature = &function.signature;
    bare(function, marker, "a teardown", sink);
    match (shape::receiver(signature), signature.receiver()) {
        (Receiver::Owned, _) => {}
        (_, Some(receiver)) => sink.report(receiver, &Mistake::TEARDOWN_BORROWS),
        (_, None) => sink.report(&signature.ident, &Mistake::TEARDOWN_BORROWS),
    }
    if let Some(argument) = shape::arguments(signature).first() {
        sink.report(argument, &Mistake::TEARDOWN_WITH_ARGUMENT);
    }
    hook(signature, None, &Mistake::TEARDOWN_RETURNS, sink)
}

fn hook(
    signature: &Signature,
    request: Option<(Type, Option<Token![&]>)>,
    returns: &Mistake,
    sink: &Sink<'_>,
) -> Option<Hook> {
    if let ReturnType::Type(_, ty) = &signature.output
        && !is_unit(ty)
    {
        sink.report(ty, returns);
    }
    let (name, asyncness) = (signature.ident.clone(), signature.asyncness);
    (!sink.failed()).then_some(Hook { name, asyncness, request })
}

/// `Result<(), E>`, or an alias, which the compiler looks into; `mistake` is reported for anything else.
pub(super) fn verdict(
    signature: &Signature,
    mistake: &Mistake,
    sink: &Sink<'_>,
) -> Option<Outcome> {
    match shape::returned(signature) {
        Returned::Outcome(outcome) if is_verdict(&outcome) => return Some(outcome),
        Returned::Outcome(outcome) => sink.report(outcome.whole, mistake),
        Returned::Nothing => sink.report(&signature.ident, mistake),
        Returned::Opaque(ty) | Returned::Plain(ty) => sink.report(ty, mistake),
    }
    None
}

fn is_verdict(outcome: &Outcome) -> bool {
    match outcome.arguments.as_slice() {
        [ok, _] => is_unit(ok),
        _ => true,
    }
}

fn is_unit(ty: &Type) -> bool {
    matches!(shape::ungrouped(ty), Type::Tuple(unit) if unit.elems.is_empty())
}

/// Reports what no function of this kind may have: arguments in its attribute, type parameters.
fn bare(function: &Function, marker: &Marker, role: &'static str, sink: &Sink<'_>) {
    if let Some(arguments) = &marker.arguments {
        sink.report(arguments, &Mistake::role_with_arguments(marker.role.name()));
    }
    shape::plain(&function.signature, role, sink);
}
