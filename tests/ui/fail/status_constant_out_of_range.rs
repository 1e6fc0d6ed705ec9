//! A constant that no error has.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
enum Failed {
    #[status(codes::FINE)]
    Fine,
}

mod codes {
    pub const FINE: u16 = 200;
}

fn main() {}
