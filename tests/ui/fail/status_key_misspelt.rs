//! An option with a typo.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
enum Failed {
    #[status(500, needs_rety = true)]
    Busy,
}

fn main() {}
