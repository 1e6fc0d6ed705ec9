//! A proof among other fields.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
enum Failed {
    #[runner_broken]
    Gpu(RunnerBroken, u32),
}

fn main() {}
