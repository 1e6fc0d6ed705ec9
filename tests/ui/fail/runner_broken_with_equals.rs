//! A broken runner with its reason behind an equals sign.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
enum Failed {
    #[runner_broken = "why"]
    Gpu(RunnerBroken),
}

fn main() {}
