//! Every message in one table.
//!
//! The first line says what is wrong. The second says what to type instead. Lower case, no full
//! stop at the end, and no word that only this crate knows.

mod arguments;
mod bodies;
mod failures;
mod roles;
mod signatures;

use std::{borrow::Cow, fmt};

/// What a user can get wrong, in words.
pub(crate) struct Mistake {
    what: Cow<'static, str>,
    help: Cow<'static, str>,
}

impl Mistake {
    const fn fixed(what: &'static str, help: &'static str) -> Self {
        Self { what: Cow::Borrowed(what), help: Cow::Borrowed(help) }
    }

    fn new(what: impl Into<Cow<'static, str>>, help: impl Into<Cow<'static, str>>) -> Self {
        Self { what: what.into(), help: help.into() }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nhelp: {}", self.what, self.help)
    }
}
