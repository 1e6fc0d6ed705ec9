//! An option of the derive behind an equals sign.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
#[status(500)]
#[app_error = "fal_app"]
struct Failed;

fn main() {}
