//! What was written, with its spans, and nothing to emit.
//!
//! Parsing fills the types of this module without judging; [`check`](crate::check) turns them into
//! its own types, from which code can be generated without a further question.

use proc_macro2::{Group, TokenStream};
use syn::{Attribute, Expr, Fields, Generics, Ident, Signature, Type};

/// `key = value` in an attribute.
pub(crate) struct Argument {
    /// What it sets; may be a keyword.
    pub(crate) name: Ident,
    /// Any expression; what may stand here is the business of the check.
    pub(crate) value: Expr,
}

/// A struct under `#[fal_app(..)]`.
pub(crate) struct App {
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    /// Its doc comment.
    pub(crate) about: String,
}

/// An inherent impl under `#[fal_app]`.
pub(crate) struct Wiring {
    pub(crate) generics: Generics,
    /// The trait, where the impl is one of a trait, which no app's is.
    pub(crate) of_trait: Option<Type>,
    pub(crate) app: Type,
    /// The functions that stand in the impl, marked or not: helpers are scanned too.
    pub(crate) functions: Vec<Function>,
}

/// One function of the impl.
pub(crate) struct Function {
    /// Our attributes on it.
    pub(crate) markers: Vec<Marker>,
    /// Attributes that were probably meant to be ours, each with what was meant.
    pub(crate) misspelt: Vec<(Attribute, Role)>,
    /// Its `#[cfg]` attributes, which its route must share.
    pub(crate) conditions: Vec<Attribute>,
    /// Its `#[cfg_attr]` attributes that may become such a one.
    pub(crate) hidden: Vec<Attribute>,
    /// Its doc comment.
    pub(crate) about: String,
    pub(crate) signature: Signature,
    /// Left as tokens: what is wrong in there is rustc's to report, with rustc's spans.
    pub(crate) body: Group,
}

/// One of our attributes on a function.
pub(crate) struct Marker {
    pub(crate) role: Role,
    pub(crate) attribute: Attribute,
    /// What stands between its parentheses.
    pub(crate) arguments: Option<TokenStream>,
}

/// What a function is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Setup,
    Warmup,
    Endpoint,
    Realtime,
    WebSocket,
    HealthCheck,
    OnCancel,
    OnExit,
    Teardown,
}

impl Role {
    /// Every role, in the order of a runner's life.
    pub(crate) const ALL: [Self; 9] = [
        Self::Setup,
        Self::Warmup,
        Self::Endpoint,
        Self::Realtime,
        Self::WebSocket,
        Self::HealthCheck,
        Self::OnCancel,
        Self::OnExit,
        Self::Teardown,
    ];

    /// The attribute's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Warmup => "warmup",
            Self::Endpoint => "endpoint",
            Self::Realtime => "realtime",
            Self::WebSocket => "websocket",
            Self::HealthCheck => "health_check",
            Self::OnCancel => "on_cancel",
            Self::OnExit => "on_exit",
            Self::Teardown => "teardown",
        }
    }

    /// The path that the messages show.
    pub(crate) const fn path(self) -> Option<&'static str> {
        match self {
            Self::Endpoint => Some("/"),
            Self::Realtime => Some("/realtime"),
            Self::WebSocket => Some("/ws"),
            Self::Setup
            | Self::Warmup
            | Self::HealthCheck
            | Self::OnCancel
            | Self::OnExit
            | Self::Teardown => None,
        }
    }

    /// Whether an app may have any number of them, each at a path of its own.
    pub(crate) const fn has_path(self) -> bool {
        matches!(self, Self::Endpoint | Self::Realtime | Self::WebSocket)
    }
}

/// An enum or struct under `#[derive(AppError)]`.
pub(crate) struct Failure {
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    /// Our attributes on the type itself.
    pub(crate) says: Vec<Saying>,
    /// Its doc comment, or else the text of its `#[error("..")]`.
    pub(crate) about: String,
    /// `#[app_error(..)]` on the type itself.
    pub(crate) options: Vec<Argument>,
    pub(crate) kind: FailureKind,
}

/// A failure has either variants, or is one itself.
pub(crate) enum FailureKind {
    Enum(Vec<Variant>),
    Struct(Fields),
}

/// One variant of a failure.
pub(crate) struct Variant {
    pub(crate) ident: Ident,
    pub(crate) fields: Fields,
    pub(crate) says: Vec<Saying>,
    /// Its doc comment, or else the text of its `#[error("..")]`.
    pub(crate) about: String,
}

/// `#[status(..)]` or `#[runner_broken]`.
pub(crate) struct Saying {
    pub(crate) attribute: Attribute,
    pub(crate) what: Said,
}

/// What one of these attributes says.
pub(crate) enum Said {
    /// The arguments of `#[status(..)]`, or none where there are no parentheses.
    Status(Option<TokenStream>),
    /// The arguments of `#[runner_broken(..)]`, which takes none.
    RunnerBroken(Option<TokenStream>),
}
