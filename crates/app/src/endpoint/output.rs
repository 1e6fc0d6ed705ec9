//! What an endpoint returns: plain data, bytes, or a stream of events.

use http::HeaderValue;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    describe::openapi::{Content, Schemas},
    endpoint::{blob::Blob, event_stream::EventStream},
    shell::body::Body,
};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");

/// A type that an endpoint can return: every type with `Serialize` and `JsonSchema`, [`Blob`] and
/// [`EventStream`].
#[diagnostic::on_unimplemented(
    message = "an endpoint cannot return `{Self}`: it must be plain data",
    label = "not an endpoint output",
    note = "put `#[derive(Serialize, JsonSchema)]` on it: the one writes the JSON of the answer, \
            the other describes it in /openapi.json",
    note = "a response, a status or a router is no output, because a 503 could hide in it, which \
            ends this runner: return a `Blob` for bytes, and for another status an `Err` whose \
            type derives `AppError`"
)]
pub trait EndpointOutput: Send + 'static {
    /// The body of the 200 that carries this output.
    ///
    /// # Errors
    /// When the output's `Serialize` fails, or its content type is none.
    fn write(self) -> Result<Written, WriteError>;

    /// What that body holds.
    fn content(schemas: &mut Schemas) -> Content;
}

/// An output as it goes over the wire.
#[derive(Debug)]
pub struct Written {
    pub(crate) content_type: HeaderValue,
    pub(crate) body: Body,
}

/// Why an output cannot go over the wire.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Its `Serialize` failed.
    #[error("the output could not be serialised")]
    Json(#[from] serde_json::Error),
    /// Its content type cannot stand in a header.
    #[error("{0:?} is no content type")]
    ContentType(String),
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + JsonSchema + Send + 'static> EndpointOutput for T {
    fn write(self) -> Result<Written, WriteError> {
        let json = serde_json::to_vec(&self)?;
        Ok(Written { content_type: JSON, body: Body::whole(json) })
    }

    fn content(schemas: &mut Schemas) -> Content {
        Content::json_of(schemas.of::<T>())
    }
}

impl EndpointOutput for Blob {
    fn write(self) -> Result<Written, WriteError> {
        match HeaderValue::from_str(self.content_type()) {
            Ok(content_type) => Ok(Written { content_type, body: Body::whole(self.into_bytes()) }),
            Err(_) => Err(WriteError::ContentType(self.content_type().to_owned())),
        }
    }

    fn content(_: &mut Schemas) -> Content {
        Content::any()
    }
}

impl<T: Serialize + JsonSchema + Send + 'static> EndpointOutput for EventStream<T> {
    fn write(self) -> Result<Written, WriteError> {
        Ok(Written { content_type: EVENTS, body: Body::events(self) })
    }

    fn content(schemas: &mut Schemas) -> Content {
        Content::events_of(schemas.of::<T>())
    }
}
