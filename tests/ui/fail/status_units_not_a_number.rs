//! A price in words.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
enum Failed {
    #[status(422, billable_units = "free")]
    Refused,
}

fn main() {}
