//! An input that cannot be described.

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
    async fn predict(&self, input: Input) -> Result<String, Failed> {
        Ok(input.prompt)
    }
}

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
#[status(500)]
struct Failed;

#[derive(Deserialize)]
struct Input {
    prompt: String,
}

fn main() {}
