//! What an endpoint returns: plain data, or a stream of events.

use serde::Serialize;

use crate::{body::Body, error::EndpointError, event_stream::EventStream};

/// A type that an endpoint can return: every type with `Serialize`, and [`EventStream`].
#[diagnostic::on_unimplemented(
    message = "an endpoint cannot return `{Self}`: it must be plain data",
    label = "not an endpoint output",
    note = "endpoints return data (a type with `Serialize`) or an `EventStream`, never a \
            response, a status or a router",
    note = "to answer with another status return an `Err` whose type derives `AppError`"
)]
pub trait EndpointOutput: Send + 'static {
    /// The body of the 200 that carries this output.
    ///
    /// # Errors
    /// When the output's `Serialize` fails.
    fn write(self) -> Result<Written, serde_json::Error>;
}

/// An output as it goes over the wire.
#[derive(Debug)]
pub struct Written {
    pub(crate) content_type: &'static str,
    pub(crate) body: Body,
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + Send + 'static> EndpointOutput for T {
    fn write(self) -> Result<Written, serde_json::Error> {
        let json = serde_json::to_vec(&self)?;
        Ok(Written { content_type: "application/json", body: Body::whole(json) })
    }
}

impl<T: Serialize + Send + 'static> EndpointOutput for EventStream<T> {
    fn write(self) -> Result<Written, serde_json::Error> {
        let body = Body::events(self);
        Ok(Written { content_type: "text/event-stream; charset=utf-8", body })
    }
}

/// The whole return type of an endpoint: `Result<Output, Error>`.
#[diagnostic::on_unimplemented(
    message = "an endpoint must return `Result<Output, Error>`, not `{Self}`",
    label = "not an endpoint's result",
    note = "the `Ok` type is data with `Serialize` or an `EventStream`, the `Err` type derives \
            `AppError`"
)]
pub trait EndpointResult {}

#[diagnostic::do_not_recommend]
impl<O: EndpointOutput, E: EndpointError> EndpointResult for Result<O, E> {}
