//! Answers that are not what the caller's type wants.

use serde::de::DeserializeOwned;

use crate::{error::Error, reply::Reply};

/// Characters of what could not be read that are kept.
const EXCERPT: usize = 500;

/// JSON that does not fit the type, or no JSON.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` cannot be read")]
pub struct DecodeError {
    /// Where in the value it does not fit, as `items[2].url`; `.` is the whole of it.
    pub at: String,
    /// The beginning of what was to be read.
    pub text: String,
    /// The answer. For an event of a stream it has no body.
    pub reply: Reply,
    /// What is wrong with it.
    #[source]
    pub source: serde_json::Error,
}

impl DecodeError {
    pub(crate) fn read<T: DeserializeOwned>(json: &[u8], reply: &Reply) -> Result<T, Error> {
        let mut reader = serde_json::Deserializer::from_slice(json);
        let found = serde_path_to_error::deserialize(&mut reader);
        let failed = |at: String, source| {
            let text = excerpt(json);
            Error::Decode(Self { at, text, reply: reply.clone(), source })
        };
        let value = found.map_err(|error| failed(error.path().to_string(), error.into_inner()))?;
        reader.end().map_err(|source| failed(".".to_owned(), source))?;
        Ok(value)
    }
}

/// The beginning of a body, as text.
pub(super) fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body.get(..4 * EXCERPT).unwrap_or(body));
    text.chars().take(EXCERPT).collect()
}
