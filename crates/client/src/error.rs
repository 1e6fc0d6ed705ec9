//! Everything that can go wrong, one variant for each thing that a caller would do something else about.

use std::{path::PathBuf, time::Duration};

mod broken;
mod decode;
mod error_type;
mod model;
mod read;
mod retryable;

pub use self::{
    broken::{Cause, Cut, TransportError},
    decode::DecodeError,
    error_type::ErrorType,
    model::{Loc, ModelError, ModelErrorKind, Worth},
};
use crate::reply::Reply;

/// Why a call did not end with its output.
///
/// It can be matched without a `_`, and is not `#[non_exhaustive]`: that every way to fail is seen is what it is
/// for, and a new one should break the match that has not thought of it. What fal may add is caught by the open ends
/// [`ErrorType::Unknown`] and [`ModelErrorKind::Other`].
///
/// What stands in `detail` is written by the platform or the app, for people; programs go by the variants.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The call cannot be made from what was given. Nothing was sent.
    #[error("the call cannot be made")]
    BadCall(#[source] BadCall),
    /// 401: there is no key, or one that the platform does not know.
    #[error("not authorised: {}", .0.detail)]
    Unauthorized(Refusal),
    /// 403: the key may not do this.
    #[error("forbidden: {}", .0.detail)]
    Forbidden(Refusal),
    /// 404: there is no such app, request or path, or none for this key.
    #[error("not found: {}", .0.detail)]
    NotFound(Refusal),
    /// 429: too much at once, for the platform, the app, or the limit that the call itself has set with
    /// [`max_queue_length`](crate::Call::max_queue_length).
    #[error("too many requests: {}", .0.detail)]
    TooManyRequests(Refusal),
    /// An error of the platform itself, by its type.
    #[error("{} ({}): {}", .0.kind, .0.reply.status(), .0.detail)]
    Platform(PlatformError),
    /// The input, or what the model made of it, is refused item by item: the answer's `detail` is a list.
    #[error("{}", .0)]
    Validation(ValidationError),
    /// Any other status that is no success, which is the app's own word. Where it has no
    /// [request id](Reply::request_id), it is the word of something in front of the platform.
    #[error("the app answered {}: {}", .0.reply.status(), .0.detail)]
    App(Refusal),
    /// 499: the request was cancelled, before it ran or because its app heeded the cancel. The platform's type
    /// `client_cancelled` comes as this, too.
    #[error("cancelled: {}", .0.detail)]
    Cancelled(Refusal),
    /// 3XX. Redirects of calls are not followed, since the key is for the URLs that the client was made with; where
    /// it leads is in the header `location`.
    #[error("redirected to {}", .0.reply.header("location").unwrap_or("nowhere"))]
    Redirect(Refusal),
    /// The client's own time is up. What was sent may still run, unless it was cancelled.
    #[error("no end after {:?}", .0.after)]
    Timeout(TimedOut),
    /// There was no answer: no connection, or one that broke.
    #[error("no answer")]
    Transport(#[source] TransportError),
    /// The answer began and was cut short, as when a runner dies in the middle of a stream.
    #[error("the answer was cut short after {} bytes", .0.received)]
    Cut(#[source] Cut),
    /// The answer is a success and not what the type wants.
    #[error("the answer is not what was expected, at {}", .0.at)]
    Decode(#[source] DecodeError),
    /// A stream was asked for, and the answer is none. Its body was not read.
    #[error("the answer is no stream of events: {}", .0.detail)]
    NotAStream(Refusal),
    /// The answer, or one event of a stream, is longer than the limit. What remained was not read.
    #[error("the answer is longer than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// A file that was to be uploaded cannot be read.
    #[error("{} cannot be read", .0.path.display())]
    File(#[source] FileError),
}

/// An answer that is a refusal.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// What the answer says of it; the beginning of the body where it says nothing in particular.
    pub detail: String,
    /// The whole answer.
    pub reply: Reply,
}

/// An error of the platform.
#[derive(Debug, Clone)]
pub struct PlatformError {
    /// Which one.
    pub kind: ErrorType,
    /// What it says of it.
    pub detail: String,
    /// The whole answer.
    pub reply: Reply,
}

/// A refusal item by item.
#[derive(Debug, Clone, thiserror::Error)]
#[error("refused with {}: {}", .reply.status(), list(.errors))]
pub struct ValidationError {
    /// The items, in the answer's order. Where fal's list is empty, so is this.
    pub errors: Vec<ModelError>,
    /// The whole answer.
    pub reply: Reply,
}

/// Time that is up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimedOut {
    /// How long was waited.
    pub after: Duration,
    /// The request's id, where it has one: it is in the queue and can be asked after.
    pub request_id: Option<String>,
}

/// A call that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum BadCall {
    /// The app's id has another form.
    #[error("an app is `owner/alias`, perhaps with a path, and `{0}` is not")]
    App(String),
    /// With the path, or as a URL to download from, this is no URL.
    #[error("`{0}` is no URL that can be asked")]
    Url(String),
    /// A header's name or value has characters that headers cannot have.
    #[error("the header `{0}` cannot be sent")]
    Header(String),
    /// The input cannot be written as JSON.
    #[error("the input cannot be written as JSON")]
    Input(#[source] serde_json::Error),
    /// A GET has its input in the URL, where only a flat object of texts, numbers and truths can be.
    #[error("the input of a GET must be an object of texts, numbers and truths, or nothing")]
    Query,
}

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("reading failed")]
pub struct FileError {
    /// Which one.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: std::io::Error,
}

impl Error {
    /// The answer's status, where there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.reply().map(Reply::status)
    }

    /// The request's id, where it is known.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        if let Self::Timeout(timed_out) = self {
            return timed_out.request_id.as_deref();
        }
        self.reply().and_then(Reply::request_id)
    }

    /// The error's type, where the platform or the app has named one.
    #[must_use]
    pub fn error_type(&self) -> Option<&ErrorType> {
        self.reply().and_then(Reply::error_type)
    }

    /// The answer, where there was one.
    #[must_use]
    pub const fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Unauthorized(refusal)
            | Self::Forbidden(refusal)
            | Self::NotFound(refusal)
            | Self::TooManyRequests(refusal)
            | Self::App(refusal)
            | Self::Cancelled(refusal)
            | Self::Redirect(refusal)
            | Self::NotAStream(refusal) => Some(&refusal.reply),
            Self::Platform(problem) => Some(&problem.reply),
            Self::Validation(refused) => Some(&refused.reply),
            Self::Cut(cut) => Some(&cut.reply),
            Self::Decode(decode) => Some(&decode.reply),
            Self::BadCall(_)
            | Self::Timeout(_)
            | Self::Transport(_)
            | Self::TooLarge { .. }
            | Self::File(_) => None,
        }
    }

    /// Whether the platform certainly never saw the request.
    #[must_use]
    pub const fn is_unsent(&self) -> bool {
        if let Self::Transport(error) = self {
            return error.is_unsent();
        }
        matches!(self, Self::BadCall(_))
    }
}

/// The first item, and how many more there are.
fn list(errors: &[ModelError]) -> String {
    match errors {
        [] => "nothing in particular".to_owned(),
        [one] => one.to_string(),
        [first, rest @ ..] => format!("{first}, and {} more", rest.len()),
    }
}

impl From<BadCall> for Error {
    fn from(bad: BadCall) -> Self {
        Self::BadCall(bad)
    }
}
