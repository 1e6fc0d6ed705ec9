//! A reason at the wrong place.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
enum Failed {
    #[runner_broken("out of memory")]
    Gpu(RunnerBroken),
}

fn main() {}
