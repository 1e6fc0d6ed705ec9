//! Files by URL: what an endpoint takes instead of bytes, and what it gives back.
//!
//! With the feature `files`. A [`File`] in an input is a URL that a caller has given; [`File::download`] fetches it,
//! within a [`Limit`], and not from networks that are none of the caller's business. [`File::publish`] stores an output
//! with the platform and gives the `File` to return. Both find what they need in the environment, where a platform of
//! this project has put it; [`Files`] is the same with [`Options`] of one's own.
//!
//! ```no_run
//! use fal_app::{
//!     files::{DownloadError, File, Limit, PublishError},
//!     prelude::*,
//! };
//!
//! #[derive(Debug, Deserialize, JsonSchema)]
//! struct Input {
//!     image: File,
//! }
//!
//! #[derive(Debug, Serialize, JsonSchema)]
//! struct Output {
//!     image: File,
//! }
//!
//! #[derive(Debug, thiserror::Error, AppError)]
//! enum PaintError {
//!     #[error(transparent)]
//!     #[status(transparent)]
//!     Image(#[from] DownloadError),
//!     #[error(transparent)]
//!     #[status(transparent)]
//!     Output(#[from] PublishError),
//! }
//!
//! async fn paint(input: Input) -> Result<Output, PaintError> {
//!     let image = input.image.download(Limit::mib(20)).await?.bytes().await?;
//!     let image = File::publish(image, "image/png", "painted.png").await?;
//!     Ok(Output { image })
//! }
//! ```

mod data;
mod download;
mod error;
mod file;
mod options;
mod publish;

use std::sync::{Arc, OnceLock};

pub use self::{
    download::{Download, Limit, TemporaryFile},
    error::{DownloadError, PublishError},
    file::File,
    options::{Options, Platform, Private},
    publish::{Content, Publish},
};

/// What fetches and stores files. A clone is cheap.
///
/// ```
/// use fal_app::files::{Files, Options, Platform, Private};
///
/// let platform = Platform::at("http://127.0.0.1:8080").key("id:secret");
/// let files = Files::new(Options::default().platform(platform).private(Private::Allowed))?;
/// # Ok::<(), fal_client::SetupError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Files(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: fal_client::Client,
    options: Options,
}

impl Files {
    /// What does so with these options. Reads the certificates that this machine trusts.
    ///
    /// # Errors
    /// Where the platform's URL is none, or its key cannot be sent.
    pub fn new(options: Options) -> Result<Self, fal_client::SetupError> {
        let client = options.client()?;
        Ok(Self(Arc::new(Inner { client, options })))
    }

    /// That of this process, which is made from the environment when it is first wanted.
    fn of_process() -> Result<Self, fal_client::SetupError> {
        static OWN: OnceLock<Files> = OnceLock::new();
        if let Some(own) = OWN.get() {
            return Ok(own.clone());
        }
        let made = Self::new(Options::from_env())?;
        Ok(OWN.get_or_init(|| made).clone())
    }

    /// Fetches a file, as [`File::download`] does.
    ///
    /// # Errors
    /// Those of [`File::download`].
    pub async fn download(&self, file: &File, limit: Limit) -> Result<Download, DownloadError> {
        Download::begin(&self.0.client, &self.0.options, (file, limit)).await
    }

    /// Stores a file with the platform, as [`File::publish`] does.
    pub fn publish(
        &self,
        content: impl Into<Content>,
        content_type: impl Into<String>,
        name: impl Into<String>,
    ) -> Publish {
        Publish::new(Some(self.clone()), content.into(), (content_type.into(), name.into()))
    }
}
