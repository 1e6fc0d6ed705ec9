//! What the URLs in answers begin with.

use http::{header, request::Parts, uri::Scheme};

use fal_objects::{About, ObjectId};

use crate::Options;

/// What URLs begin with, up to the path.
#[derive(Debug)]
pub(crate) struct Base(String);

impl Base {
    //= docs/contract.md#upload-urls
    //# URLs in answers MUST be absolute, and begin with the configured public URL, or else with the scheme and host that the caller used.
    pub(crate) fn of(head: &Parts, options: &Options) -> Self {
        if let Some(url) = &options.public_url {
            return Self(url.trim_end_matches('/').to_owned());
        }
        let scheme = head.extensions.get::<Scheme>().map_or("http", Scheme::as_str);
        let named = head.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let named = named.or_else(|| head.uri.authority().map(http::uri::Authority::as_str));
        Self(format!("{scheme}://{}", named.unwrap_or("localhost")))
    }

    /// What is below `/rest`.
    pub(crate) fn rest(&self, path: &str) -> String {
        format!("{}/rest/{path}", self.0)
    }

    /// What clients put `/files/...` after.
    pub(crate) fn cdn(&self) -> String {
        format!("{}/cdn", self.0)
    }

    /// Where an object is.
    pub(crate) fn file(&self, id: ObjectId, about: &About) -> String {
        format!("{}/cdn/files/{id}/{}", self.0, about.safe_name())
    }
}
