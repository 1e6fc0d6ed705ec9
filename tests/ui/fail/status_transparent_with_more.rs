//! A failure that answers for itself and lets another answer.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
enum Failed {
    #[status(transparent, needs_retry = true)]
    Cancelled(Cancelled),
}

fn main() {}
