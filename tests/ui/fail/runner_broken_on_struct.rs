//! A struct as a broken runner.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
#[runner_broken]
struct Failed(RunnerBroken);

fn main() {}
