//! Why a file is not to be had, or cannot be stored.

use std::io;

use fal_client::{SetupError, TransportError};
use fal_policy::AppStatus;

use crate::endpoint::error::{Answered, EndpointError, Failures, Sealed};

/// Why a file is not to be had.
///
/// As an endpoint's error, by `#[status(transparent)]`, it is fal's `file_too_large` or `file_download_error` with 422,
/// and 500 where it is not the caller's fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DownloadError {
    /// It is larger than the limit. What was left was not read.
    #[error("the file is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// Its URL is none that files have.
    #[error("the file's URL is no http, https or data URL")]
    Url,
    /// Its URL is to hold the file itself, and cannot be read.
    #[error("the file's data URL cannot be read")]
    Data,
    /// It is at an address that only this machine or its network can reach.
    #[error("the file is at {host}, which has no public address")]
    Private {
        /// Where it is, or where a redirect leads.
        host: String,
    },
    /// It is redirected more than five times, from TLS to without, or to nowhere.
    #[error("the file is redirected too often, or to where it may not be fetched")]
    Redirected,
    /// Its server answers with another status than one of success.
    #[error("the file's server answers {0}")]
    Status(u16),
    /// Its server was silent for too long, or it took too long.
    #[error("the file does not come in time")]
    TooSlow,
    /// Its server cannot be reached, or the connection broke.
    #[error("the file's server cannot be reached, or broke off")]
    Broken(#[source] fal_client::Error),
    /// It came, and cannot be kept here.
    #[error("the file cannot be kept")]
    Disk(#[source] io::Error),
    /// What the environment says of the platform cannot be used.
    #[error("files cannot be fetched")]
    Setup(#[from] SetupError),
}

/// Why a file cannot be stored: 500 as an endpoint's error, since no caller could do anything about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// There is no platform to store it with.
    #[error(
        "there is no platform to store files with: serve the app with fal-server, or set FAL_SERVER_URL to the URL of one"
    )]
    NoPlatform,
    /// What the environment says of the platform cannot be used.
    #[error("files cannot be stored")]
    Setup(#[from] SetupError),
    /// What lies at the path cannot be read.
    #[error("the file to be stored cannot be read")]
    Disk(#[source] io::Error),
    /// The platform has not taken it.
    #[error("the file was not stored")]
    Store(#[source] fal_client::Error),
}

impl From<fal_client::Error> for DownloadError {
    fn from(error: fal_client::Error) -> Self {
        use fal_client::Error;
        if let Error::Transport(TransportError::OutOfReach { host }) = error {
            return Self::Private { host };
        }
        if matches!(error, Error::Cut(_)) {
            return Self::Broken(error);
        }
        if matches!(error, Error::Redirect(_)) {
            return Self::Redirected;
        }
        match (&error, error.status()) {
            (Error::TooLarge { limit }, _) => Self::TooLarge { limit: *limit },
            (Error::BadCall(_), _) => Self::Url,
            (Error::Timeout(_), _) => Self::TooSlow,
            (_, Some(status)) => Self::Status(status),
            (_, None) => Self::Broken(error),
        }
    }
}

impl DownloadError {
    //= docs/contract.md#file-input
    //# A file beyond the limit MUST be answered with 422 and `file_too_large`, whose `ctx` has `max_size`, and one that is not to be had with 422 and `file_download_error`.
    const fn answered(&self) -> Answered<'static> {
        match self {
            Self::TooLarge { limit } => TOO_LARGE.ctx("max_size", *limit),
            Self::Url
            | Self::Data
            | Self::Private { .. }
            | Self::Redirected
            | Self::Status(_)
            | Self::TooSlow
            | Self::Broken(_) => NOT_TO_BE_HAD,
            Self::Disk(_) | Self::Setup(_) => OURS,
        }
    }
}

const TOO_LARGE: Answered<'static> =
    Answered::failed(AppStatus::UNPROCESSABLE_ENTITY).error_type("file_too_large");
const NOT_TO_BE_HAD: Answered<'static> =
    Answered::failed(AppStatus::UNPROCESSABLE_ENTITY).error_type("file_download_error");
const OURS: Answered<'static> = Answered::failed(AppStatus::INTERNAL_SERVER_ERROR);

impl EndpointError for DownloadError {
    fn answer(&self, _: Sealed) -> Answered<'_> {
        self.answered()
    }

    fn failures(failures: &mut Failures) {
        failures.add("TooLarge", "a file is larger than the limit", TOO_LARGE);
        failures.add("NotToBeHad", "a file cannot be fetched", NOT_TO_BE_HAD);
        failures.add("NotKept", "a file cannot be kept", OURS);
    }
}

impl EndpointError for PublishError {
    fn answer(&self, _: Sealed) -> Answered<'_> {
        OURS
    }

    fn failures(failures: &mut Failures) {
        failures.add("NotStored", "a file cannot be stored", OURS);
    }
}
