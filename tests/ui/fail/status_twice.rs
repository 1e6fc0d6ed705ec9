//! Two statuses.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
enum Failed {
    #[status(500)]
    #[status(504)]
    Slow,
}

fn main() {}
