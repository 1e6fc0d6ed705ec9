//! A status without a number.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
enum Failed {
    #[status]
    Bad,
}

fn main() {}
