//! Every failure a broken runner.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
#[runner_broken]
enum Failed {
    #[status(500)]
    Inference,
}

fn main() {}
