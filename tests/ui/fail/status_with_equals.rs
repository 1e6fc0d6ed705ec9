//! A status behind an equals sign.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
enum Failed {
    #[status = 422]
    Empty,
}

fn main() {}
