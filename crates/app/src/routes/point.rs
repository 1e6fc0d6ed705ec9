//! Where an endpoint is, and what there is to say of it.

/// A path and the function behind it.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct Point {
    pub(crate) path: &'static str,
    pub(crate) name: &'static str,
    /// Its doc comment.
    pub(crate) about: &'static str,
}

impl Point {
    /// The function of this name, at this path.
    pub const fn new(path: &'static str, name: &'static str) -> Self {
        Self { path, name, about: "" }
    }

    /// What the function's doc comment says.
    pub const fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }
}
