//! An error's type that cannot stand in a header.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
enum Failed {
    #[status(422, type = "too large")]
    Large,
}

fn main() {}
