//! A file as it stands in JSON.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};

use crate::files::{Content, Download, DownloadError, Files, Limit, Publish};

/// A file, by its URL.
///
/// In an input it is a URL, `"https://.."`, or an object `{"url": ..}` that may say more; in an output it is such an
/// object. A URL may be `http`, `https`, or `data`, which holds the file itself. What an object says of the file is the
/// word of whoever wrote it.
///
/// ```
/// use fal_app::files::File;
///
/// let short: File = serde_json::from_str(r#""https://example.com/cat.png""#)?;
/// let long: File = serde_json::from_str(r#"{"url": "https://example.com/cat.png"}"#)?;
/// assert_eq!(short, long);
/// assert_eq!(short.url(), "https://example.com/cat.png");
/// assert!(serde_json::from_str::<File>(r#""cat.png""#).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct File {
    url: String,
    content_type: Option<String>,
    file_name: Option<String>,
    file_size: Option<u64>,
}

impl File {
    /// A file at a URL, of which nothing else is known.
    #[must_use]
    pub fn at(url: impl Into<String>) -> Self {
        Self { url: url.into(), content_type: None, file_name: None, file_size: None }
    }

    pub(super) fn published(url: String, (kind, name): (String, String), size: u64) -> Self {
        Self { url, content_type: Some(kind), file_name: Some(name), file_size: Some(size) }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it is, where that is said: `image/png`.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// What it is called, where that is said. It is a caller's word, and no path to write to.
    #[must_use]
    pub fn file_name(&self) -> Option<&str> {
        self.file_name.as_deref()
    }

    /// How many bytes it has, where that is said.
    #[must_use]
    pub const fn file_size(&self) -> Option<u64> {
        self.file_size
    }

    /// Begins to fetch it: what comes is then taken to memory, to a path, or bit by bit.
    ///
    /// At most five redirects are followed. The server may be silent for 30 s, and the whole may take 10 minutes.
    ///
    /// # Errors
    /// [`DownloadError`], which as an endpoint's error is answered with fal's `file_too_large` or
    /// `file_download_error`.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub async fn download(&self, limit: Limit) -> Result<Download, DownloadError> {
        // What needs no connection needs no certificates either.
        match Download::of_data(self, limit) {
            Some(download) => download,
            None => Files::of_process()?.download(self, limit).await,
        }
    }

    /// Stores bytes or what lies at a path with the platform, and gives the file to return; nothing happens until it
    /// is awaited. What lies at a path is read while it is sent.
    ///
    /// Whoever knows the URL may read it, for as long as the caller of the running request wishes; see
    /// [`Publish::of`].
    pub fn publish(
        content: impl Into<Content>,
        content_type: impl Into<String>,
        name: impl Into<String>,
    ) -> Publish {
        Publish::new(None, content.into(), (content_type.into(), name.into()))
    }
}

/// What an object says.
#[derive(Deserialize)]
struct Said {
    url: String,
    content_type: Option<String>,
    file_name: Option<String>,
    file_size: Option<u64>,
}

impl From<Said> for File {
    fn from(said: Said) -> Self {
        let Said { url, content_type, file_name, file_size } = said;
        Self { url, content_type, file_name, file_size }
    }
}

struct UrlOrObject;

impl<'de> Visitor<'de> for UrlOrObject {
    type Value = File;

    // The words by which a mismatch is told from others.
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("struct File or a URL")
    }

    fn visit_str<E: de::Error>(self, url: &str) -> Result<File, E> {
        if scheme(url).is_some() {
            Ok(File::at(url))
        } else {
            Err(E::custom("value must be a valid URL"))
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<File, A::Error> {
        Said::deserialize(MapAccessDeserializer::new(map)).map(File::from)
    }
}

//= docs/contract.md#file-input
//# A `File` of `fal-app` MUST be read from a URL of `http`, `https` or `data`, and from an object with `url`, `content_type`, `file_name` and `file_size`, of which only the first is needed.
impl<'de> Deserialize<'de> for File {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UrlOrObject)
    }
}

