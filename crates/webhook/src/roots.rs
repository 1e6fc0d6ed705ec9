//! Whose certificates are trusted.

use tokio_rustls::rustls::{RootCertStore, pki_types::CertificateDer};

/// The certificate authorities that vouch for `https` targets.
#[derive(Debug, Clone)]
pub struct Roots {
    pub(crate) store: RootCertStore,
    complaints: Vec<String>,
}

impl Roots {
    /// Those of this machine; `SSL_CERT_FILE` and `SSL_CERT_DIR` in the environment name others. Reads files.
    ///
    /// A machine that has none can still deliver to `http` targets.
    ///
    /// ```
    /// let roots = fal_webhook::Roots::native();
    /// assert!(roots.is_empty() || roots.complaints().len() < 1000);
    /// ```
    #[must_use]
    pub fn native() -> Self {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = Self::from_certificates(found.certs);
        roots.complaints.extend(found.errors.iter().map(ToString::to_string));
        roots
    }

    /// These certificates in DER and no others. One that cannot be read is left out and among the
    /// [`complaints`](Self::complaints).
    ///
    /// ```
    /// let roots = fal_webhook::Roots::from_der([b"no certificate".as_slice()]);
    /// assert!(roots.is_empty());
    /// assert_eq!(roots.complaints().len(), 1);
    /// ```
    #[must_use]
    pub fn from_der<'a>(certificates: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self::from_certificates(certificates.into_iter().map(CertificateDer::from_slice))
    }

    fn from_certificates<'a>(certificates: impl IntoIterator<Item = CertificateDer<'a>>) -> Self {
        let mut store = RootCertStore::empty();
        let mut complaints = Vec::new();
        for certificate in certificates {
            if let Err(error) = store.add(certificate.into_owned()) {
                complaints.push(format!("a root certificate cannot be read: {error}"));
            }
        }
        Self { store, complaints }
    }

    /// Whether nobody is trusted, so that every delivery to an `https` target fails.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.store.is_empty()
    }

    /// What could not be read of them, for the platform's log.
    #[must_use]
    pub fn complaints(&self) -> &[String] {
        &self.complaints
    }
}
