//! Retries of a condition that there is not.

use fal_app::prelude::*;

#[fal_app(retry_config(timeouts = 3))]
struct Hello;

#[fal_app]
impl Hello {
    #[setup]
    async fn setup() -> Result<Self, SetupError> {
        Ok(Self)
    }

    #[endpoint("/")]
    async fn predict(&self, input: String) -> Result<String, Failed> {
        Ok(input)
    }
}

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
#[status(500)]
struct Failed;

fn main() {}
