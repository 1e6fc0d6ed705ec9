//! A realtime endpoint that takes several inputs and does not say how many.

use fal_app::prelude::*;

#[fal_app]
struct Hello;

#[fal_app]
impl Hello {
    #[setup]
    async fn setup() -> Result<Self, SetupError> {
        Ok(Self)
    }

    #[realtime("/realtime", buffering = 4)]
    async fn live(&self, inputs: Vec<String>) -> Result<u32, Failed> {
        drop(inputs);
        Err(Failed)
    }
}

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
#[status(500)]
struct Failed;

fn main() {}
