//! What the check asks a signature: who is the receiver, what goes in, what comes out.

use quote::ToTokens;
use syn::{
    Attribute, FnArg, GenericArgument, GenericParam, PatType, PathArguments, ReceiverKind,
    ReturnType, Safety, Signature, Type, TypePath,
};

use crate::{
    errors::{Mistake, Sink},
    item::condition,
};

/// How a function takes its app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Receiver {
    Absent,
    Shared,
    Exclusive,
    Owned,
    /// `self: Box<Self>` and the like.
    Other,
}

/// The receiver of a signature.
pub(crate) fn receiver(signature: &Signature) -> Receiver {
    let Some(receiver) = signature.receiver() else { return Receiver::Absent };
    if matches!(receiver.kind, ReceiverKind::Value) {
        Receiver::Owned
    } else if let ReceiverKind::Reference(_, _, exclusive) = &receiver.kind {
        if exclusive.is_some() { Receiver::Exclusive } else { Receiver::Shared }
    } else {
        Receiver::Other
    }
}

/// The arguments after the receiver.
pub(crate) fn arguments<'a>(signature: &'a Signature) -> Vec<&'a PatType> {
    let typed = |argument: &'a FnArg| match argument {
        FnArg::Typed(typed) => Some(typed),
        FnArg::Receiver(_) => None,
    };
    signature.inputs.iter().filter_map(typed).collect()
}

/// Reports what none of our functions may be: generic, unsafe to call, or with arguments that are
/// not always there.
pub(crate) fn plain(signature: &Signature, role: &'static str, sink: &Sink<'_>) {
    let generic = |param: &&GenericParam| !matches!(param, GenericParam::Lifetime(_));
    if let Some(param) = signature.generics.params.iter().find(generic) {
        sink.report(param, &Mistake::generic_function(role));
    }
    let is_condition =
        |attribute: &&Attribute| condition::is_plain(attribute) || condition::is_hidden(attribute);
    if let Some(attribute) = signature.inputs.iter().flat_map(attributes).find(is_condition) {
        sink.report(attribute, &Mistake::conditional_argument(role));
    }
    if let Safety::Unsafe(token) = &signature.safety {
        sink.report(token, &Mistake::unsafe_function(role));
    }
}

fn attributes(argument: &FnArg) -> &[Attribute] {
    match argument {
        FnArg::Receiver(receiver) => &receiver.attrs,
        FnArg::Typed(typed) => &typed.attrs,
    }
}

/// A return type that is a `Result`, or an alias that may well be one.
pub(crate) struct Outcome {
    pub(crate) whole: Type,
    /// The type arguments as they stand: two for a `Result`, fewer for an alias.
    pub(crate) arguments: Vec<Type>,
}

/// What a function returns.
pub(crate) enum Returned {
    Nothing,
    /// `impl Trait`, at the top or inside.
    Opaque(Type),
    /// A type that is known to be no `Result`.
    Plain(Type),
    Outcome(Outcome),
}

/// Types whose names are known to be no alias of a `Result`.
const PLAIN: [&str; 23] = [
    "Response",
    "StatusCode",
    "Json",
    "Html",
    "String",
    "Option",
    "Vec",
    "Box",
    "Value",
    "Self",
    "EventStream",
    "Blob",
    "bool",
    "u8",
    "u16",
    "u32",
    "u64",
    "usize",
    "i32",
    "i64",
    "f32",
    "f64",
    "str",
];

/// Reads a return type without resolving any name.
pub(crate) fn returned(signature: &Signature) -> Returned {
    let ReturnType::Type(_, whole) = &signature.output else { return Returned::Nothing };
    let whole = ungrouped(whole).clone();
    let Type::Path(path) = &whole else {
        return if is_opaque(&whole) { Returned::Opaque(whole) } else { Returned::Plain(whole) };
    };
    let Some(last) = path.path.segments.last() else { return Returned::Plain(whole) };
    if PLAIN.iter().any(|name| last.ident == name) {
        return Returned::Plain(whole);
    }
    let arguments = type_arguments(path);
    if let Some(opaque) = arguments.iter().find(|argument| is_opaque(argument)) {
        return Returned::Opaque(opaque.clone());
    }
    Returned::Outcome(Outcome { whole, arguments })
}

/// The last name of a path type: `Response` of `axum::response::Response<Body>`.
pub(crate) fn last_name(ty: &Type) -> Option<String> {
    if let Type::Path(path) = ungrouped(ty) {
        path.path.segments.last().map(|segment| segment.ident.to_string())
    } else {
        None
    }
}

/// What a `Vec` holds.
pub(crate) fn list_of(ty: &Type) -> Option<Type> {
    let Type::Path(path) = ungrouped(ty) else { return None };
    let is_list = path.path.segments.last().is_some_and(|last| last.ident == "Vec");
    type_arguments(path).into_iter().next().filter(|_| is_list)
}

pub(crate) fn is_opaque(ty: &Type) -> bool {
    matches!(ty, Type::ImplTrait(_))
}

pub(crate) fn is_reference(ty: &Type) -> bool {
    matches!(ungrouped(ty), Type::Reference(_))
}

/// A type as the user wrote it, for messages: without the spaces that tokens get.
pub(crate) fn written(ty: &Type) -> String {
    let text = ty.to_token_stream().to_string();
    text.replace(" < ", "<")
        .replace(" >", ">")
        .replace(" :: ", "::")
        .replace(" ,", ",")
        .replace("& ", "&")
}

fn type_arguments(path: &TypePath) -> Vec<Type> {
    let Some(last) = path.path.segments.last() else { return Vec::new() };
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return Vec::new() };
    let only_types = |argument: &GenericArgument| {
        if let GenericArgument::Type(ty) = argument { Some(ty.clone()) } else { None }
    };
    arguments.args.iter().filter_map(only_types).collect()
}

/// A type without the groups and parentheses around it.
pub(crate) fn ungrouped(ty: &Type) -> &Type {
    if let Type::Group(group) = ty {
        ungrouped(&group.elem)
    } else if let Type::Paren(paren) = ty {
        ungrouped(&paren.elem)
    } else {
        ty
    }
}
