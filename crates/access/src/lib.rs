//! Who may call what: keys, short-lived tokens, and how much at once.
//!
//! [`Keys`] are what callers prove themselves with; only their hashes are held. [`Tokens`] are rights for minutes, which
//! a key's holder hands to a browser. [`Access`] puts both to use: it says who a caller is, and whether that one may call
//! an app of this [`Mode`]. A [`Pass`] is the place that a call takes among those of its key.
//!
//! Invariant: no key's text is held, printed or compared byte by byte; nothing here reads a clock.
//!
//! ```
//! use std::sync::Arc;
//!
//! use fal_access::{Access, Entry, Keys, Mode, Proof, Tokens};
//!
//! let keys = Keys::new([Entry::parse("ops:a-long-secret")?])?;
//! let access = Access::new(keys, Arc::new(Tokens::new(b"what tokens are signed with")));
//! let proof = Proof { authorization: Some(b"Key ops:a-long-secret"), token: None };
//! let caller = access.admit(Mode::Private, (&"demo/hello".parse()?, "/"), proof, 1_790_000_000)?;
//! assert_eq!(caller.name(), Some("ops"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod access;
mod keys;
mod load;
mod pages;
mod tokens;

pub use crate::{
    access::{Access, Caller, Denied, Mode, ModeError, Proof},
    keys::{Entry, KeyError, Keys, NewKey},
    load::{Busy, Load, Pass},
    pages::{is_own_name, is_own_page},
    tokens::{Right, TokenError, Tokens},
};
