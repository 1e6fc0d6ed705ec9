//! A status in words.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
enum Failed {
    #[status("bad request")]
    Bad,
}

fn main() {}
