//! A status of a struct, a 503 at that, behind an equals sign.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
#[status = 503]
struct Failed;

fn main() {}
