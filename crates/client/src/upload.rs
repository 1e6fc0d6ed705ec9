//! Uploading files for the inputs of calls.
//!
//! As fal's JavaScript client does it: the storage is asked for a place, and the file is put there, in one piece or, if
//! it is large, part by part. A place is asked for with the key, and the file is sent without it, to wherever the storage
//! says. To put the same bytes to the same place again changes nothing, so a part is repeated where it fails.

use std::path::PathBuf;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::{HeaderValue, Method, Uri, header};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    call::ObjectLifecycle,
    client::Client,
    content::{Content, Outgoing},
    error::{BadCall, Error, FileError},
    headers, places,
    reply::Reply,
    retries::Repeat,
};

/// Bytes from which on a file is sent in parts: fal's own clients do so from 90 MiB.
const LARGE: u64 = 90 * 1024 * 1024;
/// Bytes of a part.
const PART: u64 = 10 * 1024 * 1024;
/// How many parts are under way at once.
const AT_ONCE: usize = 4;

/// A file to be uploaded.
///
/// ```no_run
/// # async fn upload(client: fal_client::Client) -> Result<(), fal_client::Error> {
/// use fal_client::Upload;
///
/// let image_url = client.upload(Upload::file("cat.png", "image/png")).await?;
/// let mask_url = client.upload(Upload::bytes(vec![0; 1024], "image/png").name("mask.png")).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "it is uploaded by `Client::upload`"]
pub struct Upload {
    source: Source,
    content_type: String,
    name: Option<String>,
    lifecycle: Option<ObjectLifecycle>,
    large: u64,
    ways: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
enum Source {
    Bytes(Bytes),
    File(PathBuf),
}

/// Where a file may be put, and where it will be found.
#[derive(Debug, Deserialize)]
struct Spot {
    upload_url: String,
    file_url: String,
}

/// A part that has arrived.
#[derive(Debug, Serialize)]
struct Part {
    #[serde(rename = "partNumber")]
    number: u64,
    etag: String,
}

/// What a part's arrival is answered.
#[derive(Debug, Deserialize)]
struct Tag {
    etag: String,
}

impl Upload {
    /// What lies in memory, of this content type.
    pub fn bytes(data: impl Into<Bytes>, content_type: &str) -> Self {
        Self::new(Source::Bytes(data.into()), content_type)
    }

    /// A file, of this content type. It is read while it is sent, 64 KiB at a time.
    pub fn file(path: impl Into<PathBuf>, content_type: &str) -> Self {
        Self::new(Source::File(path.into()), content_type)
    }

    fn new(source: Source, content_type: &str) -> Self {
        let content_type = content_type.to_owned();
        Self { source, content_type, name: None, lifecycle: None, large: LARGE, ways: Vec::new() }
    }

    /// The name that it is to have at the end of its URL; the file's own, or `upload.bin`, by default.
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// How long it is kept, and who may have it.
    pub fn object_lifecycle(mut self, lifecycle: ObjectLifecycle) -> Self {
        self.lifecycle = Some(lifecycle);
        self
    }

    /// Sends the bytes to this URL where the storage names that one, or one below it: for a storage that says what the
    /// world knows it by, and has a shorter way from here.
    pub fn reached_at(mut self, named: &str, url: &str) -> Self {
        let tidy = |url: &str| url.trim_end_matches('/').to_owned();
        self.ways.push((tidy(named), tidy(url)));
        self
    }

    /// From how many bytes on it is sent in parts, of 10 MiB and four at once; 90 MiB by default.
    pub const fn in_parts_from(mut self, bytes: u64) -> Self {
        self.large = bytes;
        self
    }

    pub(crate) async fn send(self, client: &Client) -> Result<String, Error> {
        let (content, length) = self.content().await?;
        let kind = HeaderValue::from_str(&self.content_type)
            .map_err(|_no_value| BadCall::Header("content-type".to_owned()))?;
        if length < self.large {
            let spot = self.spot(client, "initiate").await?;
            put(client, places::whole(&spot.upload_url)?, content, Some(kind)).await?;
            return Ok(spot.file_url);
        }
        let spot = self.spot(client, "initiate-multipart").await?;
        let parts = parts(client, &spot, &content, length).await?;
        complete(client, &spot, &parts).await?;
        Ok(spot.file_url)
    }

    async fn content(&self) -> Result<(Content, u64), Error> {
        match &self.source {
            Source::Bytes(bytes) => Ok((Content::Bytes(bytes.clone()), bytes.len() as u64)),
            Source::File(path) => {
                let failed = |source| Error::File(FileError { path: path.clone(), source });
                let length = tokio::fs::metadata(path).await.map_err(failed)?.len();
                Ok((Content::File { path: path.clone(), from: 0, length }, length))
            }
        }
    }

