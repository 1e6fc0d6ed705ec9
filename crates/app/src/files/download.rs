//! Fetching a file.

use std::{
    io,
    ops::Deref,
    path::{Path, PathBuf},
};

use bytes::{Bytes, BytesMut};
use fal_client::{Client, Fetched, Reach};
use tempfile::{NamedTempFile, TempPath};
use tokio::{
    io::AsyncWriteExt as _,
    task::spawn_blocking,
    time::{Instant, timeout_at},
};

use crate::files::{
    DownloadError, File, Options, Private, data,
    file::{Scheme, scheme},
};

const MIB: u64 = 1024 * 1024;

/// How many bytes a file may have; 100 MiB by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Limit(u64);

/// A file that is being fetched. Dropping it gives the rest up.
#[derive(Debug)]
#[must_use = "only its head has come: take its bytes, or save it"]
pub struct Download {
    source: Source,
    content_type: Option<String>,
}

#[derive(Debug)]
enum Source {
    /// The URL has held it.
    Held(Bytes),
    /// It comes as it is asked for, and has to be here by then.
    Coming(Box<Fetched>, Instant),
}

/// A file on this machine that is removed when this is dropped.
#[derive(Debug)]
pub struct TemporaryFile(TempPath);

impl Limit {
    /// So many bytes.
    #[must_use]
    pub const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// So many times 1,048,576 bytes.
    #[must_use]
    pub const fn mib(mib: u64) -> Self {
        Self(mib.saturating_mul(MIB))
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self::mib(100)
    }
}

impl Download {
    pub(super) async fn begin(
        client: &Client,
        options: &Options,
        (file, limit): (&File, Limit),
    ) -> Result<Self, DownloadError> {
        if let Some(held) = Self::of_data(file, limit) {
            return held;
        }
        if scheme(file.url()) != Some(Scheme::Web) {
            return Err(DownloadError::Url);
        }
        let reach = match options.private {
            Private::Refused => Reach::Public,
            Private::Allowed => Reach::Anywhere,
        };
        let platform = options.platform.as_ref();
        // No server sees what is behind a `#`.
        let url = file.url().split('#').next().unwrap_or_default();
        //= docs/contract.md#file-input
        //# What lies in the platform's own store MUST be fetched whatever its address.
        let own = platform.and_then(|platform| platform.own(url));
        let fetch = client.fetch(own.as_deref().unwrap_or(url)).limit(limit.0).reach(reach);
        let fetch = match platform {
            Some(platform) => fetch.known(platform.store()),
            None => fetch,
        };
        let deadline = Instant::now() + options.patience;
        let fetched = in_time(deadline, fetch.send()).await?;
        let content_type = fetched.content_type().map(str::to_owned);
        Ok(Self { source: Source::Coming(Box::new(fetched), deadline), content_type })
    }

    /// A file whose URL holds it; none for one that has to be fetched.
    pub(super) fn of_data(file: &File, limit: Limit) -> Option<Result<Self, DownloadError>> {
        if scheme(file.url()) != Some(Scheme::Data) {
            return None;
        }
        let decoded = data::decode(file.url(), limit.0);
        Some(decoded.map(|(content_type, bytes)| Self {
            source: Source::Held(bytes),
            content_type: Some(content_type),
        }))
    }

    /// What it is, as its server or its data URL says.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// How many bytes are still to come, where that is known.
    #[must_use]
    pub fn left(&self) -> Option<u64> {
        match &self.source {
            Source::Held(bytes) => Some(bytes.len() as u64),
            Source::Coming(fetched, _) => fetched.left(),
        }
    }

    /// More of it; none at its end.
    ///
    /// # Errors
    /// Where it is too large, too slow or cut short.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, DownloadError> {
        match &mut self.source {
            Source::Held(bytes) => {
                Ok(Some(std::mem::take(bytes)).filter(|bytes| !bytes.is_empty()))
            }
            Source::Coming(fetched, deadline) => in_time(*deadline, fetched.chunk()).await,
        }
    }

    /// All that is left, in memory.
    ///
    /// # Errors
    /// Where it is too large, too slow or cut short.
    pub async fn bytes(mut self) -> Result<Bytes, DownloadError> {
        if let Source::Held(bytes) = self.source {
            return Ok(bytes);
        }
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    /// All that is left, to this path, chunk by chunk; gives its length. What lies there is replaced when all of it
    /// has come, and stays as it is otherwise.
    ///
    /// # Errors
    /// Where it is too large, too slow or cut short, and [`DownloadError::Disk`] where it cannot be written.
    pub async fn save(self, path: impl Into<PathBuf>) -> Result<u64, DownloadError> {
        let path = path.into();
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).to_owned();
        let (temporary, length) = self.write(move || NamedTempFile::new_in(folder)).await?;
        on_disk(move || temporary.persist(path).map_err(io::Error::from)).await?;
        Ok(length)
    }

    /// All that is left, to a file of its own in the folder for such, chunk by chunk.
    ///
    /// # Errors
    /// Where it is too large, too slow or cut short, and [`DownloadError::Disk`] where it cannot be written.
    pub async fn temporary(self) -> Result<TemporaryFile, DownloadError> {
        let (temporary, _) = self.write(NamedTempFile::new).await?;
        Ok(TemporaryFile(temporary))
    }

    async fn write(
        mut self,
        open: impl FnOnce() -> io::Result<NamedTempFile> + Send + 'static,
    ) -> Result<(TempPath, u64), DownloadError> {
        let (file, path) = on_disk(open).await?.into_parts();
        let mut file = tokio::fs::File::from_std(file);
        let mut length = 0;
        while let Some(chunk) = self.chunk().await? {
            file.write_all(&chunk).await.map_err(DownloadError::Disk)?;
            length += chunk.len() as u64;
        }
        // It may not be written before it is flushed, and could not be any more.
        file.flush().await.map_err(DownloadError::Disk)?;
        Ok((path, length))
    }
}

impl TemporaryFile {
    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Deref for TemporaryFile {
    type Target = Path;

    fn deref(&self) -> &Path {
        self.path()
    }
}

impl AsRef<Path> for TemporaryFile {
    fn as_ref(&self) -> &Path {
        self.path()
    }
}

async fn in_time<T>(
    deadline: Instant,
    work: impl Future<Output = Result<T, fal_client::Error>>,
) -> Result<T, DownloadError> {
    let done = timeout_at(deadline, work).await;
    Ok(done.map_err(|_elapsed| DownloadError::TooSlow)??)
}

/// Does what may wait for a disk where waiting is fine.
async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, DownloadError> {
    let done = spawn_blocking(work).await.map_err(io::Error::other);
    done.flatten().map_err(DownloadError::Disk)
}
