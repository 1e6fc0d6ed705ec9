//! A certificate with its key, as it lies in files.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio_rustls::rustls::{
    crypto::ring::sign::any_supported_type,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};

/// Where a certificate and its key lie, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The certificate, followed by those that lead to its authority.
    pub certificate: PathBuf,
    /// Its key: PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
}

/// Why there is no identity in files.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file cannot be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no certificate in the file.
    #[error("{0} has no certificate in PEM")]
    NoCertificate(PathBuf),
    /// There is no key in the file.
    #[error("{0} has no private key in PEM")]
    NoKey(PathBuf),
    /// The key is of a kind that is not known here.
    #[error("the key in {0} is of no kind that TLS can use here: ECDSA, Ed25519 and RSA are")]
    UnknownKey(PathBuf),
    /// The two do not belong together.
    #[error("the key in {key} is not that of the certificate in {certificate}")]
    Mismatch {
        /// Where the certificate is.
        certificate: PathBuf,
        /// Where the key is.
        key: PathBuf,
    },
}

/// A certificate that connections can be made with, and where it came from.
#[derive(Debug)]
pub struct Identity {
    pub(crate) files: Files,
    pub(crate) read: Stamps,
    pub(crate) certified: Arc<CertifiedKey>,
}

/// What tells files from those that may stand in their place later.
pub(crate) type Stamps = [Option<(u64, i64, i64, u64)>; 2];

impl Identity {
    /// Reads and checks both files.
    ///
    /// # Errors
    /// When they are not a certificate and its key.
    pub fn read(files: Files) -> Result<Self, IdentityError> {
        // Before the files themselves: what changes in between is then read once more.
        let read = files.stamps();
        let Files { certificate, key } = &files;
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&contents(certificate)?)
            .collect::<Result<_, _>>()
            .map_err(|_| IdentityError::NoCertificate(certificate.clone()))?;
        if chain.is_empty() {
            return Err(IdentityError::NoCertificate(certificate.clone()));
        }
        let secret = PrivateKeyDer::from_pem_slice(&contents(key)?)
            .map_err(|_| IdentityError::NoKey(key.clone()))?;
        let signer =
            any_supported_type(&secret).map_err(|_| IdentityError::UnknownKey(key.clone()))?;
        let certified = CertifiedKey::new(chain, signer);
        certified.keys_match().map_err(|_| IdentityError::Mismatch {
            certificate: certificate.clone(),
            key: key.clone(),
        })?;
        Ok(Self { read, certified: Arc::new(certified), files })
    }
}

impl Files {
    pub(crate) fn stamps(&self) -> Stamps {
        [&self.certificate, &self.key].map(|path| {
            let found = fs::metadata(path).ok()?;
            Some((found.ino(), found.mtime(), found.mtime_nsec(), found.len()))
        })
    }
}

fn contents(path: &Path) -> Result<Vec<u8>, IdentityError> {
    fs::read(path).map_err(|source| IdentityError::Unreadable { path: path.to_owned(), source })
}
