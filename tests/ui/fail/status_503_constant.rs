//! A constant that is 503.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
enum Failed {
    #[status(codes::BUSY)]
    Overloaded,
}

mod codes {
    pub const BUSY: u16 = 500 + 3;
}

fn main() {}
