//! A struct without a status.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
struct Failed;

fn main() {}
