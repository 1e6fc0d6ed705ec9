//! A generic failure whose payload need not have a status.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
enum Failed<E: std::error::Error + Send + 'static> {
    #[status(transparent)]
    Inner(E),
}

fn main() {}
