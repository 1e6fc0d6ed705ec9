//! Functions that answer a call: endpoints, and those that answer in real time.

use proc_macro2::TokenStream;
use syn::{Attribute, Ident, LitStr, Token, Type};

use super::{
    is_first, is_new,
    shape::{self, Outcome, Receiver, Returned},
    value::{self, Value},
};
use crate::{
    args,
    errors::{Mistake, Sink},
    model::{Argument, Function, Marker, Role},
    names,
};

/// An endpoint that can be routed.
pub(crate) struct Endpoint {
    pub(crate) path: LitStr,
    pub(crate) name: Ident,
    pub(crate) about: String,
    pub(crate) conditions: Vec<Attribute>,
    pub(crate) manner: Manner,
    /// As the function takes them. No input: the body is not looked at.
    pub(crate) takes: Vec<Taken>,
    pub(crate) outcome: Outcome,
}

/// How an endpoint works.
pub(crate) enum Manner {
    Async,
    /// On a thread that may block.
    Blocking,
    /// Over messages, with these settings.
    Realtime(Vec<(Ident, u64)>),
}

/// One argument of an endpoint.
pub(crate) enum Taken {
    Input(Type),
    /// The request: its type, and the `&` where it is borrowed.
    Request(Type, Option<Token![&]>),
}

/// Checks a function marked `#[endpoint("/path")]` or `#[realtime("/path")]`.
pub(crate) fn check(function: &Function, marker: &Marker, sink: &Sink<'_>) -> Option<Endpoint> {
    let mut pieces = pieces(marker).into_iter();
    let path = path(marker, pieces.next(), sink);
    let manner = manner(marker.role, pieces, sink);
    let signature = &function.signature;
    shape::plain(signature, "an endpoint", sink);
    match (signature.asyncness, &manner) {
        (Some(token), Manner::Blocking) => sink.report(token, &Mistake::BLOCKING_AND_ASYNC),
        (None, Manner::Async) => sink.report(signature.fn_token, &Mistake::ENDPOINT_NOT_ASYNC),
        (None, Manner::Realtime(_)) => {
            sink.report(signature.fn_token, &Mistake::REALTIME_NOT_ASYNC);
        }
        (Some(_), Manner::Async | Manner::Realtime(_)) | (None, Manner::Blocking) => {}
    }
    shared(function, "an endpoint", sink);
    let takes = takes(function, marker.role, sink);
    let outcome = outcome(function, sink);
    if sink.failed() {
        return None;
    }
    Some(Endpoint {
        path: path?,
        name: signature.ident.clone(),
        about: function.about.clone(),
        conditions: function.conditions.clone(),
        manner,
        takes,
        outcome: outcome?,
    })
}

/// The arguments of a marker, each for itself.
pub(super) fn pieces(marker: &Marker) -> Vec<TokenStream> {
    args::split(marker.arguments.clone().unwrap_or_default())
}

fn path(marker: &Marker, piece: Option<TokenStream>, sink: &Sink<'_>) -> Option<LitStr> {
    let Some(piece) = piece else {
        sink.report(&marker.attribute, &Mistake::path_missing(marker.role.name()));
        return None;
    };
    let expr = syn::parse2(piece.clone()).ok();
    let Some(Value::Text(path)) = expr.as_ref().map(Value::of) else {
        sink.report(piece, &Mistake::PATH_IS_NO_TEXT);
        return None;
    };
    plain_path(path, sink)
}

/// A path that can be routed.
pub(super) fn plain_path(path: &LitStr, sink: &Sink<'_>) -> Option<LitStr> {
    let mistake = wrong_path(&path.value());
    if let Some(mistake) = &mistake {
        sink.report(path, mistake);
    }
    mistake.is_none().then(|| path.clone())
}

fn wrong_path(path: &str) -> Option<Mistake> {
    if !path.starts_with('/') {
        return Some(Mistake::path_without_slash(path));
    }
    let plain = |letter: char| {
        letter.is_ascii_graphic() && !matches!(letter, '{' | '}' | '*' | '?' | '#' | '%')
    };
    (!path.chars().all(plain)).then_some(Mistake::PATH_NOT_PLAIN)
}

/// What follows the path: `blocking` on an endpoint, settings on a realtime one.
fn manner(role: Role, pieces: impl Iterator<Item = TokenStream>, sink: &Sink<'_>) -> Manner {
    if role == Role::Realtime {
        return Manner::Realtime(sessions(pieces, sink));
    }
    let mut manner = Manner::Async;
    let mut seen = Vec::new();
    for piece in pieces {
        match syn::parse2::<Ident>(piece.clone()) {
            Ok(word) if word == "blocking" => {
                is_new(&word, &mut seen, sink);
                manner = Manner::Blocking;
            }
            Ok(word) => {
                let meant = names::closest(&word.to_string(), &["blocking"]);
                sink.report(word, &Mistake::unknown_manner(meant));
            }
            Err(_) => sink.report(piece, &Mistake::unknown_manner(None)),
        }
    }
    manner
}

/// The settings of `#[realtime(..)]`, which are the fields of `RealtimeOptions`.
pub(crate) const SESSIONS: [&str; 2] = ["buffering", "session_timeout"];

