//! A failure whose payload has no status.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
enum Failed {
    #[status(transparent)]
    Disk(std::io::Error),
}

fn main() {}
