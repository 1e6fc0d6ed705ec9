//! A warm-up that wants what only the setup gets.

use fal_app::prelude::*;

#[fal_app]
struct Hello;

#[fal_app]
impl Hello {
    #[setup]
    async fn setup() -> Result<Self, SetupError> {
        Ok(Self)
    }

    #[warmup]
    async fn warm(&self, cx: &SetupContext) -> Result<(), SetupError> {
        drop(cx.var("A"));
        Ok(())
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
