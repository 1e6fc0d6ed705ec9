//! A failure that lets nothing answer.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
enum Failed {
    #[status(transparent)]
    Lost,
}

fn main() {}
