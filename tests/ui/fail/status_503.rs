//! A 503 without a proof.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
enum Failed {
    #[status(503)]
    Overloaded,
}

fn main() {}
