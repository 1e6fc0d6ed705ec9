//! A variant without a status.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
enum Failed {
    Forgotten,
}

fn main() {}
