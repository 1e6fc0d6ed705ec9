//! An order to the platform that is no yes or no.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
enum Failed {
    #[status(500, stop_runner = 1)]
    Leaking,
}

fn main() {}
