//! A success as an error.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
enum Failed {
    #[status(200)]
    Fine,
}

fn main() {}
