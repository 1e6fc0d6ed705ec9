//! Connections over TLS.

use std::{fmt, io, sync::Arc};

use parking_lot::RwLock;
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring::default_provider,
        server::{ClientHello, ResolvesServerCert},
        sign::CertifiedKey,
    },
    server::TlsStream,
};

use crate::identity::{Identity, IdentityError};

/// A connection over TLS.
pub type Secured = TlsStream<TcpStream>;

/// What is spoken on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1, also where the client did not say.
    Http1,
    /// HTTP/2.
    Http2,
}

/// What makes connections over TLS. Cheap to clone.
#[derive(Clone)]
pub struct Acceptor {
    inner: TlsAcceptor,
    current: Arc<Current>,
}

/// The certificate of connections from now on.
#[derive(Debug)]
struct Current {
    identity: RwLock<Identity>,
}

impl Acceptor {
    /// Connections with this certificate: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1.
    ///
    /// # Panics
    /// Never: the versions asked for are those that the provider has.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        let current = Arc::new(Current { identity: RwLock::new(identity) });
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has the default versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self { inner: TlsAcceptor::from(Arc::new(config)), current }
    }

    /// Makes one connection. How long a client may take is the caller's affair.
    ///
    /// # Errors
    /// When the client does not speak TLS, or does not trust the certificate.
    pub async fn accept(&self, stream: TcpStream) -> io::Result<(Secured, Protocol)> {
        let secured = self.inner.accept(stream).await?;
        let (_, connection) = secured.get_ref();
        let protocol = match connection.alpn_protocol() {
            Some(b"h2") => Protocol::Http2,
            Some(_) | None => Protocol::Http1,
        };
        Ok((secured, protocol))
    }

    //= docs/contract.md#tls-files
    //# A certificate that was changed MUST be used for new connections without a restart, and one that cannot be used MUST NOT replace one that can.
    /// Reads the certificate again where its files have changed, for connections from now on. Answers whether they had.
    ///
    /// # Errors
    /// When what is there now cannot be used; the one from before goes on.
    pub fn refresh(&self) -> Result<bool, IdentityError> {
        let files = {
            let identity = self.current.identity.read();
            if identity.files.stamps() == identity.read {
                return Ok(false);
            }
            identity.files.clone()
        };
        let stamps = files.stamps();
        match Identity::read(files) {
            Ok(identity) => {
                *self.current.identity.write() = identity;
                Ok(true)
            }
            Err(error) => {
                // It is said once, and looked at again when it changes again.
                self.current.identity.write().read = stamps;
                Err(error)
            }
        }
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.identity.read().certified))
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor").finish_non_exhaustive()
    }
}
