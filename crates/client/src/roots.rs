//! Whose certificates are trusted.

use std::sync::Arc;

use tokio_rustls::rustls::{
    ClientConfig, RootCertStore,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use crate::client::SetupError;

/// The machine's authorities and these, in PEM. A file or folder in `SSL_CERT_FILE` or `SSL_CERT_DIR` stands for the
/// machine's, as it does for most programs.
pub(crate) fn config(more: &[Vec<u8>]) -> Result<ClientConfig, SetupError> {
    let mut store = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::debug!(%error, "a certificate of this machine cannot be read");
    }
    // Some that a machine has are of no use to anybody, and are left out.
    let _counts = store.add_parsable_certificates(native.certs);
    for pem in more {
        for certificate in read(pem)? {
            store.add(certificate).map_err(|error| SetupError::BadRoot(error.to_string()))?;
        }
    }
    Ok(ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has cipher suites for the versions that are the default")
        .with_root_certificates(store)
        .with_no_client_auth())
}

/// At least one, since a text without any was meant to hold one.
fn read(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| SetupError::BadRoot(error.to_string()))?;
    if found.is_empty() {
        return Err(SetupError::BadRoot("there is no certificate in it".to_owned()));
    }
    Ok(found)
}
