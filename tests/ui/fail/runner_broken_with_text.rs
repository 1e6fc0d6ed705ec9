//! A proof that proves nothing.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
enum Failed {
    #[runner_broken]
    Gpu(String),
}

fn main() {}
