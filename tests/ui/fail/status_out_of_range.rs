//! A status that no error has.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
enum Failed {
    #[status(600)]
    Beyond,
}

fn main() {}
