//! The platform's key, with which receivers know that a webhook is the platform's.

use std::{fmt, path::Path};

use bytes::Bytes;
use fal_types::RequestId;
use ring::{
    digest::{SHA256, digest},
    hmac,
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair as _},
};

use crate::encode::{base64url, hex};

mod error;
mod file;
#[cfg(test)]
mod tests;

pub use self::error::KeyError;

/// An Ed25519 key that signs webhooks.
///
/// Its public half is published as a key set, see [`Key::jwks`]; nothing prints the other half.
///
/// ```
/// use fal_webhook::Key;
///
/// let key = Key::generate()?;
/// let elsewhere = Key::from_pkcs8(key.to_pkcs8())?;
/// assert_eq!(elsewhere.jwks(), key.jwks());
/// # Ok::<(), fal_webhook::KeyError>(())
/// ```
pub struct Key {
    pair: Ed25519KeyPair,
    /// The document that the pair was read from.
    pkcs8: Vec<u8>,
}

/// What one signature is about.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// The request that the webhook tells of.
    pub request_id: RequestId,
    /// Who submitted the request.
    pub user_id: &'a str,
    /// When the delivery begins, in seconds since the Unix epoch. Receivers accept 300 s of difference from their
    /// own clock, so every delivery is signed anew.
    pub timestamp_secs: u64,
    /// The body, byte for byte as it is sent.
    pub body: &'a Bytes,
}

impl Key {
    /// The key in this file, made first where there is none: a PKCS#8 document in DER, readable by its owner only.
    ///
    /// The file appears whole or not at all. Two processes that make it at once may end up with different keys,
    /// so the caller holds the folder's lock.
    ///
    /// # Errors
    ///
    /// The file cannot be read or made, or is not a key; never replaces a file that is there.
    ///
    /// ```
    /// use fal_webhook::Key;
    ///
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("webhook.key");
    /// let made = Key::load_or_create(&path)?;
    /// assert_eq!(Key::load_or_create(&path)?.jwks(), made.jwks());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn load_or_create(path: &Path) -> Result<Self, KeyError> {
        file::load_or_create(path)
    }

    /// A new key that is kept nowhere.
    ///
    /// # Errors
    ///
    /// The system gives no random numbers.
    pub fn generate() -> Result<Self, KeyError> {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
        Self::from_pkcs8(pkcs8.map_err(|_| KeyError::NoRandomness)?.as_ref())
    }

    /// The key in a PKCS#8 document in DER, as [`Key::to_pkcs8`] or OpenSSL writes it.
    ///
    /// # Errors
    ///
    /// The document is not an Ed25519 key.
    pub fn from_pkcs8(document: &[u8]) -> Result<Self, KeyError> {
        // OpenSSL leaves the public half out, and then there is nothing to check it against.
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(document)
            .map_err(|rejected| KeyError::NoKey(rejected.to_string()))?;
        Ok(Self { pair, pkcs8: document.to_vec() })
    }

    /// The secret key as a PKCS#8 document in DER, for keeping it where several nodes find it.
    #[must_use]
    pub fn to_pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// A secret for another purpose, the same wherever this key is. It says nothing about the key or about secrets for
    /// other purposes.
    ///
    /// ```
    /// let key = fal_webhook::Key::generate()?;
    /// assert_eq!(key.derive("tokens"), key.derive("tokens"));
    /// assert_ne!(key.derive("tokens"), key.derive("cookies"));
    /// # Ok::<(), fal_webhook::KeyError>(())
    /// ```
    #[must_use]
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.pkcs8);
        let mut secret = [0; 32];
        secret.copy_from_slice(hmac::sign(&key, purpose.as_bytes()).as_ref());
        secret
    }

    /// The public half as a JSON Web Key Set, which receivers fetch and keep for up to a day.
    ///
    /// ```
    /// let jwks = fal_webhook::Key::generate()?.jwks();
    /// assert!(jwks.starts_with(r#"{"keys":[{"kty":"OKP","crv":"Ed25519","use":"sig","kid":""#));
    /// # Ok::<(), fal_webhook::KeyError>(())
    /// ```
    #[must_use]
    pub fn jwks(&self) -> String {
        let (kid, x) = (self.kid(), self.x());
        format!(
            r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","use":"sig","kid":"{kid}","x":"{x}"}}]}}"#
        )
    }

    /// The signature in lower-case hexadecimal digits, of the request id, the user id, the timestamp and the
    /// body's SHA-256, joined by line feeds.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use fal_types::RequestId;
    /// use fal_webhook::{Key, Signed};
    ///
    /// let (request_id, body) = (RequestId::from_bits(1), Bytes::from_static(b"{}"));
    /// let signed = Signed { request_id, user_id: "acme", timestamp_secs: 1_790_000_000, body: &body };
    /// assert_eq!(Key::generate()?.sign(signed).len(), 128);
    /// # Ok::<(), fal_webhook::KeyError>(())
    /// ```
    #[must_use]
    pub fn sign(&self, signed: Signed<'_>) -> String {
        let Signed { request_id, user_id, timestamp_secs, body } = signed;
        let body = hex(digest(&SHA256, body).as_ref());
        let message = format!("{request_id}\n{user_id}\n{timestamp_secs}\n{body}");
        hex(self.pair.sign(message.as_bytes()).as_ref())
    }

    /// The key's name: its thumbprint as RFC 7638 defines it, so that the same key has the same name everywhere.
    fn kid(&self) -> String {
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, self.x());
        base64url(digest(&SHA256, members.as_bytes()).as_ref())
    }

    fn x(&self) -> String {
        base64url(self.pair.public_key().as_ref())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("kid", &self.kid()).finish_non_exhaustive()
    }
}
