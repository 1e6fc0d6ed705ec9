//! An output that cannot be described.

use fal_app::prelude::*;

#[fal_app]
struct Hello;

#[fal_app]
impl Hello {
    #[setup]
    async fn setup() -> Result<Self, SetupError> {
        Ok(Self)
    }

    #[endpoint("/")]
    async fn predict(&self, text: String) -> Result<Output, Failed> {
        Ok(Output { text })
    }
}

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
#[status(500)]
struct Failed;

#[derive(Serialize)]
struct Output {
    text: String,
}

fn main() {}
