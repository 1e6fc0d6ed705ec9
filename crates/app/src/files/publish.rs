//! Storing a file with the platform.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    pin::Pin,
    time::Duration,
};

use bytes::Bytes;
use fal_client::{ObjectLifecycle, Upload};
use serde_json::Value;

use crate::{
    files::{File, Files, PublishError, TemporaryFile},
    request::{self, Request},
};

/// How a caller says how long it wants what the app makes.
const LIFECYCLE: &str = "x-fal-object-lifecycle-preference";

/// What is to be stored.
#[derive(Clone)]
pub enum Content {
    /// What lies in memory.
    Bytes(Bytes),
    /// What lies at a path. It is read while it is sent, 64 KiB at a time.
    Path(PathBuf),
}

/// A file that is about to be stored. Awaiting it stores it.
#[derive(Debug)]
#[must_use = "nothing is stored until it is awaited"]
pub struct Publish {
    files: Option<Files>,
    content: Content,
    named: (String, String),
    lifecycle: Option<ObjectLifecycle>,
}

impl Publish {
    pub(super) fn new(files: Option<Files>, content: Content, named: (String, String)) -> Self {
        let lifecycle = request::current().as_ref().and_then(preference);
        Self { files, content, named, lifecycle }
    }

    /// For this request, whose caller may have said how long it is to be kept. It is the running one by default; what
    /// a task of one's own publishes has none.
    pub fn of(mut self, request: &Request) -> Self {
        self.lifecycle = preference(request);
        self
    }

    /// Kept for this long, whatever the caller said; whole seconds, at least one.
    pub fn kept_for(mut self, time: Duration) -> Self {
        self.lifecycle.get_or_insert_default().expires_after = Some(time);
        self
    }

    //= docs/contract.md#file-output
    //# A file that an app of `fal-app` publishes MUST be stored with the platform, with its content type and name, and given as an object with `url`, `content_type`, `file_name` and `file_size`.
    async fn store(self) -> Result<File, PublishError> {
        let files = self.files.map_or_else(Files::of_process, Ok)?;
        //= docs/contract.md#file-output
        //# Without a platform it MUST fail with an error that says so, and 500 where the endpoint returns it.
        let platform = files.0.options.platform.as_ref().ok_or(PublishError::NoPlatform)?;
        let (kind, name) = self.named;
        let (upload, size) = match self.content {
            Content::Bytes(bytes) => (Upload::bytes(bytes.clone(), &kind), bytes.len() as u64),
            Content::Path(path) => {
                let about = tokio::fs::metadata(&path).await.map_err(PublishError::Disk)?;
                (Upload::file(path, &kind), about.len())
            }
        };
        let upload = platform.reached(upload.name(&name));
        let upload = match self.lifecycle {
            Some(lifecycle) => upload.object_lifecycle(lifecycle),
            None => upload,
        };
        let url = files.0.client.upload(upload).await.map_err(PublishError::not_stored)?;
        Ok(File::published(url, (kind, name), size))
    }
}

impl IntoFuture for Publish {
    type Output = Result<File, PublishError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.store())
    }
}

impl PublishError {
    fn not_stored(error: fal_client::Error) -> Self {
        if let fal_client::Error::File(error) = error {
            return Self::Disk(io::Error::new(error.source.kind(), error));
        }
        Self::Store(error)
    }
}

//= docs/contract.md#file-output
//# It MUST be kept for as long as the request's `x-fal-object-lifecycle-preference` says.
/// What the caller wishes; what cannot be read is nothing that one could heed.
fn preference(request: &Request) -> Option<ObjectLifecycle> {
    let text = request.header(LIFECYCLE)?;
    let told: Value = match serde_json::from_str(text) {
        Ok(told) => told,
        Err(error) => {
            tracing::warn!(%error, "the caller's object lifecycle preference cannot be read");
            return None;
        }
    };
    let seconds = told
        .get("expiration_duration_seconds")
        .and_then(|seconds| seconds.as_f64().or_else(|| seconds.as_str()?.trim().parse().ok()));
    let expires_after = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    Some(ObjectLifecycle {
        // Nothing is for ever, and 0 stands for it.
        expires_after: expires_after.filter(|time| !time.is_zero()),
        initial_acl: told.get("initial_acl").filter(|acl| !acl.is_null()).cloned(),
    })
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Path(path) => path.fmt(f),
        }
    }
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<&'static [u8]> for Content {
    fn from(bytes: &'static [u8]) -> Self {
        Self::Bytes(Bytes::from_static(bytes))
    }
}

impl From<PathBuf> for Content {
    fn from(path: PathBuf) -> Self {
        Self::Path(path)
    }
}

impl From<&Path> for Content {
    fn from(path: &Path) -> Self {
        Self::Path(path.to_owned())
    }
}

/// The file has to live until it is stored.
impl From<&TemporaryFile> for Content {
    fn from(file: &TemporaryFile) -> Self {
        Self::Path(file.path().to_owned())
    }
}
