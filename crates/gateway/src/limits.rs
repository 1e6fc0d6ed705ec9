//! What a caller may send.

use std::time::Duration;

use fal_node::{UploadBody, UploadError};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;

/// Bounds on requests, so that no caller can take the platform down.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The largest request body, in bytes. Larger ones get 413.
    pub body: usize,
    /// The largest head (request line and headers together), in bytes, at least 8192. Larger ones get 431.
    pub head: usize,
    /// How long a caller may take to send its head.
    pub head_timeout: Duration,
    /// How long a caller may take to send a body that is held whole.
    pub body_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 100 * 1024 * 1024,
            head: 64 * 1024,
            head_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(60),
        }
    }
}

/// What a streamed body that passes its limit fails with.
const TOO_LARGE: &str = "the request body is too large";

/// A streamed body that fails once it is longer than `most` bytes.
pub(crate) fn limited(body: Incoming, most: usize) -> UploadBody {
    let name = |error: Box<dyn std::error::Error + Send + Sync>| {
        let text =
            if error.is::<LengthLimitError>() { TOO_LARGE } else { "the caller's body broke off" };
        UploadError(text.to_owned())
    };
    Limited::new(body, most).map_err(name).boxed_unsync()
}

/// Whether a body failed because it was too long.
pub(crate) fn is_too_large(error: &UploadError) -> bool {
    error.0 == TOO_LARGE
}
