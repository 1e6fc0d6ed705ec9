//! A broken runner without a proof.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
enum Failed {
    #[runner_broken]
    Gpu,
}

fn main() {}
