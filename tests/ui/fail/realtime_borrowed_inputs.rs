//! A realtime endpoint that borrows the inputs of its session.

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
    async fn live(&self, inputs: &mut Inputs<String>) -> Result<String, Failed> {
        inputs.next().await.ok_or(Failed)
    }
}

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
#[status(500)]
struct Failed;

fn main() {}
