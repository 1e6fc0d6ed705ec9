//! A field that is not named by its text.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
enum Failed {
    #[status(422, field = prompt)]
    Empty,
}

fn main() {}
