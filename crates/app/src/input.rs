//! What an endpoint takes: plain data, read straight from the body's bytes.

use serde::de::DeserializeOwned;

use crate::validation::{self, Invalid};

/// A type that an endpoint can take as its input: every type with `Deserialize`.
#[diagnostic::on_unimplemented(
    message = "an endpoint cannot take `{Self}`: its input must be plain data",
    label = "not an endpoint input",
    note = "an endpoint's input is a type with `Deserialize`, read from the JSON body of the \
            request; `fal_app::request` has the headers"
)]
pub trait EndpointInput: Sized + Send + 'static {
    /// Reads the input from what was sent.
    ///
    /// # Errors
    /// When the body does not fit; the answer is then a 422 that says where.
    fn read(sent: Sent<'_>) -> Result<Self, Invalid>;
}

/// The body of a request, as the endpoint's input sees it.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'b> {
    pub(crate) body: &'b [u8],
    /// Whether the request's content type admits JSON.
    pub(crate) json: bool,
}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + Send + 'static> EndpointInput for T {
    fn read(sent: Sent<'_>) -> Result<Self, Invalid> {
        if !sent.json && !sent.body.is_empty() {
            return Err(validation::not_json(sent.body));
        }
        // The hot path never sees a JSON tree; only a body that does not fit is read again.
        serde_json::from_slice(sent.body).or_else(|_| validation::read(sent.body))
    }
}

/// The input of an endpoint that takes none: the body is not looked at.
#[derive(Debug, Clone, Copy)]
pub struct NoInput;

impl EndpointInput for NoInput {
    fn read(_: Sent<'_>) -> Result<Self, Invalid> {
        Ok(Self)
    }
}
