//! The secret that callers are known by.

use std::fmt;

use http::HeaderValue;

use crate::client::SetupError;

/// A key as it stands in `Authorization`. It is never shown.
#[derive(Clone)]
pub(crate) struct Key(HeaderValue);

impl Key {
    /// Keys are copied from files and pages, so white space around one is left out.
    pub(crate) fn new(text: &str) -> Result<Self, SetupError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(SetupError::NoKey);
        }
        let mut value = HeaderValue::try_from(format!("Key {text}"))
            .map_err(|_its_text_would_hold_the_key| SetupError::BadKey)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    pub(crate) fn authorization(&self) -> HeaderValue {
        self.0.clone()
    }
}

//= docs/contract.md#rust-client-key
//# Nothing that the client shows of itself, says in an error or logs MUST hold the key.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}
