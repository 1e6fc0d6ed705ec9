//! What one delivery sends: the body and the headers that vouch for it.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONTENT_TYPE, USER_AGENT},
};

use crate::key::{Key, Signed};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-fal-webhook-request-id");
const USER_ID: HeaderName = HeaderName::from_static("x-fal-webhook-user-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("x-fal-webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("x-fal-webhook-signature");

/// A signed body. It is good for one delivery: its timestamp grows old.
///
/// ```
/// use bytes::Bytes;
/// use fal_types::RequestId;
/// use fal_webhook::{Key, Message, Signed};
///
/// let (request_id, body) = (RequestId::from_bits(1), Bytes::from_static(b"{}"));
/// let signed = Signed { request_id, user_id: "acme", timestamp_secs: 1_790_000_000, body: &body };
/// let message = Message::new(&Key::generate()?, signed)?;
/// assert_eq!(message.headers()["x-fal-webhook-user-id"], "acme");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Message {
    headers: HeaderMap,
    body: Bytes,
}

/// Why a body could not be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// The user id would not arrive as it was signed.
    #[error(
        "the user id {0:?} cannot stand in a header: give one of visible ASCII characters without spaces"
    )]
    UserId(String),
}

impl Message {
    /// Signs a body.
    ///
    /// # Errors
    ///
    /// The user id is empty or has characters that a header loses.
    pub fn new(key: &Key, signed: Signed<'_>) -> Result<Self, MessageError> {
        let refuse = || MessageError::UserId(signed.user_id.to_owned());
        if signed.user_id.is_empty() || !signed.user_id.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(refuse());
        }
        let user_id = HeaderValue::from_str(signed.user_id).map_err(|_| refuse())?;
        Ok(Self { headers: headers(key, signed, user_id), body: signed.body.clone() })
    }

    /// Its headers, but for those that depend on the target and the length.
    #[must_use]
    pub const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Its body.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }
}

fn headers(key: &Key, signed: Signed<'_>, user_id: HeaderValue) -> HeaderMap {
    let request_id = HeaderValue::from_bytes(&signed.request_id.to_ascii())
        .expect("hexadecimal digits and hyphens can stand in a header");
    let signature =
        HeaderValue::try_from(key.sign(signed)).expect("hexadecimal digits can stand in a header");
    HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (USER_AGENT, HeaderValue::from_static("fal-rs-webhook")),
        (REQUEST_ID, request_id),
        (USER_ID, user_id),
        (TIMESTAMP, HeaderValue::from(signed.timestamp_secs)),
        (SIGNATURE, signature),
    ])
}

#[cfg(test)]
mod tests {
    use fal_types::RequestId;

    use super::*;

    #[test]
    fn a_user_id_that_would_not_arrive_as_it_was_signed_is_refused() {
        let (key, body) = (Key::generate().unwrap(), Bytes::new());
        for user_id in ["", "a b", " a", "a\nb", "\u{e9}"] {
            let signed = Signed {
                request_id: RequestId::from_bits(1),
                user_id,
                timestamp_secs: 1,
                body: &body,
            };
            let refused = Message::new(&key, signed).unwrap_err();
            assert_eq!(refused, MessageError::UserId(user_id.to_owned()));
        }
    }
}
