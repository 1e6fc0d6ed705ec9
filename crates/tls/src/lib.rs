//! The platform's end of TLS: certificates, and connections made with them.
//!
//! An [`Identity`] is a certificate with its key, from files of its owner's or from an [`authority`] of the platform's own,
//! which is made once and which clients are told to trust. It can be read again while connections are served. An
//! [`Acceptor`] turns a connection into one over TLS, and says which protocol the client wants on it.
//!
//! Invariant: a certificate that cannot be used never replaces one that can.
//!
//! ```
//! use std::{net::Ipv4Addr, time::SystemTime};
//!
//! use fal_tls::{Acceptor, Identity, authority};
//!
//! let folder = tempfile::tempdir()?;
//! let files = authority::ensure(folder.path(), &[Ipv4Addr::LOCALHOST.into()], SystemTime::UNIX_EPOCH)?;
//! let acceptor = Acceptor::new(Identity::read(files)?);
//! assert!(!acceptor.refresh()?, "nothing has changed since");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod acceptor;
pub mod authority;
mod identity;

pub use crate::{
    acceptor::{Acceptor, Protocol, Secured},
    identity::{Files, Identity, IdentityError},
};

#[cfg(test)]
mod tests;
