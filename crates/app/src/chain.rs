//! Errors as one line: `Display` excludes the source, so a log line walks the chain itself.

use std::{error::Error, fmt};

/// An error with all its sources, joined by colons.
#[derive(Debug)]
pub(crate) struct Chain<E>(pub(crate) E);

impl<E: Error> fmt::Display for Chain<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
