//! A failure whose boxed payload has no status.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
#[status(transparent)]
struct Failed(Box<std::io::Error>);

fn main() {}