/// As fal's own description has it.
impl JsonSchema for File {
    fn schema_name() -> Cow<'static, str> {
        "File".into()
    }

    fn schema_id() -> Cow<'static, str> {
        concat!(module_path!(), "::File").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "File",
            "type": "object",
            "properties": {
                "url": {
                    "title": "Url",
                    "type": "string",
                    "description": "The URL where the file can be downloaded from.",
                },
                "content_type": {
                    "title": "Content Type",
                    "anyOf": [{ "type": "string" }, { "type": "null" }],
                    "description": "The mime type of the file.",
                    "examples": ["image/png"],
                },
                "file_name": {
                    "title": "File Name",
                    "anyOf": [{ "type": "string" }, { "type": "null" }],
                    "description": "The name of the file. It will be auto-generated if not provided.",
                    "examples": ["z9RV14K95DvU.png"],
                },
                "file_size": {
                    "title": "File Size",
                    "anyOf": [{ "type": "integer" }, { "type": "null" }],
                    "description": "The size of the file in bytes.",
                    "examples": [4_404_019],
                },
            },
            "required": ["url"],
        })
    }
}

/// What a file's URL may begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Web,
    Data,
}

/// How a URL begins; none for what is no file's.
pub(super) fn scheme(url: &str) -> Option<Scheme> {
    let (scheme, _) = url.split_once(':')?;
    let is = |known: &str| scheme.eq_ignore_ascii_case(known);
    if is("data") {
        return Some(Scheme::Data);
    }
    (is("http") || is("https")).then_some(Scheme::Web)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::validation;

    #[track_caller]
    fn refused(input: &Value) -> Value {
        let body = serde_json::to_vec(input).unwrap();
        validation::read::<Vec<File>>(&body).unwrap_err().body()["detail"][0].clone()
    }

    //= docs/contract.md#file-input
    //= type=test
    //# A `File` of `fal-app` MUST be read from a URL of `http`, `https` or `data`, and from an object with `url`, `content_type`, `file_name` and `file_size`, of which only the first is needed.
    #[test]
    fn it_is_read_from_a_url_and_from_an_object() {
        for url in ["http://a.test/x", "https://a.test/x?y#z", "HTTPS://a.test", "data:,x"] {
            for json in [json!(url), json!({ "url": url }), json!({ "url": url, "other": 1 })] {
                assert_eq!(serde_json::from_value::<File>(json).unwrap(), File::at(url));
            }
        }
        let whole = json!({ "url": "http://a.test/x", "content_type": "image/png", "file_name": "x.png", "file_size": 4 });
        let file: File = serde_json::from_value(whole.clone()).unwrap();
        assert_eq!(
            (file.url(), file.content_type(), file.file_name(), file.file_size()),
            ("http://a.test/x", Some("image/png"), Some("x.png"), Some(4))
        );
        assert_eq!(serde_json::to_value(file).unwrap(), whole);
        let packed = rmp_serde::to_vec_named(&whole).unwrap();
        assert_eq!(rmp_serde::from_slice::<File>(&packed).unwrap().file_size(), Some(4));
    }

    #[test]
    fn what_is_no_file_is_told_as_fal_tells_it() {
        for text in ["", "x", "ftp://a.test/x", "file:///etc/passwd", "/x"] {
            let error = refused(&json!([text]));
            assert_eq!(
                (&error["type"], &error["loc"]),
                (&json!("value_error"), &json!(["body", 0]))
            );
            assert_eq!(error["msg"], "Value error, value must be a valid URL");
        }
        let error = refused(&json!([3]));
        assert_eq!(
            (&error["type"], &error["loc"]),
            (&json!("model_attributes_type"), &json!(["body", 0]))
        );
        let error = refused(&json!([{ "file_name": "x" }]));
        assert_eq!(
            (&error["type"], &error["loc"]),
            (&json!("missing"), &json!(["body", 0, "url"]))
        );
        let error = refused(&json!([{ "url": "http://a.test", "file_size": "x" }]));
        assert_eq!(
            (&error["type"], &error["loc"]),
            (&json!("int_parsing"), &json!(["body", 0, "file_size"]))
        );
    }

    #[test]
    fn all_that_can_be_said_stands_in_an_output() {
        let json = serde_json::to_value(File::at("http://a.test/x")).unwrap();
        let wanted = json!({ "url": "http://a.test/x", "content_type": null, "file_name": null, "file_size": null });
        assert_eq!(json, wanted);
        let schema = schemars::schema_for!(File).to_value();
        let properties = schema["properties"].as_object().unwrap();
        assert!(properties.keys().eq(wanted.as_object().unwrap().keys()));
        assert_eq!(schema["required"], json!(["url"]));
    }
}
