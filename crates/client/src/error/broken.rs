//! Connections that could not be made, and those that broke.

use std::{error::Error as StdError, fmt, io};

use hyper_util::client::legacy;
use tokio_rustls::rustls;

use crate::{reach::is_out_of_reach, reply::Reply};

/// There was no answer.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// There is no connection: the name is unknown, nobody listens, or it took too long. Nothing was sent.
    #[error("{host} cannot be reached")]
    Connect {
        /// The host that was to be reached.
        host: String,
        /// Why it could not.
        #[source]
        cause: Cause,
    },
    /// There is somebody, and no way to trust them: the certificate is none that is known, or not for this host.
    /// Nothing was sent.
    #[error("the connection to {host} cannot be trusted")]
    Tls {
        /// The host that was reached.
        host: String,
        /// What is wrong with it.
        #[source]
        cause: Cause,
    },
    /// It leads to an address that it may not, as [`Reach`](crate::Reach) says. Nothing was sent.
    #[error("{host} is out of reach: it has no public address")]
    OutOfReach {
        /// The host that was to be reached.
        host: String,
    },
    /// The connection broke before an answer came, or what came is no HTTP. The request may have been received, and
    /// may run.
    #[error("the connection to {host} broke before the answer")]
    Broken {
        /// The host at its other end.
        host: String,
        /// How it broke.
        #[source]
        cause: Cause,
    },
}

/// An answer that began and was cut short.
#[derive(Debug, thiserror::Error)]
#[error("its end is missing")]
pub struct Cut {
    /// Bytes of the body that had come.
    pub received: u64,
    /// The answer's head; the body is left out.
    pub reply: Reply,
    /// How the connection broke; none where it was closed in order, in the middle of an event.
    #[source]
    pub cause: Option<Cause>,
}

/// What the connection itself says, for people. The type behind it is not part of the interface.
#[derive(Debug)]
pub struct Cause(Inner);

#[derive(Debug)]
enum Inner {
    Client(legacy::Error),
    Body(hyper::Error),
}

impl TransportError {
    pub(crate) fn new(host: String, error: legacy::Error) -> Self {
        if is_out_of_reach(&error) {
            return Self::OutOfReach { host };
        }
        let (is_connect, is_tls) = (error.is_connect(), is_tls(&error));
        let cause = Cause(Inner::Client(error));
        match (is_connect, is_tls) {
            (true, true) => Self::Tls { host, cause },
            (true, false) => Self::Connect { host, cause },
            (false, _) => Self::Broken { host, cause },
        }
    }

    /// Whether not a byte of the request was sent.
    #[must_use]
    pub const fn is_unsent(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Tls { .. } | Self::OutOfReach { .. } => true,
            Self::Broken { .. } => false,
        }
    }
}

impl Cut {
    pub(crate) fn new(received: u64, reply: Reply, cause: Option<hyper::Error>) -> Self {
        Self { received, reply, cause: cause.map(|error| Cause(Inner::Body(error))) }
    }
}

impl Cause {
    /// What is below the client's own word for "it failed", which says nothing.
    fn inner(&self) -> &(dyn StdError + 'static) {
        match &self.0 {
            Inner::Client(error) => error.source().unwrap_or(error),
            Inner::Body(error) => error,
        }
    }

    /// Why the caller's own body could not be read, where it was that that failed.
    pub(crate) fn own_body(&self) -> Option<io::Error> {
        let error = self.inner().downcast_ref::<hyper::Error>().filter(|error| error.is_user())?;
        let error = error.source()?.downcast_ref::<io::Error>()?;
        Some(io::Error::new(error.kind(), error.to_string()))
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.inner(), f)
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner().source()
    }
}

/// Whether it is TLS that failed. An I/O error hides what it was made of from its sources, so it is looked into.
fn is_tls(error: &(dyn StdError + 'static)) -> bool {
    if error.is::<rustls::Error>() {
        return true;
    }
    let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    inside.is_some_and(|error| is_tls(error)) || error.source().is_some_and(is_tls)
}