    /// Asks the storage for a place. To ask twice is to have two, of which one stays empty.
    async fn spot(&self, client: &Client, how: &str) -> Result<Spot, Error> {
        let path = format!("/storage/upload/{how}?storage_type=fal-cdn-v3");
        let uri = client.inner.places.rest.join(&path)?;
        let mut outgoing = client.outgoing(Method::POST, uri);
        if let Some(lifecycle) = &self.lifecycle {
            let value = HeaderValue::try_from(lifecycle.json());
            let value =
                value.map_err(|_no_value| BadCall::Header("object lifecycle".to_owned()))?;
            outgoing.headers.insert(headers::UPLOAD_LIFECYCLE, value.clone());
            outgoing.headers.insert(headers::LIFECYCLE, value);
        }
        let asked = json!({ "content_type": self.content_type, "file_name": self.file_name() });
        let mut spot: Spot = send(client, outgoing.json(&asked)?).await?.json()?;
        spot.upload_url = self.shorter(spot.upload_url);
        Ok(spot)
    }

    fn shorter(&self, upload: String) -> String {
        let found = self.ways.iter().find_map(|(named, url)| {
            let path = upload.strip_prefix(named).filter(|path| path.starts_with('/'))?;
            Some(format!("{url}{path}"))
        });
        found.unwrap_or(upload)
    }

    fn file_name(&self) -> String {
        let own = match &self.source {
            Source::Bytes(_) => None,
            Source::File(path) => path.file_name().map(|name| name.to_string_lossy().into_owned()),
        };
        self.name.clone().or(own).unwrap_or_else(|| "upload.bin".to_owned())
    }
}

/// Sends all parts, some at once, and gives them in their order.
async fn parts(
    client: &Client,
    spot: &Spot,
    content: &Content,
    length: u64,
) -> Result<Vec<Part>, Error> {
    let count = length.div_ceil(PART).max(1);
    let sent = stream::iter(1..=count).map(|number| async move {
        let from = (number - 1) * PART;
        let part = content.part(from, PART.min(length - from));
        let reply = put(client, beside(&spot.upload_url, &number.to_string())?, part, None).await?;
        arrived(number, &reply)
    });
    sent.buffered(AT_ONCE).try_collect().await
}

/// What the storage says of a part, in the body or, as the stores behind it do, in a header.
fn arrived(number: u64, reply: &Reply) -> Result<Part, Error> {
    let etag = match (reply.json::<Tag>(), reply.header("etag")) {
        (Ok(tag), _) => tag.etag,
        (Err(_), Some(etag)) => etag.to_owned(),
        (Err(error), None) => return Err(error),
    };
    Ok(Part { number, etag })
}

async fn complete(client: &Client, spot: &Spot, parts: &[Part]) -> Result<(), Error> {
    let outgoing = client.nameless(Method::POST, beside(&spot.upload_url, "complete")?);
    send(client, outgoing.json(&json!({ "parts": parts }))?).await.map(drop)
}

async fn put(
    client: &Client,
    uri: Uri,
    content: Content,
    kind: Option<HeaderValue>,
) -> Result<Reply, Error> {
    let mut outgoing = client.nameless(Method::PUT, uri);
    outgoing.content = content;
    if let Some(kind) = kind {
        outgoing.headers.insert(header::CONTENT_TYPE, kind);
    }
    // How long it takes is a matter of the line, so no silence is too long.
    client.exchange(&outgoing, Repeat::Refused, client.bounds(None)).await
}

async fn send(client: &Client, outgoing: Outgoing) -> Result<Reply, Error> {
    client.exchange(&outgoing, Repeat::Refused, client.bounds(client.silence())).await
}

/// The URL of something below an upload, before its query.
fn beside(url: &str, name: &str) -> Result<Uri, BadCall> {
    let (path, query) =
        url.split_once('?').map_or((url, None), |(path, query)| (path, Some(query)));
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    places::whole(&format!("{}/{name}{query}", path.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_part_has_a_url_before_the_query() {
        let part = beside("https://a.test/u/1?sig=x&y", "7").unwrap();
        assert_eq!(part, "https://a.test/u/1/7?sig=x&y");
        assert_eq!(beside("http://a.test/u", "complete").unwrap(), "http://a.test/u/complete");
    }

    #[test]
    fn a_storage_may_have_a_shorter_way() {
        let upload = Upload::bytes(vec![1], "image/png").reached_at("https://a.test/", "http://b");
        let way = |url: &str| upload.shorter(url.to_owned());
        assert_eq!(way("https://a.test/u/1?x"), "http://b/u/1?x");
        assert_eq!(way("https://a.test.evil/u/1"), "https://a.test.evil/u/1");
        assert_eq!(way("https://c.test/u/1"), "https://c.test/u/1");
    }

    #[test]
    fn a_file_has_its_own_name() {
        let name = |upload: Upload| upload.file_name();
        assert_eq!(name(Upload::file(Path::new("a/cat.png"), "image/png")), "cat.png");
        assert_eq!(name(Upload::file("a/cat.png", "image/png").name("b.png")), "b.png");
        assert_eq!(name(Upload::bytes(vec![1], "image/png")), "upload.bin");
    }
}
