//! Answers that say why something was not done.

use std::{borrow::Cow, error::Error as _};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use fal_objects::Error;
use http::{HeaderValue, StatusCode, header};

use crate::wire;

/// Why something was not done, as its caller is told.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: Cow<'static, str>,
}

pub(crate) type Result<T> = std::result::Result<T, Problem>;

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, detail: detail.into() }
    }

    pub(crate) fn bad(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(crate) fn no_object() -> Self {
        Self::new(StatusCode::NOT_FOUND, "There is no such file, or no more")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response =
            (self.status, Json(wire::Detail { detail: &self.detail })).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

//= docs/contract.md#upload-errors
//# A refused upload MUST be answered with `{"detail"}` and 400, 401, 403, 404, 405, 408, 409, 413, 416 or 507, and 500 MUST mean that the disk has failed.
impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = match &error {
            Error::NoId | Error::NoUpload | Error::Gone => StatusCode::NOT_FOUND,
            Error::ContentType | Error::PartNumber | Error::NoParts | Error::NoPart(_) => {
                StatusCode::BAD_REQUEST
            }
            Error::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Error::Taken => StatusCode::CONFLICT,
            Error::Full { .. } | Error::DiskFull { .. } => StatusCode::INSUFFICIENT_STORAGE,
            Error::NoRandomness | Error::Io { .. } | Error::Damaged(_) | Error::Stopped => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        match &error {
            Error::DiskFull { .. } => {
                tracing::error!(%error, cause = error.source(), "an upload was refused");
                Self::new(status, "The disk is full")
            }
            Error::NoRandomness | Error::Io { .. } | Error::Damaged(_) | Error::Stopped => {
                tracing::error!(%error, cause = error.source(), "the object store failed");
                Self::new(status, "The object store failed, and the platform's log has the reason")
            }
            Error::NoId
            | Error::NoUpload
            | Error::Gone
            | Error::ContentType
            | Error::PartNumber
            | Error::NoParts
            | Error::NoPart(_)
            | Error::TooLarge { .. }
            | Error::Taken
            | Error::Full { .. } => Self::new(status, sentence(&error.to_string())),
        }
    }
}

/// A fragment as a sentence begins.
fn sentence(fragment: &str) -> String {
    let mut chars = fragment.chars();
    let first = chars.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}
