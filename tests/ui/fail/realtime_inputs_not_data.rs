//! A realtime endpoint whose inputs cannot be read from messages.

use fal_app::prelude::*;

#[fal_app]
struct Hello;

#[fal_app]
impl Hello {
    #[setup]
    async fn setup() -> Result<Self, SetupError> {
        Ok(Self)
    }

    #[realtime("/realtime")]
    async fn live(&self, inputs: Inputs<std::time::Instant>) -> Result<String, Failed> {
        drop(inputs);
        Err(Failed)
    }
}

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
#[status(500)]
struct Failed;

fn main() {}
