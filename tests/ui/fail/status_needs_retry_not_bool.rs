//! An option that is no yes or no.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
enum Failed {
    #[status(500, needs_retry = "yes")]
    Busy,
}

fn main() {}
