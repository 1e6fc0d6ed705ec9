//! A status for all variants.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
#[status(500)]
enum Failed {
    #[status(500)]
    Inference,
}

fn main() {}
