//! Why there is no key.

use std::{io, path::PathBuf};

/// Why a key could not be read or made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file is there and cannot be read.
    #[error("the webhook key {path} cannot be read, check the file's owner and mode: {error}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// The file is not there and cannot be made.
    #[error("the webhook key {path} cannot be made, check that its folder is there and can be written to: {error}", path = path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// The file holds something else.
    #[error(
        "{path} is not a webhook key ({reason}): move it away, and a new key is made; receivers then fetch the new public key",
        path = path.display()
    )]
    NoKeyFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The document holds something else.
    #[error(
        "this is not an Ed25519 key as a PKCS#8 document in DER ({0}): `openssl genpkey -algorithm ed25519 -outform DER` writes one"
    )]
    NoKey(String),
    /// The system gives no random numbers.
    #[error(
        "the system gives no random numbers, so no webhook key can be made: check that /dev/urandom is there"
    )]
    NoRandomness,
}
