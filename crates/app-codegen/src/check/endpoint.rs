//! Functions that answer a call: endpoints, those that answer in real time, and those that have a
//! WebSocket to themselves.

use proc_macro2::TokenStream;
use syn::{Attribute, Ident, LitStr, Signature, Token, Type};

use super::{
    hooks, is_new,
    session::{self, Session},
    shape::{self, Outcome, Receiver, Returned},
    value::Value,
};
use crate::{
    args,
    errors::{Mistake, Sink},
    model::{Function, Marker, Role},
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
    /// Over messages.
    Realtime(Box<Session>),
    /// Over a socket of its own.
    Raw,
}

/// One argument of an endpoint.
pub(crate) enum Taken {
    Input(Type),
    /// The request: its type, and the `&` where it is borrowed.
    Request(Type, Option<Token![&]>),
    Socket(Type),
}

/// Checks a function marked `#[endpoint("/path")]`, `#[realtime("/path")]` or `#[websocket("/path")]`.
pub(crate) fn check(function: &Function, marker: &Marker, sink: &Sink<'_>) -> Option<Endpoint> {
    let mut pieces = pieces(marker).into_iter();
    let path = path(marker, pieces.next(), sink);
    let mut manner = manner(marker.role, pieces, sink);
    let signature = &function.signature;
    shape::plain(signature, "an endpoint", sink);
    asyncness(signature, manner.as_ref(), sink);
    shared(function, "an endpoint", sink);
    let takes = takes(function, marker.role, sink);
    if let Some(Manner::Realtime(session)) = &mut manner {
        session.take(&takes, sink);
    }
    let outcome = if marker.role == Role::WebSocket {
        hooks::verdict(signature, &Mistake::SOCKET_RETURNS, sink)
    } else {
        outcome(function, sink)
    };
    if sink.failed() {
        return None;
    }
    Some(Endpoint {
        path: path?,
        name: signature.ident.clone(),
        about: function.about.clone(),
        conditions: function.conditions.clone(),
        manner: manner?,
        takes,
        outcome: outcome?,
    })
}

/// Reports a function that waits where it must not, or does not where it must.
fn asyncness(signature: &Signature, manner: Option<&Manner>, sink: &Sink<'_>) {
    let at = signature.fn_token;
    match (signature.asyncness, manner) {
        (Some(token), Some(Manner::Blocking)) => sink.report(token, &Mistake::BLOCKING_AND_ASYNC),
        (None, Some(Manner::Async)) => sink.report(at, &Mistake::ENDPOINT_NOT_ASYNC),
        (None, Some(Manner::Realtime(_))) => sink.report(at, &Mistake::REALTIME_NOT_ASYNC),
        (None, Some(Manner::Raw)) => sink.report(at, &Mistake::SOCKET_NOT_ASYNC),
        (Some(_), Some(Manner::Async | Manner::Realtime(_) | Manner::Raw))
        | (None, Some(Manner::Blocking))
        | (_, None) => {}
    }
}

/// The arguments of a marker, each for itself.
pub(super) fn pieces(marker: &Marker) -> Vec<TokenStream> {
    args::split(marker.arguments.clone().unwrap_or_default())
}

fn path(marker: &Marker, piece: Option<TokenStream>, sink: &Sink<'_>) -> Option<LitStr> {
    let Some(piece) = piece else {
        sink.report(
            &marker.attribute,
            &Mistake::path_missing(marker.role.name(), marker.role.path().unwrap_or("/")),
        );
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
    let is_plain = path.chars().all(plain) && !path.contains("/:");
    (!is_plain).then_some(Mistake::PATH_NOT_PLAIN)
}

/// What follows the path: `blocking` on an endpoint, settings on a realtime one. None where it was not
/// understood, so that nothing is concluded from it.
fn manner(
    role: Role,
    pieces: impl Iterator<Item = TokenStream>,
    sink: &Sink<'_>,
) -> Option<Manner> {
    if role == Role::Realtime {
        return Some(Manner::Realtime(session::settings(pieces, sink).into()));
    }
    if role == Role::WebSocket {
        pieces.for_each(|piece| sink.report(piece, &Mistake::SOCKET_WITH_SETTING));
        return Some(Manner::Raw);
    }
    let mut manner = Some(Manner::Async);
    let mut seen = Vec::new();
    for piece in pieces {
        match syn::parse2::<Ident>(piece.clone()) {
            Ok(word) if word == "blocking" => {
                is_new(&word, &mut seen, sink);
                manner = Some(Manner::Blocking);
            }
            Ok(word) => {
                let meant = names::closest(&word.to_string(), &["blocking"]);
                sink.report(word, &Mistake::unknown_manner(meant));
                manner = None;
            }
            Err(_) => {
                sink.report(piece, &Mistake::unknown_manner(None));
                manner = None;
            }
        }
    }
    manner
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

/// Sorts the arguments into input, request and socket. The request and the socket are known by their
/// names, because a macro sees no types; whether they are ours, a trait asks.
fn takes(function: &Function, role: Role, sink: &Sink<'_>) -> Vec<Taken> {
    let mut takes = Vec::new();
    let (mut input, mut request, mut socket) = (None, None, None);
    for argument in shape::arguments(&function.signature) {
        let taken = taken(&argument.ty, role, sink);
        let (earlier, again) = match &taken {
            Taken::Input(_) => (&mut input, &Mistake::SECOND_INPUT),
            Taken::Request(..) => (&mut request, &Mistake::SECOND_REQUEST),
            Taken::Socket(_) => (&mut socket, &Mistake::SECOND_SOCKET),
        };
        if earlier.replace(()).is_some() {
            sink.report(argument, again);
        }
        takes.push(taken);
    }
    let name = &function.signature.ident;
    if role == Role::Realtime && input.is_none() {
        sink.report(name, &Mistake::REALTIME_WITHOUT_INPUT);
    }
    if role == Role::WebSocket && socket.is_none() && !sink.failed() {
        sink.report(name, &Mistake::RAW_WITHOUT_SOCKET);
    }
    takes
}

impl Taken {
    /// The type of an input.
    pub(crate) const fn input(&self) -> Option<&Type> {
        match self {
            Self::Input(ty) => Some(ty),
            Self::Request(..) | Self::Socket(_) => None,
        }
    }

    /// What an argument is, by its type.
    pub(super) fn of(ty: &Type) -> Self {
        let whole = shape::ungrouped(ty);
        let (owned, borrow) = if let Type::Reference(reference) = whole {
            (&*reference.elem, Some(reference.and_token))
        } else {
            (whole, None)
        };
        match shape::last_name(owned).as_deref() {
            Some("Request") => Self::Request(owned.clone(), borrow),
            Some("WebSocket") => Self::Socket(ty.clone()),
            _ => Self::Input(ty.clone()),
        }
    }
}

/// One argument of an endpoint, judged.
fn taken(ty: &Type, role: Role, sink: &Sink<'_>) -> Taken {
    let taken = Taken::of(ty);
    let is_raw = role == Role::WebSocket;
    match &taken {
        Taken::Request(..) => shared_request(ty, sink),
        Taken::Socket(_) if !is_raw => sink.report(ty, &Mistake::SOCKET_ELSEWHERE),
        Taken::Socket(_) if shape::is_reference(ty) => sink.report(ty, &Mistake::BORROWED_SOCKET),
        Taken::Socket(_) => {}
        Taken::Input(_) if is_raw => sink.report(ty, &Mistake::RAW_WITH_INPUT),
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
        // That one which returns a future is not async has been said.
        Returned::Opaque(_) if signature.asyncness.is_none() && sink.failed() => {}
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
