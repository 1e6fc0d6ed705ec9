//! What an endpoint takes: plain data, read straight from the body's bytes, or the bytes themselves.

use bytes::Bytes;
use http::{HeaderMap, header::CONTENT_TYPE};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{
    describe::openapi::{Content, Schemas},
    endpoint::blob::Blob,
    validation::{self, Invalid},
};

/// A type that an endpoint can take as its input: every type with `Deserialize` and `JsonSchema`,
/// and [`Blob`].
#[diagnostic::on_unimplemented(
    message = "an endpoint cannot take `{Self}`: its input must be plain data",
    label = "not an endpoint input",
    note = "put `#[derive(Deserialize, JsonSchema)]` on it: the one reads the request's JSON body, \
            the other describes it in /openapi.json",
    note = "for a body that is no JSON take a `Blob`, for its headers take `request: &Request`"
)]
pub trait EndpointInput: Sized + Send + 'static {
    /// Reads the input from what was sent.
    ///
    /// # Errors
    /// When the body does not fit; the answer is then a 422 that says where.
    fn read(sent: Sent<'_>) -> Result<Self, Invalid>;

    /// What the body holds; `None` where it is not looked at.
    fn content(schemas: &mut Schemas) -> Option<Content>;
}

/// The body of a request, as the endpoint's input sees it.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'b> {
    pub(crate) body: &'b Bytes,
    pub(crate) headers: &'b HeaderMap,
}

impl Sent<'_> {
    /// Whether the body may be read as JSON: so says its content type, or nothing does.
    fn admits_json(self) -> bool {
        let Some(content_type) = self.headers.get(CONTENT_TYPE) else { return true };
        if content_type == "application/json" {
            return true;
        }
        let Ok(content_type) = content_type.to_str() else { return false };
        let essence = content_type.split(';').next().unwrap_or_default();
        let essence = essence.trim().to_ascii_lowercase();
        essence
            .strip_prefix("application/")
            .is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
    }
}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + JsonSchema + Send + 'static> EndpointInput for T {
    fn read(sent: Sent<'_>) -> Result<Self, Invalid> {
        if !sent.body.is_empty() && !sent.admits_json() {
            return Err(validation::not_json(sent.body));
        }
        // The hot path never sees a JSON tree; only a body that does not fit is read again.
        serde_json::from_slice(sent.body).or_else(|_| validation::read(sent.body))
    }

    fn content(schemas: &mut Schemas) -> Option<Content> {
        Some(Content::json_of(schemas.of::<T>()))
    }
}

impl EndpointInput for Blob {
    fn read(sent: Sent<'_>) -> Result<Self, Invalid> {
        let content_type = sent.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        Ok(Self::new(content_type.unwrap_or(Self::UNTYPED), sent.body.clone()))
    }

    fn content(_: &mut Schemas) -> Option<Content> {
        Some(Content::any())
    }
}

/// The input of an endpoint that takes none: the body is not looked at.
#[derive(Debug, Clone, Copy)]
pub struct NoInput;

impl EndpointInput for NoInput {
    fn read(_: Sent<'_>) -> Result<Self, Invalid> {
        Ok(Self)
    }

    fn content(_: &mut Schemas) -> Option<Content> {
        None
    }
}