fn sessions(pieces: impl Iterator<Item = TokenStream>, sink: &Sink<'_>) -> Vec<(Ident, u64)> {
    let mut seen = Vec::new();
    let mut settings = Vec::new();
    for argument in pieces.flat_map(|piece| args::parse(piece, sink)) {
        if is_first(&argument, &mut seen, sink) {
            settings.extend(session(argument, sink));
        }
    }
    settings
}

fn session(Argument { name, value }: Argument, sink: &Sink<'_>) -> Option<(Ident, u64)> {
    let written = name.to_string();
    let number = match written.as_str() {
        "buffering" => value::count(&value, 1, 60, sink).map(u64::from),
        "session_timeout" => value::seconds(&value, 1, 86_400, sink),
        _ => {
            let meant = names::closest(&written, &SESSIONS);
            sink.report(&name, &Mistake::unknown_session(&written, meant));
            None
        }
    };
    number.map(|number| (name, number))
}

/// Reports a receiver that is not `&self`.
pub(super) fn shared(function: &Function, role: &'static str, sink: &Sink<'_>) {
    let signature = &function.signature;
    match (shape::receiver(signature), signature.receiver()) {
        (Receiver::Shared, _) => {}
        (Receiver::Exclusive, Some(receiver)) => {
            sink.report(receiver, &Mistake::exclusive_receiver(role))
        }
        (Receiver::Owned | Receiver::Other, Some(receiver)) => {
            sink.report(receiver, &Mistake::owned_receiver(role));
        }
        (_, _) => sink.report(&signature.ident, &Mistake::no_receiver(role)),
    }
}

/// Sorts the arguments into input and request. The request is known by its name, because a macro sees
/// no types; whether it is ours, a trait asks.
fn takes(function: &Function, role: Role, sink: &Sink<'_>) -> Vec<Taken> {
    let mut takes = Vec::new();
    let (mut input, mut request) = (None, None);
    for argument in shape::arguments(&function.signature) {
        let taken = taken(&argument.ty, sink);
        let (earlier, again) = match &taken {
            Taken::Input(_) => (&mut input, &Mistake::SECOND_INPUT),
            Taken::Request(..) => (&mut request, &Mistake::SECOND_REQUEST),
        };
        if earlier.replace(()).is_some() {
            sink.report(argument, again);
        }
        takes.push(taken);
    }
    if role == Role::Realtime && input.is_none() {
        sink.report(&function.signature.ident, &Mistake::REALTIME_WITHOUT_INPUT);
    }
    takes
}

impl Taken {
    /// What an argument is, by its type.
    pub(super) fn of(ty: &Type) -> Self {
        let whole = shape::ungrouped(ty);
        let (owned, borrow) = if let Type::Reference(reference) = whole {
            (&*reference.elem, Some(reference.and_token))
        } else {
            (whole, None)
        };
        if shape::last_name(owned).is_some_and(|name| name == "Request") {
            Self::Request(owned.clone(), borrow)
        } else {
            Self::Input(ty.clone())
        }
    }
}

/// One argument of an endpoint, judged.
fn taken(ty: &Type, sink: &Sink<'_>) -> Taken {
    let taken = Taken::of(ty);
    match &taken {
        Taken::Request(..) => shared_request(ty, sink),
        Taken::Input(_) if shape::is_reference(ty) => sink.report(ty, &Mistake::BORROWED_INPUT),
        Taken::Input(_) if shape::is_opaque(ty) => sink.report(ty, &Mistake::OPAQUE_INPUT),
        Taken::Input(_) => {}
    }
    taken
}

/// Reports a request that is borrowed for its taker alone.
pub(super) fn shared_request(ty: &Type, sink: &Sink<'_>) {
    if let Type::Reference(reference) = shape::ungrouped(ty)
        && reference.mutability.is_some()
    {
        sink.report(ty, &Mistake::EXCLUSIVE_REQUEST);
    }
}

fn outcome(function: &Function, sink: &Sink<'_>) -> Option<Outcome> {
    let signature = &function.signature;
    match shape::returned(signature) {
        Returned::Nothing => sink.report(&signature.ident, &Mistake::ENDPOINT_RETURNS_NOTHING),
        Returned::Opaque(ty) => sink.report(ty, &Mistake::OPAQUE_OUTPUT),
        Returned::Plain(ty) => sink.report(&ty, &plain_output(&ty)),
        Returned::Outcome(outcome) => match outcome.arguments.first() {
            Some(ok) if is_response(ok) => {
                sink.report(ok, &Mistake::response_inside(&shape::written(ok)))
            }
            Some(_) | None => return Some(outcome),
        },
    }
    None
}

fn plain_output(ty: &Type) -> Mistake {
    if is_response(ty) {
        Mistake::response_output(&shape::written(ty))
    } else {
        Mistake::no_result(&shape::written(ty))
    }
}

fn is_response(ty: &Type) -> bool {
    let named = shape::last_name(ty);
    named.is_some_and(|name| ["Response", "StatusCode", "Json", "Html"].contains(&name.as_str()))
}
