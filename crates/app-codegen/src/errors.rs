//! Where problems are gathered, so that one run of the compiler shows all of them.
//!
//! A [`Sink`] stands for one part of the input (an argument, an endpoint, a variant). It knows
//! whether its own part failed, so that the part can be left out while everything else is still
//! generated.

mod catalogue;

use std::cell::{Cell, RefCell};

use quote::ToTokens;

pub(crate) use self::catalogue::Mistake;

/// All problems of one expansion, in the order in which they were found.
#[derive(Default)]
pub(crate) struct Errors(RefCell<Vec<syn::Error>>);

impl Errors {
    /// The sink that all parts branch off.
    pub(crate) fn sink(&self) -> Sink<'_> {
        Sink { errors: self, parent: None, failed: Cell::new(false) }
    }

    /// What was reported.
    pub(crate) fn into_vec(self) -> Vec<syn::Error> {
        self.0.into_inner()
    }
}

/// Takes the problems of one part.
pub(crate) struct Sink<'a> {
    errors: &'a Errors,
    parent: Option<&'a Self>,
    failed: Cell<bool>,
}

impl Sink<'_> {
    /// A sink for a smaller part, whose failure is also this one's.
    pub(crate) fn part(&self) -> Sink<'_> {
        Sink { errors: self.errors, parent: Some(self), failed: Cell::new(false) }
    }

    /// Whether anything was reported here or in a smaller part.
    pub(crate) fn failed(&self) -> bool {
        self.failed.get()
    }

    /// Reports a mistake at the tokens that are wrong.
    pub(crate) fn report(&self, at: impl ToTokens, mistake: &Mistake) {
        self.push(syn::Error::new_spanned(at, mistake));
    }

    /// Passes on what the parser said.
    pub(crate) fn push(&self, error: syn::Error) {
        self.errors.0.borrow_mut().push(error);
        self.fail();
    }

    fn fail(&self) {
        self.failed.set(true);
        if let Some(parent) = self.parent {
            parent.fail();
        }
    }
}
