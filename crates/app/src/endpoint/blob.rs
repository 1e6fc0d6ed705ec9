//! Bytes that are no JSON: an image, a sound, an archive.

use std::fmt;

use bytes::Bytes;

/// Bytes with their content type: what an endpoint takes or returns where JSON does not fit.
///
/// As an input it is the request's body as it came, whatever its type. As an output it goes out
/// with 200 and its content type.
///
/// ```
/// use fal_app::Blob;
///
/// let image = Blob::new("image/png", vec![0x89, b'P', b'N', b'G']);
/// assert_eq!((image.content_type(), image.bytes().len()), ("image/png", 4));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Blob {
    content_type: String,
    bytes: Bytes,
}

impl Blob {
    /// Content type of bytes of which nobody said what they are.
    pub const UNTYPED: &'static str = "application/octet-stream";

    /// Bytes of this type. A type that cannot stand in a header makes the answer a 500.
    #[must_use]
    pub fn new(content_type: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        Self { content_type: content_type.into(), bytes: bytes.into() }
    }

    /// What the bytes are, as in the header `content-type`.
    #[must_use]
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    /// The bytes.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The bytes, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob({}, {} bytes)", self.content_type, self.bytes.len())
    }
}
